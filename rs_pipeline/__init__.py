"""Open pipeline from public Sentinel and Landsat scenes to county indicators."""

__version__ = "0.1.0"
