"""The `rs-pipeline` command: one verb per step, made from the register of steps. Steps are imported when they run, so --help is quick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from rs_pipeline import __version__
from rs_pipeline.config import Settings
from rs_pipeline.errors import PipelineError
from rs_pipeline.steps import Step, call_step, steps
from rs_pipeline.threads import limit_threads

FIRST, RESULTS, TRUST, OTHERS, STEPS = "First", "Understand the results", "Keep a run whole", "Simulated worlds and tables", "Steps of the chain, by hand"
PANELS = (FIRST, RESULTS, TRUST, OTHERS, STEPS)
"""Groups of verbs in the help, in the order in which a user needs them."""

FIRST_VERBS = ("init", "plan", "check", "run")
"""Verbs of the panel FIRST in the order in which they are used; others follow."""


class InOrder(TyperGroup):
    """The command with its verbs in the order of `PANELS`."""

    def list_commands(self, ctx: Any) -> list[str]:
        def place(name: str) -> tuple[int, int]:
            panel = getattr(self.commands[name], "rich_help_panel", None)
            return PANELS.index(panel) if panel in PANELS else len(PANELS), FIRST_VERBS.index(name) if name in FIRST_VERBS else len(FIRST_VERBS)

        return sorted(super().list_commands(ctx), key=place)


app = typer.Typer(
    name="rs-pipeline", cls=InOrder, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="From public Sentinel and Landsat scenes to county indicators. `rs-pipeline init` writes a configuration, `rs-pipeline run` does everything.",
)  # fmt: skip

Config = Annotated[Path, typer.Option("--config", "-c", help="Configuration file; a run writes its own to results/<run>/config.yaml.")]
OwnConfig = Annotated[Path | None, typer.Option("--config", "--configfile", "-c", help="Configuration file; default rs-pipeline.yaml in this folder.")]
TileId = Annotated[str, typer.Option("--tile", help="Tile id, e.g. r000c001 (see tiles.parquet).")]
PeriodLabel = Annotated[str, typer.Option("--period", help="Period label, e.g. 2024.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of this job.")]
ProductName = Annotated[
    str,
    typer.Option(
        "--product",
        help="A map of a period: vegetation, water, black_odorous, observations, land, soil_loss (with heights), or one that another package brings.",
    ),
]
Attempt = Annotated[int, typer.Option("--attempt", min=1, help="Number of this try; after resources.attempts tries the tile is given up.")]
Due = Annotated[bool, typer.Option("--due", help="Do nothing where the files exist and none of their inputs has changed.")]


BEGINNINGS = ("search", "grid")
"""Steps that begin a run. Without --attempt a step is started by hand, not by Snakemake: the inputs are then checked here."""


def _is_default(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT"


class Job(TyperCommand):
    """A step of the chain, run as a job: it takes the lock, writes to the journal, and is given up after resources.attempts tries."""

    def invoke(self, ctx: Any) -> Any:
        from rs_pipeline.operations.job import run_job

        given, settings = ctx.params, _settings(ctx.params["config"])
        if self.name in BEGINNINGS and _is_default(ctx, "attempt"):
            _check(settings, planning=True)
        about = {name: given[name] for name in ("tile", "period", "attempt") if name in given}
        verb = ":".join(filter(None, (self.name, given.get("product"))))
        run_job(settings, verb, lambda: super(Job, self).invoke(ctx), **about, only_due=given["due"])


def _settings(path: Path) -> Settings:
    from rs_pipeline.config import load

    return load(path)


def _make_units(settings: Settings) -> None:
    """Make the province's units where the configuration names them and they are not made yet."""
    from rs_pipeline.provinces import load_province
    from rs_pipeline.units import province_units

    province = load_province(settings.province)
    if settings.units.path == province.units.file and not province.units.file.exists():
        province_units(province, province.units.file)


def _check(settings: Settings, *, planning: bool) -> None:
    from rs_pipeline.checks import check_files
    from rs_pipeline.provinces import load_province

    check_files(settings, made=[load_province(settings.province).units.file], planning=planning)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _top(version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True)] = False) -> None:
    pass


