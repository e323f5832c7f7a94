"""Named errors."""

import pickle

import pytest

from rs_pipeline import errors
from rs_pipeline.errors import DamagedError, PipelineError, TableError

KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, PipelineError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_an_error_goes_between_processes_as_it_is(kind):
    error = DamagedError("broken", "a.tif") if kind is DamagedError else kind("broken", where="a.tif", remedy="mend it")
    came = pickle.loads(pickle.dumps(error))
    assert type(came) is kind and str(came) == str(error) and vars(came) == vars(error)


def test_an_error_says_what_where_and_what_to_do():
    assert str(TableError("a cell is empty", where="t.csv, row 2", remedy="fill it in")) == "a cell is empty\n  where:  t.csv, row 2\n  remedy: fill it in"
