"""When to ask again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.providers import (
    AddressRefusedError,
    EmptyAnswerError,
    MalformedAnswerError,
    MissingKeyError,
    OversizedAnswerError,
    ProviderTimeoutError,
    RateLimitedError,
    RefusedRequestError,
    ServerError,
    StreamCutError,
    UnreachableError,
    retry_delay,
)
from studies.providers.retries import LONGEST_RETRY_AFTER, MAX_ATTEMPTS, parse_retry_after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.integers(1, MAX_ATTEMPTS - 1), st.integers())
def test_delays_double_less_up_to_half_and_the_same_seed_gives_the_same(
    attempt: int, seed: int
) -> None:
    delay = retry_delay(ServerError("x"), attempt, seed=seed)
    assert delay is not None
    assert SECOND * 2 ** (attempt - 1) / 2 <= delay <= SECOND * 2 ** (attempt - 1)
    assert delay == retry_delay(ServerError("x"), attempt, seed=seed)


def test_calls_that_failed_together_do_not_come_back_together() -> None:
    assert len({retry_delay(ServerError("x"), 1, seed=seed) for seed in range(50)}) == 50


@given(st.timedeltas(timedelta(0), timedelta(days=2)), st.integers())
def test_nobody_comes_back_sooner_than_asked_and_nobody_waits_for_ever(
    retry_after: timedelta, seed: int
) -> None:
    delay = retry_delay(RateLimitedError("x", retry_after=retry_after), 1, seed=seed)
    if retry_after > LONGEST_RETRY_AFTER:
        assert delay is None
    else:
        assert delay is not None
        assert retry_after <= delay <= retry_after + SECOND


def test_after_the_last_attempt_there_is_none() -> None:
    assert retry_delay(ServerError("x"), MAX_ATTEMPTS, seed=1) is None
    assert retry_delay(ServerError("x"), 10**9, seed=1) is None
    with pytest.raises(ValueError, match="from 1"):
        retry_delay(ServerError("x"), 0, seed=1)


def test_only_what_may_go_better_next_time_is_asked_again() -> None:
    def is_retried(kind) -> bool:
        return retry_delay(kind("x"), 1, seed=1) is not None

    for kind in (RateLimitedError, ServerError, ProviderTimeoutError, StreamCutError,
                 EmptyAnswerError, MalformedAnswerError, UnreachableError):  # fmt: skip
        assert is_retried(kind)
    for kind in (RefusedRequestError, AddressRefusedError, MissingKeyError, OversizedAnswerError):
        assert not is_retried(kind)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7 * SECOND),
        (" 0 ", timedelta(0)),
        ("9" * 400, timedelta(days=1)),
        ("Sun, 01 Mar 2026 12:00:20 GMT", 20 * SECOND),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2026 12:00:20 -0000", 20 * SECOND),
        (None, None),
        ("", None),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: timedelta | None) -> None:
    assert parse_retry_after(value, at=NOON) == expected
