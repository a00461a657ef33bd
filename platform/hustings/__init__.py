"""The project package: command line, settings, addresses. It imports the apps; none imports it."""

import os

# Before anything loads numpy. Our matrices are small: with a BLAS thread on each core, and several
# processes on these cores, threads wait for one another. A refill of a queue took 2.3 s instead
# of .6 s.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hustings.celery import app as celery_app

__all__ = ["celery_app"]
