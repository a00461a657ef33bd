"""The site's settings, with addresses of the benchmark besides, and without limits.

Every client of the benchmark comes from one address, whose limit is not what is measured.
"""

from hustings.settings import *  # noqa: F403

ROOT_URLCONF = "hustings.benchmarks.load_urls"
REST_LIMIT_KNOWN = REST_LIMIT_ANONYMOUS = 1_000_000_000
