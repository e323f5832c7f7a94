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
    monkeypatch.setattr(mutation, "PLANTED", [("kernels/rs_kernels/indices.py", "no such text", "")])
    with pytest.raises(SystemExit, match=r"kernels/rs_kernels/indices.py: 'no such text' stands there 0 times, not once"):
        mutation.planted_faults()


def test_tests_of_a_module_are_the_nearest_that_import_it():
    found = mutation.tests_of("kernels/rs_kernels/indices.py")
    assert found.index("tests/kernels/test_indices.py") < found.index("tests/kernels/test_observe.py")  # through `rs_kernels.observe`
    assert mutation.tests_of("kernels/rs_kernels/zonal.py") == ("tests/kernels/test_zonal.py",)  # the tests of steps that call it are further off
    tests = mutation.tests_of("kernels/rs_kernels/calibration.py")
    assert tests[0] == "tests/radiometry/test_calibration.py" and "tests/kernels/test_observe.py" in tests


@pytest.mark.parametrize(("product", "own"), [("water", None), ("land", "test_indicators.py"), ("vegetation", "test_greening.py")])
def test_indicators_of_a_product_are_judged_by_its_tests_and_by_those_of_all(product, own):
    tests = mutation.tests_of(f"rs_pipeline/products/{product}/indicators.py")
    assert "tests/indicators/test_values.py" in tests
    assert own is None or f"tests/products/{product}/{own}" in tests


def test_faults_are_drawn_from_every_folder():
    paths = {f.path for f in mutation.all_faults(mutation.SAMPLED)}
    assert {mutation.folder_of(p) for p in paths} == set(mutation.FOLDERS)
    assert {p.rsplit("/", 1)[1] for p in paths if mutation.folder_of(p) == "rs_pipeline/products"} == {"indicators.py"}
