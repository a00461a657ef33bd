"""Whom a rater meets next, and about what.

Two contestants come from the battle queue, which leaderboards fills; where it has none for her, and
in whatever else is drawn, it is what was had least, and chance among equals.
"""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Final

from django.db import connection
from django.db.models import Count, Q, QuerySet

from raters.models import Battle, Participation
from studies.models import Study, Task

# Two contestants, the one of the smaller id first; and who answers on sides A and B. Where one
# model is asked at a time there is no B.
Pair = tuple[int, int]
Sides = tuple[int, int | None]

# One round trip, which the ORM has no words for. The battles are those of `_known`.
CLAIM: Final = """
    DELETE FROM studies_matchup WHERE id = (
        SELECT id FROM studies_matchup AS matchup
        WHERE study_id = %(study)s
        AND (group_id IS NULL
            OR group_id IN (SELECT group_id FROM studies_cellgroup WHERE cell_id = %(cell)s))
        AND NOT EXISTS (
            SELECT 1 FROM raters_battle AS battle
            WHERE participation_id = %(participation)s
            AND (attention_check_id IS NULL OR judged_at IS NULL)
            AND (battle.side_a_id = matchup.side_a_id AND battle.side_b_id = matchup.side_b_id
                OR battle.side_a_id = matchup.side_b_id AND battle.side_b_id = matchup.side_a_id))
        ORDER BY position LIMIT 1 {passing_by})
    RETURNING side_a_id, side_b_id
"""


def draw_sides(
    participation: Participation, chance: Random, *, is_check: bool = False
) -> Sides | None:
    """Whom the rater meets next; None once she has met everybody whom she can meet.

    A battle that is a check takes nobody away from those that count: whom she meets in one she
    may meet again, and in one she may meet whom she knows, where nobody else is left.
    """
    study = participation.study
    if not is_check and (claimed := claim_matchup(participation)):
        return claimed
    standing = study.contestants.filter(withdrawn_at__isnull=True)
    ids = sorted(standing.values_list("pk", flat=True))
    if study.protocol == Study.Protocol.SINGLE:
        return _draw_one(participation, ids, chance, is_check=is_check)
    return _draw_two(participation, ids, chance, is_check=is_check)


def claim_matchup(participation: Participation) -> Sides | None:
    """Take the best matchup of her groups' queues that is new to her, if there is one.

    It is gone with the transaction that opens its battle, and stays where that fails. Others
    who claim at the same time pass it by; on SQLite they wait, as for everything that writes.
    """
    passing_by = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM.format(passing_by=passing_by),
            {
                "study": participation.study_id,
                "cell": participation.cell_id,
                "participation": participation.pk,
            },
        )
        claimed: Sides | None = cursor.fetchone()
    return claimed


def draw_task(participation: Participation, chance: Random) -> Task | None:
    """What her next battle is about: the least filled task that she has not had; None without any.

    How far a task is filled is its battles that are judged or under way by its quota; without
    quotas all tasks get equal shares. One that she has had comes again only after all others.
    """
    tasks = list(participation.study.tasks.order_by("pk"))
    new = _new_tasks(participation, tasks) or tasks
    return _least_filled(participation.study, new, chance) if new else None


def draw_other_task(participation: Participation, chance: Random) -> Task | None:
    """What to talk of instead of a sensitive topic: anything else, if there is anything.

    Where all topics are sensitive, one that she has not had; None where she had them all.
    """
    tasks = list(participation.study.tasks.order_by("pk"))
    plain = [task for task in tasks if task.area != Task.SENSITIVE]
    new = _new_tasks(participation, plain) or plain or _new_tasks(participation, tasks)
    return _least_filled(participation.study, new, chance) if new else None


def _new_tasks(participation: Participation, tasks: list[Task]) -> list[Task]:
    had = set(participation.battles.values_list("task", flat=True))
    return [task for task in tasks if task.pk not in had]


def _least_filled(study: Study, tasks: list[Task], chance: Random) -> Task:
    rows = Battle.objects.taken_up(study).values_list("task").annotate(Count("pk"))
    battles = Counter(dict(rows))
    filled = {task: Fraction(battles[task.pk], task.battles_wanted or 1) for task in tasks}
    least = min(filled.values())
    return chance.choice([task for task in tasks if filled[task] == least])


def _draw_one(
    participation: Participation, ids: list[int], chance: Random, *, is_check: bool
) -> Sides | None:
    """The study's least-met contestant among those new to her, alone; ties broken by chance."""
    known = set(_known(participation).values_list("side_a", flat=True))
    new = [contestant for contestant in ids if contestant not in known]
    if not new and is_check:
        failed = set(_failed(participation).values_list("side_a", flat=True))
        new = [contestant for contestant in ids if contestant not in failed]
    if not new:
        return None
    seen = _seen(participation.study)
    fewest = min(seen[contestant, None] for contestant in new)
    return chance.choice([each for each in new if seen[each, None] == fewest]), None


def _draw_two(
    participation: Participation, ids: list[int], chance: Random, *, is_check: bool
) -> Sides | None:
    """The study's least-met pair among those new to her, by side.

    Ties are broken by chance, and so are the sides where both ways have been seen as often.
    """
    known = _pairs(_known(participation))
    new = [pair for pair in combinations(ids, 2) if pair not in known]
    if not new and is_check:
        failed = _pairs(_failed(participation))
        new = [pair for pair in combinations(ids, 2) if pair not in failed]
    if not new:
        return None
    seen = _seen(participation.study)
    met = {(a, b): seen[a, b] + seen[b, a] for a, b in new}
    fewest = min(met.values())
    a, b = chance.choice([pair for pair in new if met[pair] == fewest])
    is_turned = chance.random() < 0.5 if seen[a, b] == seen[b, a] else seen[b, a] < seen[a, b]
    return (b, a) if is_turned else (a, b)


def _seen(study: Study) -> Counter[Sides]:
    """How often each have met or are meeting, by side."""
    rows = (
        Battle.objects.taken_up(study).values_list("side_a", "side_b").annotate(count=Count("pk"))
    )
    return Counter({(a, b): count for a, b, count in rows})


def _known(participation: Participation) -> QuerySet[Battle]:
    """Her battles whose contestants are not new to her: all but checks that she has judged."""
    is_done_check = Q(attention_check__isnull=False, judged_at__isnull=False)
    return participation.battles.exclude(is_done_check).order_by()


def _failed(participation: Participation) -> QuerySet[Battle]:
    """Her battles that came to nothing, because a side could not answer."""
    return participation.battles.filter(judged_at__isnull=True).order_by()


def _pairs(battles: QuerySet[Battle]) -> set[Pair]:
    return {_pair(sides) for sides in battles.values_list("side_a", "side_b")}


def _pair(sides: Iterable[int]) -> Pair:
    a, b = sorted(sides)
    return a, b
