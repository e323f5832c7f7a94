"""Black-odorous water: suspected pixels and reaches, never confirmed ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_pipeline.config import Settings
from rs_pipeline.layout import Layout
from rs_pipeline.model import Colour, MapBand, Style
from rs_pipeline.products.register import CLEAR_PIXEL_KEYS, OBSERVE, Product, RegionMap, Step, chips, scoring_memory_mb, sensor_tables, shipped

BANDS = (
    MapBand("probability", "Probability of black-odorous water, mean over the dates of the clipped log-odds (suspected, not confirmed)"),
    MapBand("class", "0 not water, 1 clear, 2 possible, 3 suspected, 4 too few dates, as the satellite sees pixels: visits decide reaches", "class"),
    MapBand("n_dates", "Dates assessed", "count"),
)

STYLE = Style(
    "Black-odorous water", "class", "classes",
    (
        Colour(0, "#e6e6e2", "not water", 90), Colour(1, "#5aa9d6", "clear"), Colour(2, "#e69f00", "possible"),
        Colour(3, "#1a1a1a", "suspected"), Colour(4, "#b7a6c9", "too few dates"),
    ),
)  # fmt: skip


def _evidence(settings: Settings, indicator: str, periods: Sequence[str]) -> list[Path | None]:
    towns = settings.tables.urban or Layout(settings.root).settlements
    placed = [towns] if indicator.startswith(("black_odorous_urban", "black_odorous_rural")) else []
    tables = settings.tables
    visits = [tables.field_results, tables.known_findings] if tables.field_results else []
    return [Layout(settings.root).reaches, settings.black_odorous.wetland_prior, *visits, *placed]


DECISIONS = (
    "eliminated_probability", "min_reach_dates", "possible_probability", "prevalence", "suspected_probability", "visit_distance_m",
)  # fmt: skip
"""Keys that reaches are judged by, once they are scored."""


STEPS = (
    Step(
        "reach_lines",
        "Cut rivers into reaches and list ponds, the same for all periods.",
        "rs_pipeline.products.black_odorous.reaches:reach_lines",
        scope="run",
        keys=(*(f"black_odorous.{n}" for n in ("marginal_width_m", "max_width_m", "min_pond_m2", "min_width_m", "reach_length_m")), "grid.margin_m", "units"),
        reads=lambda p: [p.settings.units.path, p.layout.tiles, *(p.layout.map("water", label) for label in p.periods)],
        writes=lambda p: [p.layout.reach_lines],
    ),
    Step(
        "reach_scores",
        "Score the reaches of a tile and period for black-odorous water, date by date.",
        "rs_pipeline.products.black_odorous.scoring:score_reaches",
        scope="tile_period",
        priority=2,
        memory_mb=scoring_memory_mb,
        keys=(
            *CLEAR_PIXEL_KEYS,
            "masks.black_odorous",
            "grid.margin_m",
            *(f"black_odorous.{n}" for n in ("max_swir1_refl", "min_core_pixels", "min_sun_elevation_deg", "min_width_m", "window")),
        ),
        tables=lambda s: (*sensor_tables(s), *shipped("black_odorous.json")),
        side_files=lambda p: [p.settings.masks.dem],
        reads=lambda p: [*chips(p), p.layout.tiles, p.layout.reach_lines, p.layout.map("water", p.period)],
        writes=lambda p: [p.layout.reach_scores(p.period, p.tile)],
    ),
    Step(
        "reaches",
        "Call each reach suspected, possible, clear, insufficient or not assessable.",
        "rs_pipeline.products.black_odorous.classify:reaches",
        scope="run",
        final=True,
        keys=tuple(f"black_odorous.{n}" for n in DECISIONS),
        tables=lambda s: shipped("black_odorous.json"),
        reads=lambda p: [p.layout.reach_lines, p.layout.tiles, *p.tiles(p.layout.reach_scores)],
        side_files=lambda p: [p.settings.black_odorous.wetland_prior, p.settings.tables.field_results, p.settings.tables.known_findings],
        writes=lambda p: [p.layout.reaches, p.layout.inspection_list],
    ),
    Step(
        "pictures",
        "Draw small pictures of the dates of the first reaches on the inspection list.",
        "rs_pipeline.products.black_odorous.pictures:pictures",
        scope="run",
        final=True,
        keys=("black_odorous.pictures",),
        tables=sensor_tables,
        reads=lambda p: [
            p.layout.reaches,
            p.layout.reach_lines,
            p.layout.inspection_list,
            p.layout.tiles,
            *p.tiles(p.layout.reach_scores),
            *p.tiles(p.layout.chips),
            *([] if p.settings.fetch.keep_chips else p.tiles(p.layout.chip_folder)),
        ],
        writes=lambda p: [p.layout.inspection_index],
        also_writes=lambda p: [p.layout.inspection_index.parent],
    ),
)

PRODUCT = Product(
    "black_odorous",
    30,
    maps=(RegionMap("black_odorous", BANDS, STYLE, OBSERVE),),
    steps=STEPS,
    county_maps=("black_odorous",),
    county_sums="rs_pipeline.products.black_odorous.county:county_sums",
    facts="rs_pipeline.products.black_odorous.facts:facts",
    indicators="rs_pipeline.products.black_odorous.indicators:INDICATORS",
    findings="rs_pipeline.products.black_odorous.findings:water_findings",
    findings_read=lambda p: [p.layout.reaches],
    needs_steps=("reaches", "settlements"),
    evidence=_evidence,
    evidence_maps=("water", "black_odorous"),
    scenes="optical",
)
