"""Real data that lie beside the repository, for tests that compare with published figures."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def data_file(name: str) -> Path:
    """The path of a data file; the test is skipped, with the reason, where it is missing.

    HUSTINGS_REQUIRE naming `data` makes a missing file a failure.
    """
    path = FOLDER / name
    if not path.is_file():
        line = f"real data are missing: {path if FOLDER.is_dir() else FOLDER}"
        if "data" in os.environ.get("HUSTINGS_REQUIRE", "").split(","):
            pytest.fail(f"{line}; HUSTINGS_REQUIRE names data: this is a failure")
        pytest.skip(line)
    return path
