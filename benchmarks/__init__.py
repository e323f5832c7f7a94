"""Measurements. BLAS has one thread, as in every job (`rs_pipeline.threads`): with more, threads that wait for each other would count as work of the steps."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported
