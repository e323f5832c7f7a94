# The chain on one screen: rules only wire files, threads, resources, logs and one verb of `rs-pipeline` each.
# A step runs again when an input or one of its own configuration sections (params.depends) changed. What follows `assign` is planned
# after it, by the lists of scenes that it changed: that is how a new search costs only what is new.
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from rs_pipeline.checks import check_files
from rs_pipeline.config import parse
from rs_pipeline.errors import PipelineError
from rs_pipeline.layout import LAND, PERIOD_MAPS, PRODUCTS, SHORE_FAMILIES, SHORE_RADAR, Layout
from rs_pipeline.lineage import SECTIONS
from rs_pipeline.paths import config_folder
from rs_pipeline.provinces import load_province
from rs_pipeline.storage.retry import Mark, job_name, read_marks
from rs_pipeline.operations.run import begin, end, settle_times
from rs_pipeline.operations.summary import words
from rs_pipeline.simulation import world_files

if not workflow.config_settings.configfiles:
    configfile: "config/config.yaml"

try:
    S = parse(config, where="--configfile / --config")
    PROVINCE_UNITS = load_province(S.province).units.file
    check_files(S, made=[PROVINCE_UNITS], keys=["units.path"])
except PipelineError as fault:
    raise WorkflowError(str(fault))

if workflow.is_main_process:
    settle_times(S.root)

L, PERIODS = Layout(S.root), [p.label for p in S.all_periods]
VERB = f"{shlex.quote(sys.executable)} -m rs_pipeline.cli"
CONFIG = f"--config {shlex.quote(str(L.settings))}"
SAMPLE = [S.simulation.path / name for name in world_files(S.simulation.landscape)] if S.simulation else []
UNITS = [S.units.path]
COAST = [L.shorelines, L.transects] if S.coastline else []
WATER, COVER = ([L.map(product, p) for p in PERIODS] for product in ("water", "vegetation"))
MARKS = read_marks(L.marks)
CHIPS = [L.chips("{period}", "{tile}"), *([] if S.fetch.keep_chips else [temp(directory(L.chip_folder("{period}", "{tile}")))])]


def log_of(name): return f"{L.root}/logs/{name}.log"
def bench_of(name): return f"{L.root}/benchmarks/{name}.tsv"
def present(*paths): return [p for p in paths if p and (p.exists() or S.simulation)]  # onstart tells of the missing


def assigned(files): return lambda w: checkpoints.assign.get() and files(w)


LAND_TABLES = present(S.tables.red_line, S.tables.reserves, S.tables.mines, S.tables.xiongan, S.tables.shoreline_buffers)


def tile_ids():
    import pandas
    checkpoints.assign.get()
    return pandas.read_parquet(L.tiles).tile.tolist()


def times_marked(verb): return lambda w: MARKS.get(job_name(verb, w.tile, w.period), Mark()).times
def this_attempt(wildcards, attempt): return attempt
def more_memory(first_mb): return lambda wildcards, attempt: int(first_mb * 1.5 ** (min(attempt, S.resources.attempts) - 1))


def per_tile_and_period(path): return lambda w: [path(p, tile) for p in PERIODS for tile in tile_ids()]


wildcard_constraints:
    period="[A-Za-z0-9][A-Za-z0-9-]*",
    tile=r"r\d+c\d+",
    product="|".join(PERIOD_MAPS),


localrules: all


rule all:
    input:
        assigned(lambda w: [
            *[L.map(product, p) for product in PERIOD_MAPS for p in PERIODS], L.trend_map, *COAST, L.bodies, L.reaches, L.inspection_index, L.quality,
            *[L.counties(p) for p in PERIODS], L.indicators, L.indicators_parquet, L.evidence, L.counties_latest, L.dictionary, L.report, L.stac,
        ]),


onstart:
    try:
        check_files(S, made=[PROVINCE_UNITS])
        begin(S)
    except PipelineError as fault:
        raise WorkflowError(str(fault))


onsuccess:
    found = end(S, failed=False)
    print(words(found), file=sys.stderr)
    if found.given_up:
        raise WorkflowError("finished, but not complete: see above, and the report")


