"""`python -m benchmarks.standards` writes docs/standards.md from the committed table of targets."""

from __future__ import annotations

from pathlib import Path

from rs_pipeline.indicators.targets import Target, load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder

PAGE = Path(__file__).resolve().parents[1] / "docs" / "standards.md"

HEAD = """# What an official would hold us to

Made from the columns `standard` and `source` of `config/targets.csv` by `python -m benchmarks.standards`. `rs-pipeline explain` tells it with each verdict and
the page with each target. Standards are cited by the document; no clause of one is claimed.

| target | sentence | number, and where it comes from | standard, and what ours does differently |
|---|---|---|---|
"""


def standards_page(targets: list[Target]) -> str:
    """The page, Markdown: a row a target."""
    return HEAD + "".join(f"| {t.target_id} | {t.description} | {_number(t)}{t.source} | {t.standard} |\n" for t in targets)


def _number(target: Target) -> str:
    return "" if target.value is None else f"{target.value:g} {target.unit}: "


if __name__ == "__main__":
    PAGE.write_text(standards_page(load_targets(config_folder() / "targets.csv", INDICATORS)), "utf-8")
