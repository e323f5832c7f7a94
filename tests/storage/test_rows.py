"""Rows of Parquet files as dictionaries."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from rs_pipeline.storage.rows import read_rows

WHEN = datetime(2024, 5, 1, 3, 5, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    table = pd.DataFrame({"name": ["a", "b", "海"], "n": [1, 2, 3], "x": [0.5, np.nan, -1.0]})
    table["when"] = pd.Series([WHEN] * 3).astype("datetime64[us, UTC]")
    table.to_parquet(tmp_path / "t.parquet", index=False)
    return tmp_path / "t.parquet"


def test_rows_are_python_values_and_what_is_missing_is_none(path):
    assert read_rows(path)[1:] == [{"name": "b", "n": 2, "x": None, "when": WHEN}, {"name": "海", "n": 3, "x": -1.0, "when": WHEN}]
    assert read_rows(path, ["n"], n=[3, 1]) == [{"n": 1}, {"n": 3}] and read_rows(path, n=()) == []


def test_faults_are_two(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        read_rows(tmp_path / "none")
    with pytest.raises(ValueError, match="no column y"):
        read_rows(path, ["n", "y"])
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read_rows(path)
        except ValueError:
            pass
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match="Parquet"):
        read_rows(path)
