"""Attacks that need no run are repeated with every change; the others are run by `python -m benchmarks.attack`."""

import pytest

from benchmarks.attack import attacks_of, attempted

QUICK = ("coast",)


@pytest.mark.parametrize(("kind", "attack"), [(kind, attack) for kind in QUICK for attack in attacks_of(kind)], ids=lambda value: getattr(value, "name", value))
def test_what_is_attacked_holds(kind, attack):
    outcome = attempted(kind, attack)
    assert outcome.held, outcome.seen
