"""What can be wrong with the description of an electorate."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class ElectorateError(ValueError):
    """An electorate that cannot be used: what is wrong, where, and what to do about it."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        advice = f"; {remedy}" if remedy else ""
        super().__init__(f"{place}{what}{advice}")

    def inside(self, where: str) -> Self:
        """The same error, seen from further out: `where` goes before the place it names."""
        place = f"{where}, {self.where}" if self.where else where
        return type(self)(self.what, where=place, remedy=self.remedy)


class RakingError(ElectorateError):
    """A table that cannot be raked to the margins that were asked for."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Any ElectorateError raised inside the block says that it happened at `where`."""
    try:
        yield
    except ElectorateError as error:
        raise error.inside(where) from error
