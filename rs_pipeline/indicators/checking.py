"""Which tables of the user check a number of ``indicators.csv``, or take its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rs_pipeline.config import Settings
from rs_pipeline.estimation.estimate import Indicator
from rs_pipeline.indicators.targets import Target
from rs_pipeline.inputs.outside import counts
from rs_pipeline.products.register import products


def checking_tables(settings: Settings, indicator: Indicator | None, targets: Iterable[Target]) -> list[dict[str, str]]:
    """``table`` (key of the configuration), ``does`` (in words) and ``given`` (its path in this run, else empty), those that check the map first.

    ``indicator`` : None for a supplied value. ``targets`` : those that the number is compared with; official values are asked by target.
    """
    found = [*_of_product(indicator), *(line for target in targets for line in _of_target(target))]
    return [{"table": key, "does": does, "given": str(settings.path_of(key) or "")} for key, does in found]


def _of_product(indicator: Indicator | None) -> Iterator[tuple[str, str]]:
    if indicator is None:
        return
    product = products()[indicator.product]
    if product.sampled:
        names = ", ".join(product.sampled)
        yield "tables.reference_samples", f"pixels of a random sample (rs-pipeline sample-design) correct the map and bound it by design: {names}"
    if product.findings:
        yield "tables.field_results", f"visits decide the findings of {product.name}, and every number that counts them"
    yield from product.checked_by.items()


def _of_target(target: Target) -> Iterator[tuple[str, str]]:
    yield "tables.values", f"the official value of {target.target_id} is judged in its place"
    if counts(target.unit):
        yield "tables.lists", f"what {target.target_id} counts, where there is no official value"
    yield "tables.rasters", f"the mean of a raster of another source, where {target.target_id} has neither"
