"""Sessions in the database, whose trouble is told as what it is."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError


class SessionStore(db.SessionStore):
    """Django's own, but for a database that is away.

    Django takes any error while it saves for a session that was deleted meanwhile, and answers
    400: whoever asked would be told that the request was wrong, and would not ask again.
    """

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  as Django has it
        """Raises OperationalError where the database can't be reached, UpdateError as Django."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise
