"""The faults that are planted, and the tests that judge them."""

import pytest

from benchmarks import mutation
from benchmarks.faults import Places, grown


def changed(source: str) -> list[str]:
    """The source with each of its faults."""
    return [f.planted_in(source.encode()).decode() for f in Places("m.py", source.encode()).faults()]


@pytest.mark.parametrize(
    ("source", "faulty"),
    [
        ("y = 0.5", ["y = 0.65"]),
        ("y = x < a", ["y = x <= a", "y = x > a"]),
        ("y = (x) >= a != b", ["y = (x) > a != b", "y = (x) <= a != b", "y = (x) >= a == b"]),
        ("y = a and b and c", ["y = a or b and c", "y = a and b or c"]),
        ("y = 'ä' + (x)", ["y = 'ä' - (x)"]),  # places are bytes, not letters
        ("y = (n) - 1", ["y = (n) + 1", "y = (n) ", "y = (n) - 2"]),
        ("y -= x", ["y += x"]),
        ("@jit(cache=1)\ndef f(x):\n    return x[3], np.empty(4), f'{x:.2f}', True", []),
    ],
)
def test_each_place_is_changed_once(source, faulty):
    assert changed(source) == faulty


def test_a_direction_turns_with_its_strictness_kept():
    assert changed("x > a") == ["x >= a", "x < a"] and changed("x <= a") == ["x < a", "x >= a"]


@pytest.mark.parametrize(("number", "text"), [(0, "1"), (0.0, "1.0"), (1, "2"), (10, "13"), (1.96, "2.548"), (1e-4, "0.00013")])
def test_numbers_grow_by_a_third(number, text):
    assert grown(number) == text


def test_the_planted_faults_are_found_in_their_files():
    assert len(mutation.planted_faults()) == len(mutation.PLANTED)


def test_a_planted_text_that_is_gone_is_named(monkeypatch):
    monkeypatch.setattr(mutation, "PLANTED", [("kernels/indices.py", "no such text", "")])
    with pytest.raises(SystemExit, match=r"kernels/indices.py: 'no such text' stands there 0 times, not once"):
        mutation.planted_faults()


def test_tests_of_a_module_are_the_nearest_that_import_it():
    nearest, *others = mutation.tests_of("kernels/indices.py")
    assert nearest == "tests/kernels/test_indices.py" and "tests/kernels/test_observe.py" in others  # through `kernels.observe`
    assert mutation.tests_of("kernels/zonal.py") == ("tests/indicators/test_zonal.py",)  # none of tests/kernels does
    assert "tests/indicators/test_values.py" in mutation.tests_of("rs_pipeline/indicators/water.py")  # through `values`


def test_faults_are_drawn_from_every_folder():
    folders = {mutation.folder_of(f.path) for f in mutation.all_faults(mutation.SAMPLED)}
    assert folders == set(mutation.SAMPLED)
