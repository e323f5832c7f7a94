"""The register of products: what a product consists of, and how the installed products are found.

A product is a folder with a module ``product`` that defines ``PRODUCT``. The core asks the register for maps, styles, steps, county sums,
facts, indicators, words and columns; it names no product. Another package adds a product through the entry point group
``rs_pipeline.products``, whose value names the same object (``my_package.product:PRODUCT``).

Functions are named by a reference, ``module:attribute``, and imported on use, so that a job of a tile loads only its own product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.model import MapBand, SampledProduct, Style
from rs_pipeline.paths import config_folder, table_path

GROUP = "rs_pipeline.products"
"""Entry points of products that other packages bring."""

OBSERVE = "observe"
"""The step that makes several maps in one pass over the dates."""

LAND_STEP = "land"
"""The step that computes the statistics of seasons (`products.seasons`), for the land map and for every product with ``season_layers``."""

Scope = Literal["run", "period", "tile", "tile_period", "map"]


def resolve(reference: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class StepContext:
    """The period, tile and product that a step works on. Those not given stay wildcards, as Snakemake writes them."""

    settings: Settings
    period: str = "{period}"
    tile: str = "{tile}"
    product: str = "{product}"
    ask_tiles: Callable[[], Sequence[str]] = tuple
    """Returns the ids of all tiles. Called only where a step reads all tiles, because the list of tiles is itself made by a step."""

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.settings.root)

    @cached_property
    def periods(self) -> list[str]:
        """Labels of all periods, in time order."""
        return [p.label for p in self.settings.all_periods]

    @property
    def baseline(self) -> str:
        """Label of the period that changes are measured from."""
        return self.settings.baseline_label

    def at(self, **names: Any) -> StepContext:
        """A copy with the given period, tile or product."""
        return replace(self, **names)

    def tiles(self, path: Callable[[str, str], Path], periods: Sequence[str] | None = None) -> list[Path]:
        """``path(period, tile)`` for all tiles, in all periods or in those named."""
        return [path(p, tile) for p in (self.periods if periods is None else periods) for tile in self.ask_tiles()]


class Pattern(StepContext):
    """A context with wildcards for every tile and period. A path that one step reads then equals the path that another writes, and the graph of steps
    is built from these equal paths."""

    def __init__(self, settings: Settings, product: str = "{product}"):
        super().__init__(settings, product=product, ask_tiles=lambda: ["{tile}"])

    periods = ["{period}"]
    baseline = "{period}"

    def at(self, **names: Any) -> Pattern:
        return self


Files = Callable[[StepContext], Sequence[Path | None]]
Made = Callable[[StepContext], Sequence[Path]]


def heights_read(place: StepContext) -> list[Path]:
    """The heights that the run brings from a catalog, if it does; a step reads them beside those of `heights_given`."""
    return [place.settings.brought_heights] if place.settings.brought_heights else []


def heights_given(place: StepContext) -> list[Path | None]:
    """The user's file of heights."""
    return [] if place.settings.brought_heights else [place.settings.heights[1]]


def _no_files(place: StepContext) -> Sequence[Path]:
    return ()


