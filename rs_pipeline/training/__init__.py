"""How the shipped models are made. Nothing that a run needs imports this room."""
