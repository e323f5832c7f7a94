"""Errors of our products and of other methods on the same scenes: ``python -m benchmarks.accuracy`` makes the committed table."""
