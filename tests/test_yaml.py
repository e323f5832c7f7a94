"""YAML that is valid and that no person writes: refused in one line, in little time."""

import time

import pytest

from rs_pipeline.errors import ConfigError
from rs_pipeline.strict import read_mapping


def levels(first: str, others: str, n: int) -> str:
    return f"a0: &a0 {first}\n" + "".join(f"a{i}: &a{i} {others.format(i - 1)}\n" for i in range(1, n))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (levels("[x, x, x, x]", "[*a{0}, *a{0}, *a{0}, *a{0}]", 40), "line 10: it expands to much more than is written"),
        (levels("{x: 1}", "{{<<: [*a{0}, *a{0}, *a{0}, *a{0}]}}", 40), "it expands to much more than is written"),
        (levels("x" * 1000, "[*a{0}, *a{0}, *a{0}, *a{0}]", 40), "it expands to much more than is written"),
        (levels("[x]", "[*a{0}]", 60), "line 50: it contains itself, or more than 50 lists"),
        ("a: &a [*a]\n", "line 1: it contains itself"),
        ("a: &a\n  b: {c: *a}\n", "it contains itself"),
        ("x: 1\n? {a: 1}\n: 2\n", "line 2: a list or section where a key is due"),
        ("? [a]\n: 2\n", "line 1: a list or section where a key is due"),
        ("a: " + "[" * 200_000 + "\n", "line 1: more than 50 lists or sections in each other"),
        ("a: " + "[" * 200_000 + "]" * 200_000 + "\n", "line 1: more than 50 lists or sections in each other"),
        ("- " * 200_000, "more than 50 lists or sections"),
        ("".join(" " * i + "a:\n" for i in range(3000)), "line 51: more than 50 lists or sections"),
        ("a: 1" + ":59" * 200_000 + "\n", "line 1: a number of 600001 signs"),
    ],
    ids=lambda value: value[:20].strip(),
)
def test_yaml_that_no_person_writes(tmp_path, text, told):
    (tmp_path / "a.yaml").write_text(text)
    started = time.perf_counter()
    with pytest.raises(ConfigError) as fault:
        read_mapping(tmp_path / "a.yaml", what="configuration")
    assert told in fault.value.what and "\n" not in fault.value.what and fault.value.where.endswith("a.yaml") and fault.value.remedy
    assert time.perf_counter() - started < 5


def test_names_that_are_repeated_as_people_do(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: [*a, *a]}\n")
    assert read_mapping(tmp_path / "a.yaml", what="table")[0] == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": [{"x": 1}] * 2}}


def test_a_key_that_is_there_twice_in_what_is_repeated_is_told_once(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a\n  x: 1\n  x: 2\n  x: 3\nb: [*a, *a]\n")
    with pytest.raises(ConfigError) as fault:
        read_mapping(tmp_path / "a.yaml", what="table")
    assert fault.value.what.count("the key is there already") == 2 and "line 3, x" in fault.value.what and "line 4, x" in fault.value.what
