"""The made-up province of the load benchmark is one that the steps read."""

from benchmarks.load import write_counties
from rs_pipeline.indicators.facts import Run


def test_its_tables_are_those_that_the_steps_read(tmp_path):
    settings = write_counties(tmp_path, 3, 4)
    facts = {(unit.adcode, period): f for unit, period, f in Run.read(settings).facts()}
    assert len({code for code, _ in facts}) == 3 + 2 and len(facts) == 5 * 4
    assert facts["130001", "2024"].county["n_lost"] == 0 and facts["130001", "2024"].since("2023").base["area_m2"] > 0