onerror:
    print(words(end(S, failed=True)), file=sys.stderr)


if S.simulation:
    rule sample:
        output: SAMPLE
        params: path=S.simulation.path, seed=S.simulation.seed, years=S.simulation.years, land=S.simulation.landscape, size="{} {}".format(*S.simulation.size_px)
        log: log_of("sample")
        benchmark: bench_of("sample")
        shell: "{VERB} sample {params.path} --seed {params.seed} --years {params.years} --landscape {params.land} --size {params.size} 2> {log}"


rule province_units:
    output: PROVINCE_UNITS
    params: province=shlex.quote(S.province)
    log: log_of("province_units")
    shell: "{VERB} units {params.province} {output} 2> {log}"


rule search:
    input: UNITS, SAMPLE[:1]
    output: L.scenes, L.orbits
    params: depends=S.fingerprint(*SECTIONS["search"])
    log: log_of("search")
    benchmark: bench_of("search")
    retries: 2
    shell: "{VERB} search {CONFIG} 2> {log}"


rule grid:
    input: UNITS
    output: L.tiles
    params: depends=S.fingerprint(*SECTIONS["grid"])
    log: log_of("grid")
    shell: "{VERB} grid {CONFIG} 2> {log}"


checkpoint assign:
    input: L.scenes, L.tiles
    output: L.tile_scenes
    params: depends=S.fingerprint("periods")
    log: log_of("assign")
    benchmark: bench_of("assign")
    shell: "{VERB} assign {CONFIG} 2> {log}"


rule fetch:
    input: assigned(lambda w: L.scene_list(w.period, w.tile))
    output: CHIPS
    params: depends=S.fingerprint(*SECTIONS["fetch"]), again=times_marked("fetch")
    threads: 2
    resources: mem_mb=more_memory(1500), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("fetch/{period}/{tile}")
    benchmark: bench_of("fetch/{period}/{tile}")
    shell: "{VERB} fetch {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --threads {threads} --attempt {resources.attempt} 2> {log}"


rule observe:
    input: CHIPS, present(S.coastline and S.coastline.reference)
    output: [L.tile_map("{period}", "{tile}", product) for product in PRODUCTS]
    params: depends=S.fingerprint(*SECTIONS["observe"]), again=times_marked("observe")
    threads: 2
    priority: 1
    resources: mem_mb=more_memory(S.resources.memory_gb * 1000 + 800), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("observe/{period}/{tile}")
    benchmark: bench_of("observe/{period}/{tile}")
    shell: "{VERB} observe {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --threads {threads} --attempt {resources.attempt} 2> {log}"


rule preview:
    input: CHIPS
    output: L.preview("{period}", "{tile}")
    params: again=times_marked("preview")
    priority: 1
    resources: mem_mb=more_memory(1500), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("preview/{period}/{tile}")
    benchmark: bench_of("preview/{period}/{tile}")
    shell: "{VERB} preview {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --attempt {resources.attempt} 2> {log}"


rule land:
    input: CHIPS
    output: L.tile_map("{period}", "{tile}", LAND)
    params: depends=S.fingerprint(*SECTIONS["land"]), again=times_marked("land")
    threads: 2
    priority: 1
    resources: mem_mb=more_memory(S.resources.memory_gb * 1000 + 800), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("land/{period}/{tile}")
    benchmark: bench_of("land/{period}/{tile}")
    shell: "{VERB} land {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --threads {threads} --attempt {resources.attempt} 2> {log}"


rule mosaic:
    input: lambda w: [L.tile_map(w.period, tile, w.product) for tile in tile_ids()]
    output: L.map("{product}", "{period}")
    log: log_of("mosaic/{product}_{period}")
    benchmark: bench_of("mosaic/{product}_{period}")
    shell: "{VERB} mosaic {CONFIG} --period {wildcards.period} --product {wildcards.product} 2> {log}"


rule trend:
    input: [L.tile_map(p, "{tile}", "vegetation") for p in PERIODS]
    output: L.trend_tile("{tile}")
    params: depends=S.fingerprint(*SECTIONS["trend"])
    log: log_of("trend/{tile}")
    benchmark: bench_of("trend/{tile}")
    shell: "{VERB} trend {CONFIG} --tile {wildcards.tile} 2> {log}"


