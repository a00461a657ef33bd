"""What a study's replies have cost: prices times tokens, counted, never stored.

It stands here, below the app that owns battles and replies, so that the check at opening and the
beat that pauses a study count in one way.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from studies.models import Study
from studies.registry import charge

# How a contestant's battles are called where it answers on this side.
BATTLES_AS: Final = {"a": "battles_as_a", "b": "battles_as_b"}


@dataclass(frozen=True, slots=True)
class Spending:
    """What replies have cost, in US dollars, by their tokens.

    `uncounted` answers came without token counts: nobody knows their cost. A reply that was
    erased keeps its figures, and still counts.
    """

    cost: Decimal = Decimal(0)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            self.cost + other.cost,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.uncounted + other.uncounted,
        )


def spent(study: Study) -> Spending:
    """What all replies of a study have cost until now. A preview is a study of its own."""
    return total(spending_by_contestant(study).values())


def total(parts: Iterable[Spending]) -> Spending:
    """The parts together."""
    return sum(parts, start=Spending())


def overspending(study: Study) -> str:
    """What to tell a person about a budget that is spent; empty if it is not, or there is none."""
    if study.budget is None:
        return ""
    cost = spent(study).cost
    if cost < study.budget:
        return ""
    return _(
        "The budget of $%(budget)s is spent: replies have cost $%(cost)s. Raise the budget to go "
        "on."
    ) % {"budget": f"{study.budget:,.2f}", "cost": f"{cost:,.2f}"}


def spending_by_contestant(study: Study) -> dict[int, Spending]:
    """What the replies of each contestant have cost, by its id; those that answered only."""
    chat_models = {
        contestant.pk: contestant.chat_model
        for contestant in study.contestants.select_related("chat_model")
    }
    by_contestant: defaultdict[int, Spending] = defaultdict(Spending)
    for side, battles in BATTLES_AS.items():
        for pk, prompt, completion, uncounted in _tokens(study, f"{battles}__turns__replies", side):
            cost = charge(chat_models[pk], prompt_tokens=prompt, completion_tokens=completion)
            by_contestant[pk] += Spending(cost, prompt, completion, uncounted)
    return dict(by_contestant)


def _tokens(study: Study, replies: str, side: str) -> Iterable[tuple[int, int, int, int]]:
    """By contestant: tokens read and written on a side, and answers without token counts."""
    has_both = {
        f"{replies}__prompt_tokens__isnull": False,
        f"{replies}__completion_tokens__isnull": False,
    }
    # Only a whole answer has the time that it took, and it keeps that when it is erased.
    is_answer = {f"{replies}__total_ms__isnull": False}
    counted = Q(**has_both)
    return (
        study.contestants.filter(**{f"{replies}__side": side})
        .order_by()
        .values_list("pk")
        .annotate(
            prompt=Sum(f"{replies}__prompt_tokens", filter=counted, default=0),
            completion=Sum(f"{replies}__completion_tokens", filter=counted, default=0),
            uncounted=Count(replies, filter=Q(**is_answer) & ~counted),
        )
    )
