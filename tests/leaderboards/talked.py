"""A study whose raters have talked: their words, both sides' replies, and verdicts on them."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np

from raters.identities import Identity, fields_for
from raters.models import Battle, Outcome, Participation, Rater, Reply, Turn, Verdict
from studies.models import Contestant, Study
from tests.cast import NOW, make_study
from tests.leaderboards.scorer.drawn import made_up

TASKS = ("rice", "tea", "bread", "soup", "beans", "eggs", "cake", "fish", "jam", "pie")


def make_talked_study(
    slug: str = "talk",
    *,
    raters: int = 60,
    each: int = 2,
    tie: float = 0.1,
    first: str | None = None,
    worth: Callable[[str], float] = len,
) -> Study:
    """Raters of all cells in turn, who mostly prefer the longer side, on the one dimension.

    Or the side of more `worth`. All have completed, and released their words. `first` is how the
    first battle went, where it is not left to chance; all others are the same then.
    """
    study = make_study(slug, raters=0)
    study.dimensions.filter(is_overall=False).delete()
    Study.objects.filter(pk=study.pk).update(asks_to_quote=True)
    study.refresh_from_db()
    assert study.electorate is not None
    cells = list(study.electorate.cells.order_by("pk"))
    rng = np.random.default_rng(1)
    people = Rater.objects.bulk_create(Rater(created_at=NOW) for _ in range(raters))
    participations = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            cell=cells[place % len(cells)],
            **fields_for(study.pk, Identity(f"platform-{place}")),
            state=Participation.State.COMPLETED,
            created_at=NOW,
            words_released_at=NOW,
        )
        for place, rater in enumerate(people)
    )
    contestants = list(study.contestants.order_by("slug"))
    for place, participation in enumerate(participations):
        for number in range(each):
            pair = rng.choice(len(contestants), 2, replace=False)
            make_talk(
                participation,
                contestants[pair[0]],
                contestants[pair[1]],
                key=str(number),
                message=f"How do I make {TASKS[(place + number) % len(TASKS)]} number {place}?",
                replies=(made_up(rng), made_up(rng)),
                tie=tie,
                rng=rng,
                outcome=first if place == number == 0 else None,
                worth=worth,
            )
    return study


def make_talk(
    participation: Participation,
    a: Contestant,
    b: Contestant,
    *,
    key: str,
    message: str,
    replies: tuple[str, str],
    tie: float,
    rng: np.random.Generator,
    outcome: str | None = None,
    is_judged: bool = True,
    worth: Callable[[str], float] = len,
) -> Battle:
    """A battle of one turn; the worthier side wins, or it is a tie, or as `outcome` says."""
    battle = Battle.objects.create(
        participation=participation,
        key=key,
        side_a=a,
        side_b=b,
        created_at=NOW + timedelta(minutes=int(key) if key.isdecimal() else 0),
        judged_at=NOW if is_judged else None,
    )
    turn = Turn.objects.create(battle=battle, number=1, text=message, created_at=NOW)
    Reply.objects.bulk_create(
        Reply(
            turn=turn, side=side, state=Reply.State.FINISHED, text=text, due_at=NOW, finished_at=NOW
        )
        for side, text in zip("ab", replies, strict=True)
    )
    better = Outcome.A if worth(replies[0]) > worth(replies[1]) else Outcome.B
    drawn = Outcome.TIE if rng.random() < tie else better
    if is_judged:
        Verdict.objects.bulk_create(
            Verdict(battle=battle, dimension=dimension, outcome=outcome or drawn, recorded_at=NOW)
            for dimension in participation.study.dimensions.all()
        )
    return battle
