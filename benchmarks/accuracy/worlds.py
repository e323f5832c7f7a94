"""The simulated worlds of the accuracy table, and which of them are held out from tuning.

Seeds 1-99 are for development: parameters may be fitted on them, and the forests of the baselines are trained on two of them.
Seeds 101-199 make the table: no parameter is fitted on them. Seeds from 900 on, and every world of the landscape ``lake``, are held
out: they are measured when the table is made, and their scenes, maps and scores are not used to choose a method or a number.
"""

from __future__ import annotations

from dataclasses import dataclass

from rs_pipeline.simulation.plan import EVERY_DAYS
from rs_pipeline.validation.truth import Score

DEVELOPMENT_SEEDS = range(1, 100)
HELD_OUT_SEED = 900
HELD_OUT_LANDSCAPE = "lake"


@dataclass(frozen=True)
class Recipe:
    """A world to make and measure."""

    landscape: str
    seed: int
    years: int = 2
    size_px: tuple[int, int] = (360, 300)
    variant: str = ""
    """Name of what differs from the usual world; part of the ``world`` of its rows."""
    families: tuple[str, ...] = tuple(EVERY_DAYS)
    """Satellites whose scenes the run uses."""
    every: int = 1
    """Keep one scene in ``every``."""
    displaced_m: float = 0.0
    """Largest shift on each axis of the georeference in the files of one scene in four, m."""
    products: tuple[str, ...] = ()
    """Products to score, or ``counties/<indicator>`` for one indicator alone; empty: all."""

    methods: tuple[str, ...] = ()
    """Baselines to measure beside ours in a variant; empty: none. In other worlds all are."""

    def measured_with(self, methods: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some baselines that are measured on this world."""
        return tuple(m for m in methods if m in self.methods) if self.variant else methods

    @property
    def name(self) -> str:
        return "-".join([self.landscape, str(self.seed), *self.variant.lower().split()])

    def asks(self, score: Score) -> bool:
        """Whether a score is of `products`."""
        of_indicator = f"{score.product}/{score.subset.partition(',')[0]}"
        return not self.products or score.product in self.products or of_indicator in self.products

    @property
    def held_out(self) -> bool:
        return self.seed >= HELD_OUT_SEED or self.landscape == HELD_OUT_LANDSCAPE

    @property
    def sums_up(self) -> bool:
        """Whether the rows over all landscapes include it."""
        return not self.held_out and not self.variant and self.seed not in DEVELOPMENT_SEEDS

    @property
    def group(self) -> str:
        """``world`` of the rows that it is part of."""
        if self.variant:
            return f"{self.landscape}, {self.variant} (held out)" if self.held_out else f"{self.landscape} ({self.variant})"
        if self.seed in DEVELOPMENT_SEEDS:
            return f"{self.landscape} (small form, development seed)"
        return f"{self.landscape} (held out)" if self.held_out else self.landscape


TRAINING = (Recipe("plain", 21), Recipe("city", 22))
"""Worlds that the forests of the baselines are trained on; development seeds."""

ERROR_WORLDS = tuple(
    Recipe(landscape, seed)
    for landscape, seeds in (
        ("coast", (31, 36, 43, 46, 47, 48)), ("mudflat", (35, 40, 45, 49, 50)), ("plain", (33, 38, 42)), ("city", (32, 37, 41)), ("mountain", (34, 39, 44)),
    )
    for seed in seeds
)  # fmt: skip
"""Worlds that the error model of the counties' intervals is fitted on; development seeds."""

SMALL = Recipe("coast", 7)
"""The small form of the table, which the tests recompute."""

WORLDS = (
    SMALL,
    Recipe("coast", 101, 5), Recipe("coast", 102, 5), Recipe("coast", 103), Recipe("coast", 104), Recipe("mudflat", 103, 5),
    Recipe("plain", 101), Recipe("plain", 105), Recipe("city", 102), Recipe("city", 104), Recipe("mountain", 105),
    Recipe("coast", 901, 5), Recipe("city", 902), Recipe("lake", 105), Recipe("lake", 903),
)  # fmt: skip
"""Rates of a coast need five years; for the other products two years are enough."""

COVER, SHORE = ("fvc_peak", "fvc_growing"), ("shoreline", "shoreline_rate", "shoreline_class")

VARIANTS = (
    Recipe("plain", 101, variant="Sentinel-2 alone", families=("sentinel-2",), products=COVER),
    Recipe("plain", 101, variant="Landsat alone", families=("landsat",), products=COVER),
    Recipe("plain", 101, variant="one date in two", every=2, products=COVER),
    Recipe("plain", 101, variant="scenes displaced by up to 20 m", displaced_m=20.0, products=(*COVER, "water", "registration")),
    Recipe("plain", 101, variant="scenes displaced by up to 120 m", displaced_m=120.0, products=(*COVER, "water", "registration")),
    Recipe("coast", 101, 5, variant="Landsat alone", families=("landsat",), products=SHORE),
    Recipe("coast", 101, 10, variant="ten years", products=SHORE),
)
"""The same worlds with another satellite, few clear dates, or more years."""

EVENT_WORLDS = tuple(Recipe(landscape, 904, variant="land events", products=("findings",)) for landscape in ("plain", "city", "mountain"))
"""Held-out worlds that lose plants to built or bare ground: those of WORLDS lose none that the list of findings should hold, so they say nothing of its recall. Chosen by
their truth alone: with seed 904 all three have such an event."""

ARRAY_WORLDS = tuple(Recipe("solar", seed, 1, variant="arrays", products=("solar",), methods=("ndbi_dark",)) for seed in (106, 905))
"""Worlds with solar arrays and with what may be taken for them; the second is held out. No other world has arrays."""

ARRAY_ERROR_WORLDS = tuple(Recipe("solar", seed, 1, variant="arrays") for seed in (81, 82, 83))
"""Worlds that the error of the area of solar arrays is fitted on; development seeds."""

SPARTINA_ALONE = ("spartina", "counties/spartina_area")

CORDGRASS_TUNING = tuple(Recipe("cordgrass", seed, size_px=(300, 240), products=SPARTINA_ALONE) for seed in (71, 72, 73))
"""Worlds on which the limits of cordgrass are chosen and the errors of its area learnt; development seeds."""

CORDGRASS_WORLDS = tuple(
    Recipe(landscape, seed, size_px=(300, 240), variant=variant, products=SPARTINA_ALONE, methods=("late_ndvi",))
    for landscape, seed, variant in (
        ("cordgrass", 101, "flats"),
        ("cordgrass", 102, "flats"),
        ("cordgrass", 903, "flats"),
        ("cordgrass", 904, "flats"),
        ("mudflat", 103, "no cordgrass"),
        ("coast", 103, "no cordgrass"),
    )
)
"""Coasts with cordgrass and without, on which nothing was fitted. They are variants: the rows over all landscapes leave them out."""

OWN_ERROR_WORLDS = {"solar_": ARRAY_ERROR_WORLDS, "spartina_": CORDGRASS_TUNING}
"""How the names of indicators begin whose errors are learnt on worlds of their own, because what they measure is in no other, to these worlds."""
