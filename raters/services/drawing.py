"""Whom a rater meets next, and about what: what was had least, and chance among equals."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from random import Random

from django.db.models import Count, Q, QuerySet

from raters.models import Battle, Participation
from raters.services.panel import IS_KEPT
from studies.models import Study, Task

# Two contestants, the one of the smaller id first; and who answers on sides A and B. Where one
# model is asked at a time there is no B.
Pair = tuple[int, int]
Sides = tuple[int, int | None]


def draw_sides(participation: Participation, chance: Random) -> Sides | None:
    """Whom the rater meets next; None once she has met everybody whom she can meet."""
    study = participation.study
    standing = study.contestants.filter(withdrawn_at__isnull=True)
    ids = sorted(standing.values_list("pk", flat=True))
    if study.protocol == Study.Protocol.SINGLE:
        return _draw_one(participation, ids, chance)
    return _draw_two(participation, ids, chance)


def draw_task(participation: Participation, chance: Random) -> Task | None:
    """What her next battle is about: the least filled task that she has not had; None without any.

    How far a task is filled is its battles that are judged or under way by its quota; without
    quotas all tasks get equal shares. One that she has had comes again only after all others.
    """
    tasks = list(participation.study.tasks.order_by("pk"))
    if not tasks:
        return None
    had = set(participation.battles.values_list("task", flat=True))
    new = [task for task in tasks if task.pk not in had] or tasks
    rows = _taken_up(participation.study).values_list("task").annotate(Count("pk"))
    battles = Counter(dict(rows))
    filled = {task: Fraction(battles[task.pk], task.battles_wanted or 1) for task in new}
    least = min(filled.values())
    return chance.choice([task for task in new if filled[task] == least])


def _draw_one(participation: Participation, ids: list[int], chance: Random) -> Sides | None:
    """The study's least-met contestant among those new to her, alone; ties broken by chance."""
    known = set(participation.battles.values_list("side_a", flat=True))
    new = [contestant for contestant in ids if contestant not in known]
    if not new:
        return None
    seen = _seen(participation.study)
    fewest = min(seen[contestant, None] for contestant in new)
    return chance.choice([each for each in new if seen[each, None] == fewest]), None


def _draw_two(participation: Participation, ids: list[int], chance: Random) -> Sides | None:
    """The study's least-met pair among those new to her, by side.

    Ties are broken by chance, and so are the sides where both ways have been seen as often.
    """
    hers = participation.battles.values_list("side_a", "side_b")
    known = {_pair(sides) for sides in hers}
    new = [pair for pair in combinations(ids, 2) if pair not in known]
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
    rows = _taken_up(study).values_list("side_a", "side_b").annotate(count=Count("pk"))
    return Counter({(a, b): count for a, b, count in rows})


def _taken_up(study: Study) -> QuerySet[Battle]:
    """The study's battles that are judged or under way, to be counted in groups.

    Not those that came to nothing, or that a rater has withdrawn.
    """
    is_judged = Q(judged_at__isnull=False)
    is_under_way = Q(participation__state__in=IS_KEPT)
    taken_up = Battle.objects.filter(is_judged | is_under_way, participation__study=study)
    return taken_up.exclude(participation__state=Participation.State.WITHDRAWN).order_by()


def _pair(sides: Iterable[int]) -> Pair:
    a, b = sorted(sides)
    return a, b
