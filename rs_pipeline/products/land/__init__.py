"""Land cover of a period: the expected share of each of seven classes in every pixel."""
