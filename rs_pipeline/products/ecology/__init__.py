"""The ecological index of HJ 192-2015, as far as maps show it."""
