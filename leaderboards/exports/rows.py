"""Reads the rows of an export's files, some raters at a time, so that memory stays flat.

Nothing is held open between two reads: what is written meanwhile is not waited for, and what the
export's time does not cover is left out.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from leaderboards.exports.people import People
from leaderboards.exports.writing import Value
from leaderboards.models import BoardRow
from raters.models import Battle, JudgeVerdict, Participation, Rating, Reply, Turn, Verdict
from raters.querysets import RatingQuerySet, VerdictQuerySet
from studies.models import Study

Row = Sequence[Value]
ROWS_AT_ONCE: Final = 5_000

ANSWER: Final = (
    "pk",
    "recorded_at",
    "battle__participation_id",
    "battle__side_a__name",
    "battle__side_b__name",
    "dimension__key",
    "battle_id",
    "battle__key",
    "battle__created_at",
    "battle__conversation",
    "battle__attention_check_id",
    "counts",
)
BOARD_ROW: Final = (
    "section__board_id", "section__board__taken_at", "section__board__engine",
    "section__board__input_digest", "section__board__superseded_by",
    "section__board__withdrawal__reason", "section__dimension_key", "section__scope",
    "section__axis_key", "section__group_key", "contestant__slug", "name", "developer", "rank",
    "rank_low", "rank_high", "score", "score_low", "score_high", "win_share", "p_best", "battles",
    "wins", "losses", "ties", "is_provisional",
)  # fmt: skip


def verdict_rows(people: People, *, until: datetime) -> Iterator[Row]:
    """The verdicts, each with whether boards count it."""
    for row in _answers(people, Verdict.objects.of(people.study), "outcome", until):
        _, recorded_at, who, a, b, dimension, battle, key, at, named, check, counts, outcome = row
        if who in people.names:
            opening = (people.names[who], a, b, outcome, dimension)
            when = _when(people, at, recorded_at)
            where = (people.key_of(battle, key), *when, people.conversation(named))
            yield (*opening, *where, check is not None, not counts)


def rating_rows(people: People, *, until: datetime) -> Iterator[Row]:
    """The ratings, each with whether boards count it."""
    for row in _answers(people, Rating.objects.of(people.study), "score", until):
        _, recorded_at, who, model, _b, dimension, battle, key, at, named, check, counts, score = (
            row
        )
        if who in people.names:
            opening = (people.names[who], model, score, dimension)
            when = _when(people, at, recorded_at)
            where = (people.key_of(battle, key), *when, people.conversation(named))
            yield (*opening, *where, check is not None, not counts)


def _when(people: People, at: datetime, recorded_at: datetime) -> tuple[datetime, datetime | None]:
    return people.day_or_instant(at), None if people.is_release else recorded_at


def _answers(
    people: People, given: VerdictQuerySet | RatingQuerySet, said: str, until: datetime
) -> Iterator[tuple[Any, ...]]:
    """Answers as `ANSWER` has them, and what was said; read some at a time."""
    found = given.filter(recorded_at__lte=until).told_what_counts(people.study)
    if people.is_release:
        # Checks say nothing about models; and nobody's place among the others is told.
        found = found.filter(battle__attention_check=None)
        return chain.from_iterable(_by_rater(people, found, said))
    return chain.from_iterable(_in_order(people.study, found, said))


def pieces(rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in pieces that a database takes the ids of in one question, whoever they are of."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[start : start + ROWS_AT_ONCE]


def _by_rater(people: People, found: QuerySet[Any], said: str) -> Iterator[list[tuple[Any, ...]]]:
    for ids in people.chunks():
        rows = found.filter(battle__participation__in=ids).values_list(*ANSWER, said)
        yield sorted(
            rows, key=lambda row: (people.names[row[2]], people.key_of(row[6], ""), row[5])
        )


def _in_order(study: Study, found: QuerySet[Any], said: str) -> Iterator[list[tuple[Any, ...]]]:
    """Dimension by dimension in the order of recording: what engines that know an order follow."""
    for dimension in study.dimensions.order_by("position", "key"):
        there = found.filter(dimension=dimension).order_by("recorded_at", "pk")
        rows = there.values_list(*ANSWER, said)
        chunk = list(rows[:ROWS_AT_ONCE])
        while chunk:
            yield chunk
            chunk = _next(rows, *chunk[-1][:2])


def _next(rows: QuerySet[Any, Any], pk: int, recorded_at: datetime) -> list[tuple[Any, ...]]:
    """The answers that follow this one: first those of the same instant, as an import has them.

    Were both asked for as one range, PostgreSQL would take the rest of a large import for a few
    rows, and read and sort it anew each time.
    """
    chunk = list(rows.filter(recorded_at=recorded_at, pk__gt=pk)[:ROWS_AT_ONCE])
    if len(chunk) < ROWS_AT_ONCE:
        chunk += rows.filter(recorded_at__gt=recorded_at)[: ROWS_AT_ONCE - len(chunk)]
    return chunk


def rater_rows(people: People) -> Iterator[Row]:
    """Who took part; of a release those with a battle."""
    for ids in people.chunks():
        rows = (
            Participation.objects.filter(pk__in=ids)
            .annotate(n=_battles(people))
            .values_list(
                "pk", "cell_id", "state", "consent_text__version", "words_released_at", "n"
            )
        )
        found = {row[0]: row for row in rows}
        for pk in filter(found.__contains__, ids):
            _, cell, state, consent, released_at, battles = found[pk]
            if battles or not people.is_release:
                groups = people.groups_of(pk, cell)
                are_released = released_at is not None
                yield (people.names[pk], *groups, state, battles, consent, are_released)


def _battles(people: People) -> Count:
    counted = Q(battles__isnull=False)
    if people.is_release:
        counted &= Q(battles__attention_check=None)
    return Count("battles", filter=counted)


def conversation_rows(people: People, *, until: datetime) -> Iterator[Row]:
    """What was said: each message, the replies to it, and why she judged as she did."""
    names = dict(people.study.contestants.values_list("pk", "name"))
    tasks = {task.pk: str(task) for task in people.study.tasks.all()}
    for ids in people.chunks():
        quoted = [pk for pk in ids if people.may_quote(pk, is_hidden=False)]
        for found in pieces(_spoken(people, quoted, until)):
            said = _said_in([row[0] for row in found])
            for battle, who, key, task, a, b, reason, is_hidden in found:
                if not people.may_quote(who, is_hidden=is_hidden):
                    continue
                opening = (people.names[who], people.key_of(battle, key), tasks.get(task, ""))
                models = {"": "", "a": names[a], "b": names.get(b, "")}
                for number, side, text in said[battle]:
                    kind = "reply" if side else "message"
                    yield (*opening, number, kind, side, models[side], people.text(text))
                if reason:
                    yield (*opening, None, "reason", "", "", people.text(reason))


def _spoken(people: People, ids: Sequence[int], until: datetime) -> list[tuple[Any, ...]]:
    """The battles of some raters with words of theirs, in the order of the export's files."""
    has_words = Exists(Turn.objects.filter(battle=OuterRef("pk"))) | ~Q(reason="")
    found = Battle.objects.filter(has_words, participation__in=ids, created_at__lte=until)
    if people.is_release:
        found = found.filter(attention_check=None)
    rows = found.order_by("pk").values_list(
        "pk", "participation_id", "key", "task_id", "side_a_id", "side_b_id", "reason",
        "is_reason_hidden",
    )  # fmt: skip
    place = {pk: n for n, pk in enumerate(ids)}
    if people.is_release:
        return sorted(rows, key=lambda row: (place[row[1]], people.key_of(row[0], row[2])))
    return sorted(rows, key=lambda row: (place[row[1]], row[0]))


