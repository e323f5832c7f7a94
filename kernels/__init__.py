"""Numba kernels: arrays and numbers in, arrays out. No files, no xarray, no configuration."""
