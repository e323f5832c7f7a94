"""Products: pure functions from arrays and frozen parameters to arrays and their quality, and the steps that apply them."""
