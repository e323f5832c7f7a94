"""Ground-mounted solar arrays: their map, their area and the capacity that it stands for."""
