"""Time until the report of a province can be read: 167 counties, ten years, every indicator, in a real browser."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.harness import Result, Run, absent, alone
from benchmarks.invented_run import province
from rs_pipeline.layout import Layout
from rs_pipeline.publish.report import report

LABEL = "report, 167 counties x 10 years"


def ready(run: Run) -> Iterator[Result]:
    """Seconds until the first view and a second view are drawn, layout included; also file size and number of elements."""
    try:
        from benchmarks.browser import browser, missing
    except ModuleNotFoundError as fault:
        yield absent(f"{LABEL}: ready", str(fault.name))
        return
    if missing():
        yield absent(f"{LABEL}: ready", missing())
        return
    folder = run.scratch / "report"
    folder.mkdir()
    settings = province(folder)
    report(settings)
    path = Layout(settings.root).report
    with browser() as page:
        page.size(1440, 900)
        for name, address in (("map", ""), ("county", "#county/130632"), ("targets", "#targets")):
            taken = []
            for _ in range(run.repeats):
                page.open(path, address)
                taken.append(page.ready_ms() / 1000)
            yield alone(f"{LABEL}: {name} ready", statistics.median(taken), "s", "from the start of loading; the aim is below 2 s")
        page.open(path)
        yield alone(f"{LABEL}: elements of the map's view", page.run("return document.querySelectorAll('*').length"), "count")
    yield alone(f"{LABEL}: size of the page", path.stat().st_size / 1e6, "MB", "without its pictures, which are loaded when looked at")