@app.command(rich_help_panel=FIRST)
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("rs-pipeline.yaml"),
    quick: Annotated[bool, typer.Option("--quick", help="Two counties of Hebei and two years from a public catalog: no account, no side table.")] = False,
    hebei: Annotated[bool, typer.Option("--hebei", help="The province: 167 county units, 2019 to today.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Scenes on this disk: a STAC catalog, or a folder of items; its collections and years are filled in. `rs-pipeline catalog` makes one.",
        ),
    ] = None,
) -> None:
    """Write a configuration with comments into this folder; without an option one for polygons of your own and a public catalog."""
    from rs_pipeline.operations.init import write_configuration

    if quick + hebei + (folder is not None) > 1:
        raise typer.BadParameter("--quick, --hebei and --folder exclude one another")
    left_out = write_configuration(path, like="hebei-quick" if quick else "hebei" if hebei else None, scenes=folder)
    for line in left_out:
        typer.echo(f"left out: {line}", err=True)
    named = "" if path == Path("rs-pipeline.yaml") else f" --config {path}"
    typer.echo(f"{path} written; read and change it, then: rs-pipeline check --config {path}; rs-pipeline run{named}", err=True)


@app.command(name="catalog", rich_help_panel=FIRST)
def catalog_of(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the scenes: SAFE folders of Sentinel-2 L2A, Landsat Collection 2 Level 2 (files or tar), HLS v2.0 files.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write the catalog to; default the folder of the scenes.")] = None,
) -> None:
    """Write the STAC catalog of scenes that lie on this disk, so that a run reads them."""
    from rs_pipeline.catalog.archive import write_catalog

    found = write_catalog(folder, out)
    for line in found.left_out:
        typer.echo(f"left out: {line}", err=True)
    count = ", ".join(f"{n} of {name}" for name, n in sorted(found.scenes.items()))
    folders = f"; its sources need folders: [{folder.resolve()}]" if out else ""
    typer.echo(f"scenes: {count}; catalog written, next: rs-pipeline init --folder {out or folder}{folders}", err=True)