rule trend_map:
    input: lambda w: [L.trend_tile(tile) for tile in tile_ids()]
    output: L.trend_map
    params: depends=S.fingerprint(*SECTIONS["trend"])
    log: log_of("trend_map")
    benchmark: bench_of("trend_map")
    shell: "{VERB} trend-map {CONFIG} 2> {log}"


rule trend_zonal:
    input: L.trend_map, UNITS, lambda w: [L.tile_map(PERIODS[-1], tile, "water") for tile in tile_ids()]
    output: L.trend_counties
    log: log_of("trend_zonal")
    shell: "{VERB} trend-zonal {CONFIG} 2> {log}"


rule bodies:
    input: WATER, UNITS, present(S.water.known_bodies)
    output: L.bodies
    params: depends=S.fingerprint(*SECTIONS["bodies"])
    log: log_of("bodies")
    shell: "{VERB} bodies {CONFIG} 2> {log}"


rule reach_lines:
    input: WATER, UNITS
    output: L.reach_lines
    params: depends=S.fingerprint(*SECTIONS["reach_lines"])
    log: log_of("reach_lines")
    shell: "{VERB} reach-lines {CONFIG} 2> {log}"


rule reach_scores:
    input: CHIPS, L.reach_lines, L.map("water", "{period}")
    output: L.reach_scores("{period}", "{tile}")
    params: depends=S.fingerprint(*SECTIONS["reach_scores"]), again=times_marked("reach-scores")
    priority: 2
    resources: mem_mb=more_memory(1500), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("reach_scores/{period}/{tile}")
    benchmark: bench_of("reach_scores/{period}/{tile}")
    shell: "{VERB} reach-scores {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --attempt {resources.attempt} 2> {log}"


rule reaches:
    input: L.reach_lines, per_tile_and_period(L.reach_scores), present(S.black_odorous.wetland_prior, S.tables.field_results)
    output: L.reaches, L.inspection_list
    params: depends=S.fingerprint(*SECTIONS["reaches"])
    log: log_of("reaches")
    shell: "{VERB} reaches {CONFIG} 2> {log}"


rule pictures:
    input:
        L.reaches, L.inspection_list, per_tile_and_period(L.reach_scores), per_tile_and_period(L.chips),
        [] if S.fetch.keep_chips else per_tile_and_period(L.chip_folder),
    output: L.inspection_index
    log: log_of("pictures")
    shell: "{VERB} pictures {CONFIG} 2> {log}"


rule quality_scores:
    input: CHIPS, L.bodies, L.map("water", "{period}")
    output: L.quality_scores("{period}", "{tile}")
    params: depends=S.fingerprint(*SECTIONS["quality_scores"]), again=times_marked("quality-scores")
    priority: 2
    resources: mem_mb=more_memory(1500), attempt=this_attempt
    retries: S.resources.attempts
    log: log_of("quality_scores/{period}/{tile}")
    benchmark: bench_of("quality_scores/{period}/{tile}")
    shell: "{VERB} quality-scores {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --attempt {resources.attempt} 2> {log}"


rule quality:
    input: per_tile_and_period(L.quality_scores)
    output: L.quality
    log: log_of("quality")
    shell: "{VERB} quality {CONFIG} 2> {log}"


if S.coastline:
    COAST_TABLES = present(S.coastline.reference, S.coastline.tide_table)
    SHORES = (*SHORE_FAMILIES, SHORE_RADAR)

    rule shore:
        input: CHIPS, COAST_TABLES
        output: [L.shore("{period}", "{tile}", family) for family in SHORES]
        params: depends=S.fingerprint(*SECTIONS["shore"]), again=times_marked("shore")
        priority: 1
        resources: mem_mb=more_memory(S.resources.memory_gb * 1000 + 800), attempt=this_attempt
        retries: S.resources.attempts
        log: log_of("shore/{period}/{tile}")
        benchmark: bench_of("shore/{period}/{tile}")
        shell: "{VERB} shore {CONFIG} --tile {wildcards.tile} --period {wildcards.period} --attempt {resources.attempt} 2> {log}"

    rule coastline:
        input: *[per_tile_and_period(lambda p, t, f=f: L.shore(p, t, f)) for f in SHORES], UNITS, COAST_TABLES, WATER, COVER
        output: L.shorelines, L.transects, L.transects.with_suffix(".csv")
        params: depends=S.fingerprint(*SECTIONS["coastline"])
        log: log_of("coastline")
        benchmark: bench_of("coastline")
        shell: "{VERB} coastline {CONFIG} 2> {log}"


