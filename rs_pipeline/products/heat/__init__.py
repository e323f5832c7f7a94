"""Surface temperature of summer, and the heat island of built-up land."""
