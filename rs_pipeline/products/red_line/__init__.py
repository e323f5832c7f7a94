"""The ecological red line, a side table."""
