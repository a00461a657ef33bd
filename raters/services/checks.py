"""Everything that writes what raters answer to attention checks; where these come is drawn anew.

What she answers among the dimensions, and how she judges a battle that is a check, is written with
her verdicts or ratings, in their transaction. A check that fails is a flaw like any other: what
becomes of it the study's rules say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from raters.errors import AnswersMissingError, JudgementRefusedError, PlaceLostError
from raters.models import Battle, CheckAnswer, Outcome, Participation
from raters.quality.agreement import SWAPPED
from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.placement import Placement, place_checks
from raters.services.panel import COMPREHENSION_TRIES, screen_out
from raters.services.screening import Rules
from raters.services.strikes import give_signal, strike_or_forgive
from studies.models import AttentionCheck, ScreenRule, Study
from studies.models.checks import lines_of

Kind = AttentionCheck.Kind
Action = ScreenRule.Action

# A rating up to the middle of the scale prefers nothing.
MIDDLE: Final = 4
# Ratings of one conversation that lie further apart contradict each other.
SCORES_APART: Final = 2


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """A check among the dimensions of a battle; it stands after so many of them."""

    check: AttentionCheck
    after: int


@dataclass(frozen=True, slots=True)
class Comprehension:
    """The questions before a rater's first battle, as they stand for her.

    `attempt` is her next try, from 1; `given` her last answers by the checks' ids.
    """

    checks: tuple[AttentionCheck, ...]
    attempt: int
    given: Mapping[int, str]

    @property
    def wrong(self) -> tuple[AttentionCheck, ...]:
        """What she answered, and not as it stands on the page."""
        return tuple(
            check
            for check in self.checks
            if check.pk in self.given and not check.accepts(self.given[check.pk])
        )

    @property
    def is_passed(self) -> bool:
        """All are answered rightly, or there are none."""
        return all(check.pk in self.given for check in self.checks) and not self.wrong

    @property
    def tries_left(self) -> int:
        return max(0, COMPREHENSION_TRIES + 1 - self.attempt)


# Where they come


def battles_asked(study: Study) -> int:
    """How many battles a rater is asked for, those that are checks among them."""
    return study.battles_each + sum(check.is_battle for check in study.checks.all())


def placement_of(participation: Participation) -> Placement:
    """Where her checks come: drawn by the study's and her own id, so always the same."""
    study = participation.study
    checks = list(study.checks.order_by("pk"))
    return place_checks(
        f"{study.pk}:{participation.pk}",
        battles=study.battles_each,
        dimensions=study.dimensions.count() if checks else 1,
        items=[check.pk for check in checks if check.is_item],
        gold=[check.pk for check in checks if check.kind == Kind.GOLD],
        has_repeat=any(check.kind == Kind.REPEAT for check in checks),
    )


def number_of(battle: Battle) -> int:
    """Which of her battles it is, from 1; one that came to nothing has its successor's number."""
    hers = Battle.objects.filter(participation=battle.participation_id, pk__lt=battle.pk)
    return hers.filter(judged_at__isnull=False).count() + 1


def items_of(battle: Battle) -> tuple[PlacedItem, ...]:
    """The checks among the dimensions of a battle, in their order."""
    checks = {check.pk: check for check in battle.participation.study.checks.all()}
    if not any(check.is_item for check in checks.values()):
        return ()
    placed = placement_of(battle.participation).items_in(number_of(battle))
    return tuple(PlacedItem(checks[item.check], item.after) for item in placed)


# Before the first battle


def read_comprehension(participation: Participation) -> Comprehension:
    """The questions before her first battle, with what she has answered to them."""
    checks = participation.study.checks.filter(kind=Kind.COMPREHENSION)
    answers = participation.check_answers.filter(attention_check__kind=Kind.COMPREHENSION)
    last = answers.order_by("-attempt").first()
    tried = last.attempt if last else 0
    given = answers.filter(attempt=tried).values_list("attention_check", "answer")
    return Comprehension(tuple(checks.order_by("position", "pk")), tried + 1, dict(given))


@transaction.atomic
def answer_comprehension(
    participation: Participation, *, answers: Mapping[int, str], attempt: int, at: datetime
) -> Comprehension:
    """Record her answers to all questions before the first battle, as her try `attempt`.

    Sent again, or from a page that is behind, they change nothing: a try is used once. With the
    last one failed she is screened out, and her place is free. Raises AnswersMissingError, which
    uses no try, and PlaceLostError where she has no place to begin with.
    """
    locked = Participation.objects.select_for_update(of=("self",)).select_related("study")
    hers = locked.get(pk=participation.pk)
    if hers.state != Participation.State.RESERVED:
        raise PlaceLostError(_("There is no place to begin with."))
    standing = read_comprehension(hers)
    if standing.is_passed or attempt != standing.attempt or not standing.tries_left:
        return standing
    missing = [c for c in standing.checks if answers.get(c.pk, "") not in c.own_answers]
    if missing:
        raise AnswersMissingError(
            _("An answer is missing: %(question)s") % {"question": missing[0].question}
        )
    CheckAnswer.objects.bulk_create(
        CheckAnswer(
            participation=hers,
            attention_check=check,
            attempt=attempt,
            answer=answers[check.pk],
            is_passed=check.accepts(answers[check.pk]),
            answered_at=at,
        )
        for check in standing.checks
    )
    standing = read_comprehension(hers)
    if standing.wrong and not standing.tries_left:
        screen_out(hers, at=at)
    return standing