def _said_in(battles: Sequence[int]) -> dict[int, list[tuple[int, str, str]]]:
    """The number of the turn, the side and the words of all that was said, by battle.

    The rater's own side is empty, and comes first. What was erased, or not finished, is no word.
    """
    turns = Turn.objects.filter(battle__in=battles, is_erased=False).order_by()
    replies = Reply.objects.filter(turn__in=turns, state=Reply.State.FINISHED).order_by()
    said: dict[int, list[tuple[int, str, str]]] = {battle: [] for battle in battles}
    for battle, number, text in turns.values_list("battle_id", "number", "text"):
        said[battle].append((number, "", text))
    place = ("turn__battle_id", "turn__number")
    for battle, number, side, text in replies.values_list(*place, "side", "text"):
        said[battle].append((number, side, text))
    return {battle: sorted(those) for battle, those in said.items()}


def judgement_rows(people: People, *, until: datetime) -> Iterator[Row]:
    """What machine raters said of the same battles, run by run."""
    runs = people.study.judge_runs.select_related("judge").order_by("number")
    for run in runs:
        for ids in people.chunks():
            found = JudgeVerdict.objects.filter(
                judgement__run=run,
                judgement__battle__participation__in=ids,
                recorded_at__lte=until,
            ).select_related("dimension", "judgement__battle__side_a", "judgement__battle__side_b")
            if people.is_release:
                found = found.filter(judgement__battle__attention_check=None)
            for each in sorted(found, key=lambda each: _judged_place(people, each)):
                opening = (str(run.judge), run.number, run.judge.protocol)
                yield (*opening, *_judged(people, each))


def _judged_place(people: People, each: JudgeVerdict) -> tuple[str, str, str]:
    battle = each.judgement.battle
    assert battle is not None  # noqa: S101  it is asked for by its participation
    key = people.key_of(battle.pk, battle.key)
    return people.names[battle.participation_id], key, each.dimension.key


def _judged(people: People, each: JudgeVerdict) -> Row:
    battle = each.judgement.battle
    assert battle is not None  # noqa: S101  as above
    may_quote = people.may_quote(battle.participation_id, is_hidden=battle.is_reason_hidden)
    return (
        people.names[battle.participation_id],
        people.key_of(battle.pk, battle.key),
        people.conversation(battle.conversation),
        battle.side_a.name,
        battle.side_b.name if battle.side_b else "",
        each.dimension.key,
        each.outcome,
        each.certainty,
        each.p_a,
        each.p_tie,
        each.p_b,
        each.score_a,
        each.score_b,
        each.orders_agree,
        people.text(each.reason) if may_quote else "",
    )


def board_rows(study: Study) -> Iterator[Row]:
    """Every row of every published board, the oldest board first."""
    for board in study.boards.order_by("taken_at", "pk").values_list("pk", flat=True):
        rows = BoardRow.objects.filter(section__board=board)
        for row in rows.order_by("section_id", "rank", "pk").values_list(*BOARD_ROW):
            board_id, taken_at, engine, digest, superseded_by, reason, *rest = row
            opening = (str(board_id), taken_at, engine, digest, superseded_by is not None)
            yield (*opening, reason or "", *rest)
