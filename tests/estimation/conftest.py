"""Every test here counts with round numbers for the errors of the indicators."""

import pytest


@pytest.fixture(autouse=True)
def round_errors(plain_errors):
    return