# In battles


def read_items(battle: Battle, given: Mapping[int, str]) -> dict[AttentionCheck, str]:
    """Her answers to the checks among a battle's dimensions, by check, each one it offers.

    `given` by the checks' ids. Raises JudgementRefusedError where one is missing or unknown.
    """
    protocol = battle.participation.study.protocol
    checks = {item.check.pk: item.check for item in items_of(battle)}
    if checks.keys() != given.keys():
        raise JudgementRefusedError(_("An answer is missing, or one is to nothing that was asked."))
    for pk, check in checks.items():
        if given[pk] not in check.answers_for(protocol):
            raise JudgementRefusedError(
                _('"%(answer)s" is no answer to: %(question)s')
                % {"answer": given[pk], "question": check.question}
            )
    return {check: given[pk] for pk, check in checks.items()}


def record_checks(
    battle: Battle,
    items: Mapping[AttentionCheck, str],
    judged: Mapping[int, str | int],
    *,
    at: datetime,
) -> None:
    """Keep what a judged battle says of her attention, and act on what fails.

    `items` from `read_items`; `judged` her outcomes or scores by the dimensions' ids.
    """
    for item, chosen in items.items():
        flaw = None if item.accepts(chosen) else _failed_item(item, chosen)
        _record(battle, item, chosen, flaw, at=at)
    check = battle.attention_check
    overall = battle.participation.study.dimensions.filter(is_overall=True).first()
    if check is None or overall is None:
        return
    answer = judged[overall.pk]
    if check.kind == Kind.GOLD:
        _record(battle, check, str(answer), _failed_gold(battle, check, answer), at=at)
    elif battle.repeats is not None:
        earlier = _judged(battle.repeats, overall.pk)
        # In a preview no verdict was kept that could be compared.
        if earlier is not None:
            _record(battle, check, str(answer), _contradiction(answer, earlier), at=at)


def _judged(battle: Battle, dimension: int) -> str | int | None:
    """What she said of a battle on a dimension."""
    if battle.side_b_id is None:
        rating = battle.ratings.filter(dimension=dimension).first()
        return rating.score if rating else None
    verdict = battle.verdicts.filter(dimension=dimension).first()
    return verdict.outcome if verdict else None


def _failed_item(check: AttentionCheck, answer: str) -> Flaw:
    fits = " or ".join(map(quote, lines_of(check.accepted)))
    evidence = (
        f"Among the questions stood {quote(check.question)} What fits is {fits}; you chose "
        f"{quote(answer)}."
    )
    return Flaw(FlawKind.FAILED_CHECK, evidence, "attention_check", is_strike=True)


def _failed_gold(battle: Battle, check: AttentionCheck, answer: str | int) -> Flaw | None:
    """She prefers the side that is broken; None where she does not."""
    # Evidence is in the project's own language, whatever the rater reads: `raters.evidence`.
    with override(settings.LANGUAGE_CODE):
        how = check.get_fault_display()
    if isinstance(answer, int):
        if answer <= MIDDLE:
            return None
        evidence = (
            f"In conversation {number_of(battle)} the answers were broken on purpose ({how}), and "
            f"you rated them {answer} of 7."
        )
    else:
        if answer != battle.broken_side:
            return None
        evidence = (
            f"In battle {number_of(battle)} the answers of {battle.broken_side.upper()} were "
            f"broken on purpose ({how}), and you preferred them."
        )
    return Flaw(FlawKind.FAILED_CHECK, evidence, "gold_battle", is_strike=True)


def _contradiction(answer: str | int, earlier: str | int) -> Flaw | None:
    """What she says of a conversation shown again is the opposite; None where it is not.

    Both answers are of the overall dimension; sides are swapped between them.
    """
    if isinstance(answer, int) and isinstance(earlier, int):
        if abs(answer - earlier) <= SCORES_APART:
            return None
        evidence = f"You rated the same conversation {earlier} of 7 first, and {answer} later."
    else:
        same = SWAPPED[str(answer)]
        if Outcome.TIE in {same, earlier} or same == earlier:
            return None
        evidence = (
            f"You preferred {str(earlier).upper()} in a conversation, and the other side when "
            "you saw it again."
        )
    return Flaw(FlawKind.INCONSISTENT, evidence, "repeated_battle", is_strike=True)


def _record(
    battle: Battle, check: AttentionCheck, answer: str, flaw: Flaw | None, *, at: datetime
) -> None:
    hers, key = battle.participation, f"check:{check.pk}"
    CheckAnswer.objects.create(
        participation=hers,
        attention_check=check,
        battle=battle,
        answer=answer,
        is_passed=flaw is None,
        answered_at=at,
    )
    if flaw is None:
        return
    action = Rules.of(hers.study).action_for(flaw)
    if action == Action.STRIKE:
        strike_or_forgive(hers, flaw, key=key, battle=battle, at=at)
    elif action == Action.SIGNAL:
        give_signal(hers, flaw, key=key, battle=battle, at=at)
