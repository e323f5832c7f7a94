"""How often the ground was seen: dates and months behind the other maps."""
