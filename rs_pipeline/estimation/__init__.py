"""Statistics that indicators share: uncertainty, error model, reference samples, the estimate and the missing-data rule."""
