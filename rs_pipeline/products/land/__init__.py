"""Land cover of a period: seven classes, as the share of every pixel that each is expected to have."""
