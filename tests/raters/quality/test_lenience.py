"""What is forgiven before a flaw is a strike."""

from raters.quality.flaws import FlawKind
from raters.quality.lenience import FORGIVEN, is_forgiven


def test_the_first_flaws_of_a_kind_are_forgiven_and_those_after_are_not() -> None:
    kind = FlawKind.SPEEDING

    assert [is_forgiven(kind, earlier=n, forgiven={kind: 2}) for n in range(4)] == [
        True,
        True,
        False,
        False,
    ]


def test_what_is_not_done_by_accident_is_never_forgiven() -> None:
    assert FlawKind.GIBBERISH not in FORGIVEN
    assert not is_forgiven(FlawKind.GIBBERISH, earlier=0)


def test_one_failed_check_is_a_slip_and_two_are_not() -> None:
    assert is_forgiven(FlawKind.FAILED_CHECK, earlier=0)
    assert not is_forgiven(FlawKind.FAILED_CHECK, earlier=1)
