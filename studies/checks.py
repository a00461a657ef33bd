"""What makes an attention check one that can work: rules for its form, and for the opening."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from django.utils.translation import gettext as _

from studies.models import AttentionCheck, Study
from studies.models.checks import lines_of

Kind = AttentionCheck.Kind

REPEATS_AT_MOST: Final = 1
ANSWERS_AT_LEAST: Final = 2
# Each has a key on the keyboard, from 1 to 9.
ANSWERS_AT_MOST: Final = 9


def flaws_of_words(check: AttentionCheck) -> Iterator[tuple[str, str]]:
    """What a check lacks, or has too much of, for its kind: each field and what to do about it."""
    if check.is_battle:
        for field in ("question", "answers", "accepted"):
            if getattr(check, field).strip():
                yield (
                    field,
                    _("Leave it empty: this check is a battle, and asks what every one asks."),
                )
    else:
        if not check.question.strip():
            yield "question", _("Say what raters are asked.")
        if not lines_of(check.accepted):
            yield "accepted", _("Say which answers pass.")
    if check.kind == Kind.GOLD and not check.fault:
        yield "fault", _("Say how the one side is broken.")
    if check.kind != Kind.GOLD and check.fault:
        yield "fault", _("Leave it empty: only in a gold battle is a side broken.")
    if check.kind == Kind.COMPREHENSION and not check.own_answers:
        yield "answers", _("Give it answers to choose from: it stands before the first battle.")


def flaws_of_answers(check: AttentionCheck, protocol: str) -> Iterator[tuple[str, str]]:
    """Why a check that asks something could not be passed, or not be failed."""
    if check.is_battle:
        return
    offered, accepted = check.answers_for(protocol), lines_of(check.accepted)
    if twice := [answer for answer, times in Counter(offered).items() if times > 1]:
        yield "answers", _("“%(twice)s” stands there twice.") % {"twice": twice[0]}
    if not ANSWERS_AT_LEAST <= len(offered) <= ANSWERS_AT_MOST:
        yield (
            "answers",
            _("Give from %(answers_at_least)s to %(answers_at_most)s answers.")
            % {"answers_at_least": ANSWERS_AT_LEAST, "answers_at_most": ANSWERS_AT_MOST},
        )
    if unknown := [answer for answer in accepted if answer not in offered]:
        yield (
            "accepted",
            _("“%(unknown)s” is none of its answers: %(offered)s.")
            % {"unknown": unknown[0], "offered": ", ".join(offered)},
        )
    elif accepted and set(accepted) == set(offered):
        yield "accepted", _("Every answer passes: leave one out that fails.")


def flaws_between(checks: Iterable[AttentionCheck], *, battles_each: int) -> Iterator[str]:
    """What is wrong with a study's checks beside each other, in sentences."""
    kinds = Counter(check.kind for check in checks)
    if kinds[Kind.REPEAT] > REPEATS_AT_MOST:
        yield _("Repeat one battle at most: take the other checks that repeat one out.")
    extra = kinds[Kind.GOLD] + kinds[Kind.REPEAT]
    if extra > battles_each:
        yield (
            _(
                "%(extra)s battles would be checks, beside %(battles_each)s that count: "
                "take some out, or ask each rater for more battles."
            )
            % {"extra": extra, "battles_each": battles_each}
        )


def missing_of_checks(study: Study) -> Iterator[str]:
    """Checks that can't work as they stand, in sentences."""
    checks = list(study.checks.all())
    for check in checks:
        for _field, flaw in (*flaws_of_words(check), *flaws_of_answers(check, study.protocol)):
            yield _("The attention check “%(check)s”: %(flaw)s") % {
                "check": check,
                "flaw": f"{flaw[0].lower()}{flaw[1:]}",
            }
    yield from flaws_between(checks, battles_each=study.battles_each)
