"""Water: frequency and classes, bodies, optical quality."""
