"""Statistics that indicators share: uncertainty, error model, reference samples, the estimate and its missing-data rule."""
