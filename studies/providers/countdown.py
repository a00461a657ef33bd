"""How much of a call's time is left."""

import time
from datetime import UTC, datetime, timedelta

from studies.providers.errors import ProviderTimeoutError


class Countdown:
    """The time until a deadline, by a clock that nobody sets back while a call is running."""

    def __init__(self, deadline: datetime) -> None:
        if deadline.tzinfo is None:
            raise ValueError(f"the deadline {deadline} has no time zone")
        self._started = time.monotonic()
        self._seconds = (deadline - datetime.now(UTC)).total_seconds()

    @property
    def seconds_left(self) -> float:
        """What is left, 0 or less once the deadline has passed."""
        return self._seconds - (time.monotonic() - self._started)

    @property
    def time_left(self) -> timedelta:
        """What is left, never less than nothing."""
        return timedelta(seconds=max(0.0, self.seconds_left))

    @property
    def elapsed_ms(self) -> int:
        """Whole milliseconds since the call began."""
        return round((time.monotonic() - self._started) * 1000)

    def check(self) -> None:
        """Raise ProviderTimeoutError once the deadline has passed."""
        if self.seconds_left <= 0:
            raise ProviderTimeoutError("the answer was not finished by the deadline")
