"""Land cover on real labelled pixels, each source left out of the training in turn: ``python -m benchmarks.accuracy.real_land``."""