rule zonal:
    input:
        lambda w: [L.tile_map(p, t, product) for p in {w.period, S.baseline_label} for t in tile_ids() for product in PRODUCTS],
        lambda w: [L.chips(w.period, t) for t in tile_ids()], UNITS, present(S.tables.grassland, S.tables.lakes),
    output: L.counties("{period}")
    params: depends=S.fingerprint(*SECTIONS["zonal"])
    log: log_of("zonal/{period}")
    benchmark: bench_of("zonal/{period}")
    shell: "{VERB} zonal {CONFIG} --period {wildcards.period} 2> {log}"


rule land_zonal:
    input: lambda w: [L.map(LAND, p) for p in {w.period, S.baseline_label}], L.map("water", S.baseline_label), L.bodies, UNITS, COAST, LAND_TABLES
    output: L.land_counties("{period}")
    params: depends=S.fingerprint(*SECTIONS["land_zonal"])
    log: log_of("land_zonal/{period}")
    benchmark: bench_of("land_zonal/{period}")
    shell: "{VERB} land-zonal {CONFIG} --period {wildcards.period} 2> {log}"


rule indicators:
    input:
        [L.counties(p) for p in PERIODS], [L.land_counties(p) for p in PERIODS], L.trend_counties, L.reaches, L.bodies, COAST, L.scenes,
        S.targets_path, config_folder() / "errors.csv",
        present(*[getattr(S.tables, t) for t in ("values", "red_line", "grassland_plots", "gdp", "reference_samples", "urban", "restored_coast")]),
        [L.map("vegetation", p) for p in PERIODS if S.tables.grassland_plots or S.tables.reference_samples],
        [L.map(product, p) for product in ("water", LAND) for p in PERIODS if S.tables.reference_samples],
    output: L.indicators, L.indicators_parquet, L.evidence
    params: depends=S.fingerprint(*SECTIONS["indicators"])
    log: log_of("indicators")
    benchmark: bench_of("indicators")
    shell: "{VERB} indicators {CONFIG} 2> {log}"


rule gis:
    input:
        L.indicators, L.indicators_parquet, L.evidence, UNITS, L.scenes, L.orbits, L.tiles, [L.counties(p) for p in PERIODS], L.trend_counties,
        [L.land_counties(p) for p in PERIODS], [L.map(product, p) for product in PERIOD_MAPS for p in PERIODS], L.trend_map, L.bodies, L.reaches,
        L.inspection_index, L.quality, COAST,
    output: L.counties_latest, L.dictionary, [path.with_suffix(".qml") for path in (L.reaches, L.bodies, *COAST)]
    log: log_of("gis")
    shell: "{VERB} gis {CONFIG} 2> {log}"


rule report:
    input:
        L.indicators, [L.map(product, p) for product in PERIOD_MAPS for p in PERIODS], L.trend_map, L.bodies, L.reaches, L.inspection_index, COAST,
        L.scenes, L.orbits, per_tile_and_period(L.preview),
    output: L.report, directory(L.report_pictures)
    log: log_of("report")
    benchmark: bench_of("report")
    shell: "{VERB} report {CONFIG} 2> {log}"


rule stac:
    input:
        L.indicators, L.evidence, L.counties_latest, L.dictionary, [L.map(product, p) for product in PERIOD_MAPS for p in PERIODS], L.trend_map,
        L.bodies, L.reaches, COAST, L.report,
    output: L.stac
    log: log_of("stac")
    shell: "{VERB} stac {CONFIG} 2> {log}"
