"""Training of the shipped models. No step of a run imports this package."""
