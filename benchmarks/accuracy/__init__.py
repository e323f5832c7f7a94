"""How wrong we are, and how wrong others are on the same scenes: ``python -m benchmarks.accuracy`` makes the committed table."""
