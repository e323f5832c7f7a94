"""`python -m benchmarks.standards` writes docs/standards.md and docs/zh/standards.md from the committed table of targets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rs_pipeline.indicators.status import CHANGE_OPERATORS
from rs_pipeline.indicators.targets import Target, load_targets
from rs_pipeline.indicators.values import INDICATORS
from rs_pipeline.paths import config_folder
from rs_pipeline.publish.report.words import Chinese

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PAGE_CHINESE = DOCS / "standards.md", DOCS / "zh" / "standards.md"

HEAD = """# What an official would hold us to

Made from `config/targets.csv` by `python -m benchmarks.standards`. `rs-pipeline explain` tells it with each verdict and the page with each target. Standards are
cited by the document; no clause of one is claimed. No sentence prints a baseline year: 2020 is that of the plan which the State Council's reply approves, the others
are our choice (column `baseline_year`). How the rule of a target becomes a verdict: [verdicts](verdicts.md).

| target | sentence | rule, and where its number comes from | standard, and what ours does differently |
|---|---|---|---|
"""

HEAD_CHINESE = """# 目标与标准

《意见》指河北省 2024 年关于建设美丽河北的意见。本页由 `python -m benchmarks.standards` 根据 `config/targets.csv` 生成。`rs-pipeline explain` 随每项判定、报告页面随每项目标给出同样的内容。标准只引用文件名称和编号，不引用具体条款。
目标表述为本软件译写，引用时以文件原文为准。各句均未写明基准年：2020 年取自国务院批复的规划，其余为本项目的选择（`baseline_year` 列）。规则如何得出判定：[判定](verdicts.md)。

| 目标 | 表述 | 规则，以及数值的出处 | 标准，以及本软件的不同之处 |
|---|---|---|---|
"""

RULES = {
    ">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "=": "equal to", "increase": "more than", "decrease": "less than", "no_increase": "no more than",
    "no_decrease": "no less than",
}  # fmt: skip
RULES_CHINESE = {
    ">=": "不低于", ">": "高于", "<=": "不高于", "<": "低于", "=": "等于", "increase": "高于", "decrease": "低于", "no_increase": "不高于", "no_decrease": "不低于",
}  # fmt: skip
"""Operator of a target to its words before a number or a year."""


def standards_page(targets: list[Target]) -> str:
    """The page, Markdown: a row a target."""
    return HEAD + "".join(f"| {t.target_id} | {t.description} | {rule(t)}: {t.source} | {t.standard} |\n" for t in targets)


def chinese_page(targets: list[Target]) -> str:
    """The same in Chinese, with the digest of the English page that `tests/test_docs.py` asks for."""
    chinese = Chinese.read()
    digest = hashlib.sha256(standards_page(targets).encode()).hexdigest()[:12]
    rows = (f"| {t.target_id} | {chinese(t.description)} | {rule_chinese(t, chinese)}：{chinese(t.source)} | {chinese(t.standard)} |\n" for t in targets)
    return f"<!-- made from docs/standards.md, sha256 {digest} -->\n{HEAD_CHINESE}{''.join(rows)}"


def rule(target: Target) -> str:
    """What the target asks for, in words: a number or a comparison with the baseline year, and by when."""
    by = f", by {target.target_year}" if target.target_year else ""
    if target.operator == "qualitative":
        return f"words alone{by}"
    if target.operator == "eliminate":
        return f"at most {target.value or 0:g} {target.unit}{by}"
    if target.operator in CHANGE_OPERATORS:
        more = f" by more than {target.value:g}" if target.value else ""
        unit = f" ({target.unit})" if target.unit else ""
        return f"{RULES[target.operator]} in {target.baseline_year or 'the baseline'}{more}{unit}{by}"
    return f"{RULES[target.operator]} " + ("a number not given" if target.value is None else f"{target.value:g} {target.unit}") + by


def rule_chinese(target: Target, chinese: Chinese) -> str:
    """The same in Chinese."""
    by = f"，{target.target_year} 年" if target.target_year else ""
    unit = chinese(target.unit)
    if target.operator == "qualitative":
        return f"定性要求{by}"
    if target.operator == "eliminate":
        return f"不高于 {target.value or 0:g} {unit}{by}"
    if target.operator in CHANGE_OPERATORS:
        more = f" {target.value:g} 以上" if target.value else ""
        start = f" {target.baseline_year} 年" if target.baseline_year else "基准期"
        return f"{RULES_CHINESE[target.operator]}{start}{more}{f'（{unit}）' if unit else ''}{by}"
    return RULES_CHINESE[target.operator] + ("文件未给出的数值" if target.value is None else f" {target.value:g} {unit}") + by


if __name__ == "__main__":
    ours = load_targets(config_folder() / "targets.csv", INDICATORS)
    PAGE.write_text(standards_page(ours), "utf-8")
    PAGE_CHINESE.write_text(chinese_page(ours), "utf-8")
