"""Real data that lie beside the repository, for tests that compare with published figures."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def data_file(name: str) -> Path:
    """The path of a data file; the test is skipped, with the reason, where it is missing."""
    if not FOLDER.is_dir():
        pytest.skip(f"the folder of real data is missing: {FOLDER}")
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"a file of real data is missing: {path}")
    return path