@app.command(rich_help_panel=FIRST, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    config: OwnConfig = None,
    sample: Annotated[bool, typer.Option("--sample", help="Run the embedded simulated sample instead.")] = False,
    cores: Annotated[str | None, typer.Option("--cores", help="Cores to use; default all of this machine.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "--dryrun", "-n", help="Only show what would run.")] = False,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A value that replaces that of the configuration, such as run=trial, 'periods=[2024]' or water.min_probability=0.6; may be repeated.",
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Profile of Snakemake: slurm, or the path of your own.")] = None,
    details: Annotated[bool, typer.Option("--details", help="Show all output of Snakemake; its log file has it in any case.")] = False,
) -> None:
    """Do everything: search, fetch, map, judge and report. The same command goes on after an interruption, and does only what is new later.

    Options that are not listed are Snakemake's and are passed on, such as --forcerun search.
    """
    from rs_pipeline.operations.start import force_steps, own_config, run_chain, snakemake_arguments

    more = list(context.args)
    if config is None and more and more[0].endswith((".yaml", ".yml")):
        config = Path(more.pop(0))
    path = own_config(config, sample=sample)
    if not values:  # with --set the file alone is not the configuration of the run
        _see_all_there(_settings(path), planning=dry_run)
    more = force_steps(more, _settings(path)) if more else more
    raise typer.Exit(run_chain(snakemake_arguments(path, cores=cores, dry_run=dry_run, details=details, values=values or (), profile=profile, more=more)))


def _see_all_there(settings: Settings, *, planning: bool) -> None:
    """Report missing files before Snakemake does: it would name a rule, not the configuration key. The files are read when the chain begins."""
    from rs_pipeline.checks import check_missing
    from rs_pipeline.provinces import load_province

    check_missing(settings, made=[load_province(settings.province).units.file], planning=planning)


@app.command(name="simulate", rich_help_panel=OTHERS)
@app.command(name="sample", hidden=True, deprecated=True)
def simulate(
    path: Annotated[Path, typer.Argument(help="Folder to write the simulated world to.")] = Path("data/sample"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
    years: Annotated[int, typer.Option(min=1, max=10, help="Simulated years.")] = 3,
    landscape: Annotated[str, typer.Option(help="coast, mudflat, plain, city, mountain, lake or solar.")] = "coast",
    size: Annotated[tuple[int, int], typer.Option(help="Width and height in 10 m pixels, multiples of 6.")] = (600, 480),
    write_config: Annotated[Path | None, typer.Option(help="Also write a configuration that runs the chain on this world.")] = None,
) -> None:
    """Write a simulated world: scenes as a STAC catalog, side tables, truth."""
    from rs_pipeline.simulation.write import run_config, write_world

    write_world(path, seed=seed, years=years, landscape=landscape, size_px=size)
    if write_config:
        write_config.write_text(run_config(path, every_table=True), "utf-8")


@app.command(rich_help_panel=OTHERS)
def units(
    province: Annotated[str, typer.Argument(help="Name of a table in config/provinces, or path of one.")],
    path: Annotated[Path, typer.Argument(help="GeoPackage to write.")],
) -> None:
    """Write the county polygons of a province, converted to WGS 84."""
    from rs_pipeline.provinces import load_province
    from rs_pipeline.units import province_units

    typer.echo(f"{province_units(load_province(province), path)} units written to {path}", err=True)


@app.command(rich_help_panel=OTHERS)
def heights(
    config: Config,
    out: Annotated[Path | None, typer.Option("--out", help="GeoTIFF to write; default soil.dem of the configuration, or masks.dem.")] = None,
    catalog: Annotated[str | None, typer.Option("--catalog", help="Address of a STAC API; default the first one of the configuration's sources.")] = None,
) -> None:
    """Bring the heights around the units (Copernicus GLO-30) from a STAC API, for terrain shadows and soil loss."""
    from rs_pipeline.catalog.heights import bring_heights, height_source
    from rs_pipeline.region import load_units

    settings = _settings(config)
    target = out or settings.soil.dem or settings.masks.dem
    if target is None:
        raise typer.BadParameter("the configuration names no soil.dem and no masks.dem; give --out, and name that file there")
    _make_units(settings)
    tiles = bring_heights(height_source(settings, catalog), tuple(load_units(settings).total_bounds), settings.fetch, target)
    typer.echo(f"heights of {tiles} tiles written to {target}", err=True)


@app.command(rich_help_panel=OTHERS)
def tides(
    config: Config,
    model: Annotated[str, typer.Option(help="Ocean tide model as pyTMD names it, e.g. EOT20 or FES2022.")],
    folder: Annotated[Path, typer.Option(help="Folder with the files of the model, in its own sub-folders.")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; default coastline.tide_table of the configuration.")] = None,
) -> None:
    """Make the tide table of a coast from a tide model on this machine: hourly heights along the reference line, or around the units."""
    settings = _settings(config)
    target = out or (settings.coastline.tide_table if settings.coastline else None)
    if target is None:
        raise typer.BadParameter("the configuration names no coastline.tide_table; give --out")
    from rs_pipeline.products.coastline.tide_model import model_table

    typer.echo(f"tides of {model_table(settings, model, folder, target)} stations written to {target}", err=True)


@app.command(rich_help_panel=FIRST)
def schema() -> None:
    """Print the JSON schema of the configuration: every key, its meaning and default."""
    import json

    typer.echo(json.dumps(Settings.model_json_schema(), indent=2, ensure_ascii=False))


@app.command(rich_help_panel=FIRST)
def check(config: Config) -> None:
    """Check the configuration and every file it names before anything runs."""
    _check(_settings(config), planning=False)
    typer.echo("the configuration and the files it names are usable", err=True)


@app.command(rich_help_panel=FIRST)
def plan(
    config: Config,
    only: Annotated[list[str] | None, typer.Option("--only", help="Code of a unit; may be given several times. Default: those of the configuration.")] = None,
    years: Annotated[list[str] | None, typer.Option("--years", help="Label of a period; may be given several times.")] = None,
    tiles: Annotated[list[str] | None, typer.Option("--tiles", help="Tile id; may be given several times.")] = None,
    bandwidth: Annotated[float, typer.Option("--bandwidth-mbit", min=0.001, help="Bandwidth of the network, megabits per second.")] = 100.0,
    latency: Annotated[float, typer.Option("--latency-ms", min=0, help="Time until a request is answered, milliseconds.")] = 80.0,
    csv: Annotated[Path | None, typer.Option("--csv", help="Table to write: one row per tile and period.")] = None,
    geojson: Annotated[Path | None, typer.Option("--geojson", help="GeoJSON to write: one feature per tile.")] = None,
) -> None:
    """Estimate the cost of a run before any scene is read: scenes, requests, bytes, core-hours, hours, memory."""
    from rs_pipeline.operations.plan import make_plan, plan_words, write_plan

    settings = _settings(config)
    _check(settings, planning=True)
    _make_units(settings)
    made = make_plan(settings, only=only or (), years=years or (), tiles=tiles or ())
    write_plan(made, csv, geojson)
    typer.echo(plan_words(made, bandwidth, latency, settings.fetch.connections))


def _verb(step: Step) -> Callable[..., None]:
    """The function of a step's verb; its options are those of the step's scope and those of every job."""

    def work(config: Path, threads: int, **names: str) -> None:
        limit_threads(threads)
        call_step(step, _settings(config), names.values(), threads)

    def of_run(config: Config, threads: Threads = step.threads, attempt: Attempt = 1, due: Due = False) -> None:
        work(config, threads)

    def of_period(config: Config, period: PeriodLabel, threads: Threads = step.threads, attempt: Attempt = 1, due: Due = False) -> None:
        work(config, threads, period=period)

    def of_tile(config: Config, tile: TileId, threads: Threads = step.threads, attempt: Attempt = 1, due: Due = False) -> None:
        work(config, threads, tile=tile)

    def of_map(config: Config, period: PeriodLabel, product: ProductName, threads: Threads = step.threads, attempt: Attempt = 1, due: Due = False) -> None:
        work(config, threads, product=product, period=period)

    def of_tile_period(config: Config, tile: TileId, period: PeriodLabel, threads: Threads = step.threads, attempt: Attempt = 1, due: Due = False) -> None:
        work(config, threads, tile=tile, period=period)

    verbs: dict[str, Callable[..., None]] = {"run": of_run, "period": of_period, "tile": of_tile, "map": of_map, "tile_period": of_tile_period}
    return verbs[step.scope]


for _step in steps().values():
    app.command(name=_step.verb, cls=Job, help=_step.help, rich_help_panel=STEPS)(_verb(_step))


@app.command(name="round", rich_help_panel=STEPS)
def steps_of_round(
    config: Config,
    number: Annotated[
        int, typer.Option("--number", min=1, help="1: steps that need only the scenes of the tile; 2 and more: steps that also need maps of the region.")
    ],
    tile: TileId,
    period: PeriodLabel,
    threads: Threads = 2,
    attempt: Attempt = 1,
) -> None:
    """Do all steps of a tile and period that are due, in one process, as the chain does for each tile and period."""
    from rs_pipeline.operations.job import run_round

    limit_threads(threads)
    run_round(_settings(config), number, tile, period, threads=threads, attempt=attempt)


@app.command(name="retry", rich_help_panel=TRUST)
@app.command(name="again", hidden=True, deprecated=True)
def retry(config: Config) -> None:
    """Mark tiles that lost scenes for another fetch: the next run reads only the missing scenes."""
    from rs_pipeline.catalog.losses import losses
    from rs_pipeline.layout import Layout
    from rs_pipeline.storage.retry import job_name, mark_retry

    settings = _settings(config)
    lost = losses(settings)
    for loss in lost:
        mark_retry(Layout(settings.root).retries, job_name("fetch", loss.tile, loss.period))
    typer.echo(f"{len(lost)} tiles and periods will be fetched again", err=True)


@app.command(rich_help_panel=RESULTS)
def summary(config: Config) -> None:
    """Show what the run has done, what is missing and how long the rest may take; exit code 1 where something is missing."""
    from rs_pipeline.operations.summary import summarise_run, words

    found = summarise_run(_settings(config))
    typer.echo(words(found))
    raise typer.Exit(found.status != "complete")


@app.command(rich_help_panel=RESULTS)
def pdf(
    config: Config,
    only: Annotated[list[str] | None, typer.Option("--only", help="Code of a county; may be given several times. Default: all of them.")] = None,
    language: Annotated[str, typer.Option("--language", help="zh or en.")] = "zh",
) -> None:
    """Print the front sheet and the counties of the report to PDF, with the browser that is installed (Chromium, Chrome or Edge)."""
    from rs_pipeline.publish.pdf import pdf as make_pdf

    if language not in ("zh", "en"):
        raise typer.BadParameter("the page speaks zh and en", param_hint="--language")
    made = make_pdf(_settings(config), only or (), language)
    typer.echo(f"{len(made)} files in {made[0].parent}", err=True)


@app.command(rich_help_panel=TRUST)
def verify(
    config: Config,
    quick: Annotated[bool, typer.Option("--quick", help="Compare only the sizes of files; chips are not checked.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Move damaged files aside: the next run makes them again.")] = False,
) -> None:
    """Compare every file of the run, and every chip, with what was written; exit code 1 where one is damaged, missing or unknown."""
    from rs_pipeline.operations.verify import told, verify_run

    found = verify_run(_settings(config), whole=not quick, repair=repair)
    typer.echo(told(found, repaired=repair))
    raise typer.Exit(not found.sound)


@app.command(rich_help_panel=RESULTS)
def explain(
    adcode: Annotated[str, typer.Argument(help="Code or name of a unit; 000000 for all units together.")],
    indicator: Annotated[str, typer.Argument(help="Indicator, or id of a target, as in indicators.csv; for a target, the indicator that judges it.")],
    period: Annotated[str, typer.Argument(help="Period label, e.g. 2024.")],
    config: Config,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every scene.")] = False,
    scenes: Annotated[bool, typer.Option("--scenes", help="List every scene, not only how many there are.")] = False,
) -> None:
    """Explain a cell of indicators.csv: its formula and interval, the accuracy of its method, what checks it, and the scenes, masks, files, configuration and code it was made from."""
    from rs_pipeline.indicators import explain as step

    found = step.explain(_settings(config), adcode, indicator, period)
    typer.echo(step.as_json(found)) if as_json else step.print_explanation(found, scenes)


@app.command(rich_help_panel=RESULTS)
def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the earlier run, results/<run>.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the later run.")],
    output: Annotated[Path | None, typer.Option("--output", help="CSV to write; default <run B>/compared_with_<run A>.csv.")] = None,
) -> None:
    """Show what changed between two runs, and whether because of data, code or configuration."""
    from rs_pipeline.indicators.compare import write_comparison

    write_comparison(run_a, run_b, output or run_b / f"compared_with_{run_a.name}.csv")


@app.command(name="sample-design", rich_help_panel=OTHERS)
@app.command(name="draw-samples", hidden=True, deprecated=True)
def sample_design(
    config: Config,
    period: PeriodLabel,
    product: Annotated[
        str, typer.Option(help="permanent_water, seasonal_water, land_built, land_cropland, land_tree, land_grass, land_wetland, land_bare or land_forest.")
    ] = "permanent_water",
    error: Annotated[float, typer.Option(min=0.001, max=0.2, help="Standard error wanted of the overall accuracy.")] = 0.01,
) -> None:
    """Draw the pixels to look at for tables.reference_samples: random, stratified by the map's class."""
    from rs_pipeline.indicators.sample_design import design_sample as step

    typer.echo(f"{step(_settings(config), product, period, error)} written: fill in the column value", err=True)


@app.command(rich_help_panel=OTHERS)
def score(
    config: Config, truth: Annotated[Path | None, typer.Option("--truth", help="Folder <world>/truth; default: that of the run's own world.")] = None
) -> None:
    """Measure a run against the truth of its simulated world; write accuracy.csv."""
    from rs_pipeline.validation.run import print_scores
    from rs_pipeline.validation.run import write_accuracy as step

    print_scores(step(_settings(config), truth))


@app.command(hidden=True)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Entry point: a `PipelineError` is printed without a traceback, with exit code 2."""
    started = time.monotonic()
    try:
        app()
    except PipelineError as fault:
        typer.echo(f"error: {fault}", err=True)
        sys.exit(2)
    except SystemExit as stop:
        if not stop.code and len(sys.argv) > 2 and "--help" not in sys.argv:
            typer.echo(f"{sys.argv[1]}: done in {time.monotonic() - started:.1f} s", err=True)
        raise


if __name__ == "__main__":
    main()
