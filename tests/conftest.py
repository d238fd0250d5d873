"""One thread for each worker of `pytest -n`, so that two of them do not fight over two cores."""

import os

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

if "PYTEST_XDIST_WORKER" in os.environ:
    # Read once, when NumPy and torch are imported; every test module comes after this file.
    os.environ.update(dict.fromkeys(THREADS, "1"))