def _always(settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """A step of the chain: one verb of the command line, one row of the lineage, and one rule of the Snakefile. Steps of a tile and period that can run
    one after another in one process share a rule (`steps.rounds`)."""

    name: str
    """Name of the rule. The verb has hyphens in place of underscores."""
    help: str
    function: str
    """Reference of the function. Arguments: ``(settings)``, then by scope ``(tile, period)``, ``(tile)``, ``(period)`` or ``(product, period)``; and
    ``threads`` where that is above 1. For a step of a tile and period, ``chips=[]`` makes it write the outputs of a tile without scenes."""
    scope: Scope
    writes: Made
    reads: Files = _no_files
    """Files that other steps made, and the units."""
    also_writes: Made = _no_files
    """Further outputs: lists that are rewritten only if they change, and files that accompany a main file."""
    side_files: Files = _no_files
    """Files that the user names; None, or absent, where there is none."""
    keys: tuple[str, ...] = ()
    """Configuration keys (``masks``, ``masks.shadow_height_m``) that affect the outputs: the step runs again when one of them changes."""
    tables: Callable[[Settings], Sequence[str]] = field(default=lambda settings: ())
    """Files of the configuration folder that it reads; the step runs again when their content changes."""
    when: Callable[[Settings], bool] = _always
    """Whether a run has this step."""
    threads: int = 1
    priority: int = 0
    memory_mb: Callable[[Settings], float] | None = None
    """Memory of the first attempt, MB; None: the default of the profile."""
    final: bool = False
    """Its outputs are results of the run; a complete run must have them."""
    give_up: str = ""
    """For a step of a tile and period: reference of the function ``(settings, tile, period, reason)`` that writes its outputs when its job is given up;
    empty: the step itself, without chips."""

    @property
    def verb(self) -> str:
        return self.name.replace("_", "-")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the verb's arguments, in call order: the tile, period or product that it works on."""
        return {"period": ("period",), "tile": ("tile",), "map": ("product", "period"), "tile_period": ("tile", "period")}.get(self.scope, ())

    @property
    def of_tile(self) -> bool:
        """A step of one tile and period, which may be given up and tried again."""
        return self.scope == "tile_period"


@dataclass(frozen=True)
class RegionMap:
    """A map of the region: one per period, or one for all periods."""

    name: str
    bands: tuple[MapBand, ...]
    """In file order."""
    style: Style
    made_by: str
    """Step that makes it tile by tile."""
    every_period: bool = True
    is_quality: bool = False
    """It shows how well the ground was observed; the page shows it after the other maps."""

    @property
    def categorical(self) -> bool:
        """Whether values are classes: overviews then take the nearest pixel instead of a mean."""
        return self.style.kind == "classes"


@dataclass(frozen=True)
class Product:
    """A product, as its folder declares it."""

    name: str
    order: int
    """Place in maps, indicators and report."""
    maps: tuple[RegionMap, ...] = ()
    steps: tuple[Step, ...] = ()
    county_maps: tuple[str, ...] = ()
    """Maps of a period whose tiles are summed over counties."""
    county_sums: str = ""
    """Reference of ``(settings, now, base) -> CountySums`` (`estimation.zones`): what is summed over counties. ``now`` and ``base``: ``map.band`` of
    county_maps to the array of this and of the baseline period, (h, w)."""
    season_layers: str = ""
    """Reference of ``(statistics) -> {band: array}``: its part in the pass of `LAND_STEP`. ``statistics``: `products.seasons.SeasonStatistics` of a strip;
    the arrays, float32 (h, w) with NaN nodata, are the bands of its only map, which names that step as its maker."""
    season_tables: tuple[str, ...] = ()
    """Files of the configuration folder that ``season_layers`` reads."""
    facts: str = ""
    """Reference of ``(settings) -> {name: (adcode, period) -> fact}``: what its indicators need besides county sums."""
    indicators: str = ""
    """Reference of a tuple of `estimation.estimate.Indicator`."""
    needs_steps: tuple[str, ...] = ()
    """Steps of the whole run or of a period whose files its indicators are computed from."""
    of_all_periods: bool = False
    """Its indicators use the scenes of all periods, whichever period is asked for."""
    findings: str = ""
    """Reference of ``(settings) -> GeoDataFrame | None``: places that an inspector should look at (`products.findings`), of the product's own kinds."""
    findings_read: Files = _no_files
    """Files of the run that findings are made from."""
    findings_side_files: Files = _no_files
    """Files of the user that findings are made from."""
    evidence: Callable[[Settings, str, Sequence[str]], Sequence[Path | None]] = field(default=lambda settings, indicator, periods: ())
    """Files, besides county sums and units, that an indicator is computed from: ``(settings, indicator, periods)``."""
    evidence_maps: tuple[str, ...] = ()
    """Maps whose tiles are named in the evidence."""
    scenes: Literal["optical", "all", "none"] = "all"
    """Which scenes its indicators are computed from."""
    sampled: Mapping[str, SampledProduct] = field(default_factory=dict)
    """Quantities for which reference samples can be given, by name."""
    checked_by: Mapping[str, str] = field(default_factory=dict)
    """Further tables of the user that check or replace its numbers: key of the configuration to what the table does, in words."""
    methods: tuple[tuple[str, str], ...] = ()
    """Headings and paragraphs of the page's methods: from what, by which rule, what the bounds mean, what it cannot see. Two to four plain sentences."""
    folder: Path | None = None
    """Folder of its module, set by the register. It may hold ``chinese.csv`` (english, chinese), ``columns.csv`` and ``targets.csv``."""

    def asset(self, name: str) -> Path | None:
        """A file of the product's folder, None where it has none."""
        path = self.folder / name if self.folder else None
        return path if path and path.is_file() else None


def _found() -> Iterator[Product]:
    for path in sorted(Path(__file__).parent.glob("*/product.py")):
        yield replace(import_module(f"{__package__}.{path.parent.name}.product").PRODUCT, folder=path.parent)
    for point in entry_points(group=GROUP):
        file = import_module(point.module).__file__
        yield replace(point.load(), folder=Path(file).parent if file else None)


@cache
def products() -> dict[str, Product]:
    """Every product by name, in order.

    Raises
    ------
    ConfigError : two products, steps or maps have one name.
    """
    found = sorted(_found(), key=lambda p: (p.order, p.name))
    for what, names in (
        ("products", [p.name for p in found]),
        ("steps", [s.name for p in found for s in p.steps]),
        ("maps", [m.name for p in found for m in p.maps]),
    ):
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ConfigError(f"two {what} have the name {', '.join(twice)}", where=f"entry points {GROUP}", remedy="rename one, or uninstall its package")
    return {p.name: p for p in found}


@cache
def indicators_of_others(name: str) -> dict[str, Any]:
    """Indicators (`estimation.estimate.Indicator`) of all products but one, by name: for a product that estimates from the estimates of others."""
    return {i.name: i for p in products().values() if p.indicators and p.name != name for i in resolve(p.indicators)}


def region_maps(settings: Settings | None = None) -> dict[str, RegionMap]:
    """Every map by name, in order; with ``settings`` only the maps whose step that run has."""
    maps, steps = ({part.name: part for p in products().values() for part in getattr(p, kind)} for kind in ("maps", "steps"))
    return {name: m for name, m in maps.items() if settings is None or m.made_by not in steps or steps[m.made_by].when(settings)}


def season_products() -> dict[str, Product]:
    """Products with a part in the pass of `LAND_STEP`, by the name of their map."""
    return {p.maps[0].name: p for p in products().values() if p.season_layers}


def period_maps(settings: Settings | None = None) -> dict[str, RegionMap]:
    """Maps of `region_maps` that are made once per period."""
    return {name: m for name, m in region_maps(settings).items() if m.every_period}


def observed_maps() -> dict[str, RegionMap]:
    """Maps that the step ``observe`` makes in one pass."""
    return {name: m for name, m in period_maps().items() if m.made_by == OBSERVE}


def county_maps(settings: Settings | None = None) -> list[str]:
    """Maps of `period_maps` whose tiles are summed over counties, in order."""
    wanted = {name for p in products().values() for name in p.county_maps}
    return [name for name in period_maps(settings) if name in wanted]


def sampled_products() -> dict[str, SampledProduct]:
    """Quantities for which reference samples can be given, by name."""
    return {name: s for p in products().values() for name, s in p.sampled.items()}


def chips(place: StepContext) -> list[Path]:
    """Files that a step needs before it can read the scenes of a tile and period."""
    manifest, folder = place.layout.chips(place.period, place.tile), place.layout.chip_folder(place.period, place.tile)
    return [manifest] if place.settings.fetch.keep_chips else [manifest, folder]


def has_coast(settings: Settings) -> bool:
    """Whether a run has a coast, and so a sea."""
    return settings.coastline is not None


def sea_maps(place: StepContext, periods: Sequence[str]) -> list[Path]:
    """Maps of the sea in the periods named; none in a run without a coast."""
    return [place.layout.sea(label) for label in periods] if has_coast(place.settings) else []


def visit_tables(settings: Settings) -> list[Path | None]:
    """Files that `products.visits.decided_findings` reads. Visits decide only findings of an earlier list, so there are none without that list."""
    return [settings.tables.known_findings, settings.tables.field_results] if settings.tables.known_findings else []


def block_memory_mb(settings: Settings) -> float:
    """Memory, MB, of a step that computes a tile in blocks: the budget, plus Python and its libraries."""
    return settings.resources.memory_gb * 1000 + 800


KEPT_SHARE = 0.5
"""Part of a job's memory budget for what its steps share (`catalog.decoded`). A larger part would leave so small blocks that their rims cost more."""


def kept_bytes(settings: Settings) -> float:
    """Most that the steps of a job keep of the chips for each other, bytes."""
    return KEPT_SHARE * settings.resources.memory_gb * 1e9


def scoring_memory_mb(settings: Settings) -> float:
    """Memory, MB, of a step that scores a tile date by date: the bands of a date, beside what the steps of its job share."""
    return 1500 + kept_bytes(settings) / 1e6


CLEAR_PIXEL_KEYS = ("masks.cloud_buffer_m", "masks.shadow_height_m", "masks.shadow_darkness", "masks.dem", "masks.bright_blue_refl")
"""Keys of every step that needs the clear pixels of a date."""


def sensor_tables(settings: Settings) -> tuple[str, ...]:
    """Tables of the sensors that the run names."""
    return tuple(dict.fromkeys(str(table_path("sensors", s.sensor)) for s in settings.sources))


def shipped(*names: str) -> tuple[str, ...]:
    """Paths of files in the configuration folder, as `Step.tables` names them."""
    return tuple(str(config_folder() / n) for n in names)
