"""The register of products: what a product is made of, and where to find those there are.

A product is a folder with a module ``product`` that defines ``PRODUCT``. The core asks the register for maps, styles, steps, county sums,
facts, indicators, words and columns; it names no product. A package of its own brings a product by the entry point group
``rs_pipeline.products``, whose value names the same object (``my_package.product:PRODUCT``).

What is heavy is named by a reference, ``module:attribute``, and imported when it is used: a job of a tile loads only its own product.
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

Scope = Literal["run", "period", "tile", "tile_period", "map"]


def resolve(reference: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class StepContext:
    """Where a step works. Names that are not given stay wildcards, as Snakemake writes them."""

    settings: Settings
    period: str = "{period}"
    tile: str = "{tile}"
    product: str = "{product}"
    ask_tiles: Callable[[], Sequence[str]] = tuple
    """Ids of all tiles; asked only where a step reads all of them, because they are known late."""

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
        """The same with a period, tile or product given."""
        return replace(self, **names)

    def tiles(self, path: Callable[[str, str], Path], periods: Sequence[str] | None = None) -> list[Path]:
        """``path(period, tile)`` of all tiles, of all periods or of those named."""
        return [path(p, tile) for p in (self.periods if periods is None else periods) for tile in self.ask_tiles()]


class Pattern(StepContext):
    """Wildcards for every tile and period: a path that one step reads equals, to the letter, the path that another writes. The graph of steps is
    found by it."""

    def __init__(self, settings: Settings, product: str = "{product}"):
        super().__init__(settings, product=product, ask_tiles=lambda: ["{tile}"])

    periods = ["{period}"]
    baseline = "{period}"

    def at(self, **names: Any) -> Pattern:
        return self


Files = Callable[[StepContext], Sequence[Path | None]]
Made = Callable[[StepContext], Sequence[Path]]


def _no_files(place: StepContext) -> Sequence[Path]:
    return ()


def _always(settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """A step of the chain: one verb of the command, one row of the lineage, and one rule of the Snakefile unless it is of a tile and period: those that
    can follow one another in one process share a rule (`steps.rounds`)."""

    name: str
    """Of the rule; the verb has hyphens for underscores."""
    help: str
    function: str
    """Reference of what is called: ``(settings)``, then by scope ``(tile, period)``, ``(tile)``, ``(period)`` or ``(product, period)``; with
    ``threads`` where that is above 1. A step of a tile and period takes ``chips=[]`` too: what it writes of a tile that nobody could see."""
    scope: Scope
    writes: Made
    reads: Files = _no_files
    """Files that other steps made, and the units."""
    also_writes: Made = _no_files
    """Files beside those of ``writes``: lists that are rewritten only where they change, and what lies beside its main file."""
    side_files: Files = _no_files
    """Files that the user names; None, or absent, where there is none."""
    keys: tuple[str, ...] = ()
    """Configuration keys (``masks``, ``masks.shadow_height_m``) that change what is written: the step runs again when one does."""
    tables: Callable[[Settings], Sequence[str]] = field(default=lambda settings: ())
    """Files of the configuration folder that it reads; the step runs again when their content changes."""
    when: Callable[[Settings], bool] = _always
    """Whether a run has this step."""
    threads: int = 1
    priority: int = 0
    memory_mb: Callable[[Settings], float] | None = None
    """Of the first attempt; None where the default of the profile does."""
    final: bool = False
    """What it writes is what a run is for: asked of a complete run."""
    give_up: str = ""
    """Of a step of a tile and period: reference of what writes its outputs, ``(settings, tile, period, reason)``, when its job is given up;
    empty: the step itself, without chips."""

    @property
    def verb(self) -> str:
        return self.name.replace("_", "-")

    @property
    def names(self) -> tuple[str, ...]:
        """What the verb is told of the place it works at, in the order in which it takes them."""
        return {"period": ("period",), "tile": ("tile",), "map": ("product", "period"), "tile_period": ("tile", "period")}.get(self.scope, ())

    @property
    def of_tile(self) -> bool:
        """A step of one tile and period, which may be given up and tried again."""
        return self.scope == "tile_period"


@dataclass(frozen=True)
class RegionMap:
    """A map of the region, one of every period or one of all."""

    name: str
    bands: tuple[MapBand, ...]
    """In file order."""
    style: Style
    made_by: str
    """Step that makes it tile by tile."""
    every_period: bool = True
    is_quality: bool = False
    """It tells how well the ground was seen: the page shows it after the others."""

    @property
    def categorical(self) -> bool:
        """Overviews take the nearest pixel: classes are never averaged."""
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
    """Reference of ``(now, base) -> CountySums`` (`estimation.zones`): what is summed of the bands of county_maps, by ``map.band``."""
    facts: str = ""
    """Reference of ``(settings) -> {name: (adcode, period) -> fact}``: what its indicators need besides county sums."""
    indicators: str = ""
    """Reference of a tuple of `estimation.estimate.Indicator`."""
    needs_steps: tuple[str, ...] = ()
    """Steps of the whole run or of a period whose files its indicators are computed from."""
    of_all_periods: bool = False
    """Its indicators rest on the scenes of all periods, whichever is asked for."""
    findings: str = ""
    """Reference of ``(settings) -> GeoDataFrame | None``: places that an inspector should look at (`products.findings`), of the products' own kinds."""
    findings_read: Files = _no_files
    """Files of the run that they are told from."""
    findings_side_files: Files = _no_files
    """Files of the user's that they are told from."""
    evidence: Callable[[Settings, str, Sequence[str]], Sequence[Path | None]] = field(default=lambda settings, indicator, periods: ())
    """Files, besides county sums and units, that an indicator rests on: ``(settings, indicator, periods)``."""
    evidence_maps: tuple[str, ...] = ()
    """Maps whose tiles are named in the evidence."""
    scenes: Literal["optical", "all", "none"] = "all"
    """Which scenes its indicators rest on."""
    sampled: Mapping[str, SampledProduct] = field(default_factory=dict)
    """What reference samples can be given of."""
    folder: Path | None = None
    """That of its module, set by the register: ``chinese.csv`` (english, chinese), ``columns.csv`` and ``targets.csv`` lie there, where it has them."""

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


