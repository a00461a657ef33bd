"""When to ask again after a failure."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from studies.providers.errors import ProviderError

MAX_ATTEMPTS: Final = 4
FIRST_DELAY: Final = timedelta(seconds=1)
LONGEST_DELAY: Final = timedelta(seconds=8)
# A rater is waiting. Who wants to be left alone for longer is not asked again.
LONGEST_RETRY_AFTER: Final = timedelta(seconds=30)


def retry_delay(error: ProviderError, attempt: int, *, seed: int) -> timedelta | None:
    """How long to wait before asking again, or None to give up.

    `attempt` is the number of the one that failed, from 1. Delays double from FIRST_DELAY to
    LONGEST_DELAY, less up to half by chance, so that failed calls don't come back all at once.
    Never sooner than the endpoint asked for; None if it asked for more than
    LONGEST_RETRY_AFTER, where coming back early would only prolong its trouble. In all at
    most 7 s are waited, and 93 s if the endpoint asks for it each time.
    """
    if attempt < 1:
        raise ValueError(f"attempts are counted from 1, not {attempt}")
    if not error.is_retryable or attempt >= MAX_ATTEMPTS:
        return None
    # No secrets hang on this: the same seed has to give the same delay.
    chance = random.Random(f"{seed}:{attempt}").random()  # noqa: S311
    longest = min(LONGEST_DELAY, FIRST_DELAY * (1 << (attempt - 1)))
    if error.retry_after is None:
        return longest * (1 - chance / 2)
    if error.retry_after > LONGEST_RETRY_AFTER:
        return None
    return error.retry_after + FIRST_DELAY * chance


def parse_retry_after(value: str | None, *, at: datetime) -> timedelta | None:
    """The delay that a Retry-After header asks for, in seconds or as an HTTP date; None if none.

    A date that has passed is no delay. What is neither is taken for no header (RFC 9110, 10.2.3).
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # More than a day is a day: nobody waits for it, and the largest numbers don't fit.
        return timedelta(seconds=min(int(text[:9]), 86_400))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(timedelta(0), date - at)
