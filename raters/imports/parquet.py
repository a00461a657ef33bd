"""Reads Parquet files, batch by batch. They need pyarrow, which is an extra."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

from raters.errors import ImportRefusedError

# Rows of public data sets hold whole conversations.
BATCH_ROWS: Final = 2_000
NO_PYARROW: Final = (
    "Parquet files need pyarrow, which is not installed here: pip install 'hustings[parquet]'"
)


def header(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises ImportRefusedError for what can't be read."""
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows, numbered from 1, each as values by name."""
    with _opened(path) as file:
        batches = file.iter_batches(BATCH_ROWS)
        yield from enumerate(chain.from_iterable(batch.to_pylist() for batch in batches), start=1)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ImportRefusedError(f"{path.name}: {NO_PYARROW}") from error
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (ArrowException, OSError) as error:
        raise ImportRefusedError(f"{path.name}: it is not Parquet: {error}") from error