def region_maps(settings: Settings | None = None) -> dict[str, RegionMap]:
    """Every map by name, in order; with ``settings`` those of that run, whose steps it has."""
    maps, steps = ({part.name: part for p in products().values() for part in getattr(p, kind)} for kind in ("maps", "steps"))
    return {name: m for name, m in maps.items() if settings is None or m.made_by not in steps or steps[m.made_by].when(settings)}


def period_maps(settings: Settings | None = None) -> dict[str, RegionMap]:
    """Maps of `region_maps` of which there is one a period."""
    return {name: m for name, m in region_maps(settings).items() if m.every_period}


def observed_maps() -> dict[str, RegionMap]:
    """Maps that the step ``observe`` makes in one pass."""
    return {name: m for name, m in period_maps().items() if m.made_by == OBSERVE}


def county_maps(settings: Settings | None = None) -> list[str]:
    """Maps of `period_maps` whose tiles are summed over counties, in order."""
    wanted = {name for p in products().values() for name in p.county_maps}
    return [name for name in period_maps(settings) if name in wanted]


def sampled_products() -> dict[str, SampledProduct]:
    """What reference samples can be given of, by name."""
    return {name: s for p in products().values() for name, s in p.sampled.items()}


def chips(place: StepContext) -> list[Path]:
    """What a step that reads the scenes of a tile and period waits for."""
    manifest, folder = place.layout.chips(place.period, place.tile), place.layout.chip_folder(place.period, place.tile)
    return [manifest] if place.settings.fetch.keep_chips else [manifest, folder]


def has_coast(settings: Settings) -> bool:
    """Whether a run has a coast, and so a sea."""
    return settings.coastline is not None


def sea_maps(place: StepContext, periods: Sequence[str]) -> list[Path]:
    """Which water is sea in some periods; none in a run without a coast."""
    return [place.layout.sea(label) for label in periods] if has_coast(place.settings) else []


def visit_tables(settings: Settings) -> list[Path | None]:
    """What `products.visits.decided_findings` reads: the visits decide findings of an earlier list, so nothing without one."""
    return [settings.tables.known_findings, settings.tables.field_results] if settings.tables.known_findings else []


def block_memory_mb(settings: Settings) -> float:
    """Memory of a step that works a tile out in blocks: the budget, and Python with its libraries."""
    return settings.resources.memory_gb * 1000 + 800


CLEAR_PIXEL_KEYS = ("masks.cloud_buffer_m", "masks.shadow_height_m", "masks.shadow_darkness", "masks.dem", "masks.bright_blue_refl")
"""Keys of every step that asks which pixels of a date are clear."""


def sensor_tables(settings: Settings) -> tuple[str, ...]:
    """Tables of the sensors that the run names."""
    return tuple(dict.fromkeys(str(table_path("sensors", s.sensor)) for s in settings.sources))


def shipped(*names: str) -> tuple[str, ...]:
    """Paths of files in the configuration folder, as `Step.tables` names them."""
    return tuple(str(config_folder() / n) for n in names)
