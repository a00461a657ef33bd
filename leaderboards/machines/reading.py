"""Reads what people and a run of a judge said of a study's conversations into arrays.

An item is a conversation with a pair of contestants, on a dimension: raters who judged the same
one, as in imports, share it. Its side A is that of its first battle.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from django.db.models import Sum, Value
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from leaderboards.comparison.items import BoolArray, Items, Judged, Votes
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray
from leaderboards.verdicts import OUTCOME_CODE, Frame, fetched, positions
from raters.models import Battle, JudgeAnswer, JudgeRun, JudgeVerdict, SideStyle, Verdict
from studies.models import ChatModel, Dimension
from studies.registry import charge

# What a `Judged` holds beside the items.
JUDGED_COLUMNS: Final = (
    "outcome", "shown_first", "sample", "certainty", "probabilities", "cost", "seconds",
)  # fmt: skip
CODES: Final = {"a": A_WINS, "tie": TIE, "b": B_WINS}
ROW: Final = (
    "battle_id",
    "battle__side_a_id",
    "battle__side_b_id",
    "battle__participation_id",
    Coalesce("battle__participation__cell_id", Value(0)),
)
JUDGED: Final = (
    "judgement__battle_id", "judgement__battle__side_a_id", "judgement__battle__side_b_id",
    "outcome", "certainty", "p_a", "p_tie", "p_b", "samples", "judgement_id",
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """What people and a judge said on one dimension, or on several one after the other.

    `battle` (N,) is the first battle of each item, `dimension` (N,) and `cell` (M,) are indices
    into the frame. `abstained` counts the judge's verdicts that name no outcome; `has_orders` is
    whether it saw both sides at once, so that one of them stood first. `others` are what other
    judges said of the same items.
    """

    frame: Frame
    run: JudgeRun
    items: Items
    votes: Votes
    judged: Judged
    battle: IntArray
    dimension: IntArray
    cell: IntArray
    verdicts: int
    abstained: int
    has_orders: bool
    others: tuple[Judged, ...] = ()

    @property
    def rater(self) -> IntArray:
        """Who gave each of the votes, (M,)."""
        return self.votes.rater

    @property
    def words(self) -> FloatArray:
        """How many words a side's replies hold on average, (N,); NaN where nobody counted."""
        mean: FloatArray = self.items.words.mean(axis=1)
        return mean

    def with_any(self, contestants: BoolArray) -> BoolArray:
        """Which items one of these contestants (K,) is in, (N,)."""
        there: BoolArray = contestants[self.items.a] | contestants[self.items.b]
        return there

    def shared(self, *, without: Collection[int] = ()) -> "Sheet":
        """The items that both people and the judge compared, with what they said of these.

        Those of battles by id that are `without` are left out.
        """
        voted_on = self.votes.counts(self.items).any(axis=1)
        both = np.logical_and(voted_on, self.judged.counts(self.items).any(axis=1))
        both &= ~np.isin(self.battle, list(without))
        place = np.cumsum(both) - 1
        voted, judged = both[self.votes.item], both[self.judged.item]
        votes, said = self.votes.only(voted), self.judged.only(judged)
        others = (other.only(both[other.item]) for other in self.others)
        items = self.items
        return replace(
            self,
            items=Items(items.contestants, items.a[both], items.b[both], items.words[both]),
            votes=replace(votes, item=place[votes.item]),
            judged=replace(said, item=place[said.item]),
            others=tuple(replace(other, item=place[other.item]) for other in others),
            battle=self.battle[both],
            dimension=self.dimension[both],
            cell=self.cell[voted],
        )


def read_sheet(
    frame: Frame,
    run: JudgeRun,
    dimensions: Sequence[Dimension],
    *,
    beside: Sequence[JudgeRun] = (),
) -> Sheet:
    """Read the people's verdicts that count, and all of a run's, on some dimensions.

    A rater who judged one conversation twice counts once, with her first verdict. `beside` are
    runs of others, whose verdicts are read too.
    """
    names = names_of_conversations(run)
    paid = prices_of(run)
    sheets = []
    for dimension in dimensions:
        every = (run, *beside)
        sheet, *others = (
            _read_dimension(
                frame, each, dimension, names, paid if each == run else {}, beside=every
            )
            for each in every
        )
        sheets.append(replace(sheet, others=tuple(other.judged for other in others)))
    return _joined(sheets)


def read_together(
    frame: Frame, runs: Sequence[JudgeRun], dimension: Dimension
) -> tuple[Sheet, ...]:
    """Read several runs on one dimension: each its own sheet, of the same items and votes."""
    names = names_of_conversations(runs[0])
    return tuple(
        _read_dimension(frame, run, dimension, names, prices_of(run), beside=runs) for run in runs
    )


def _read_dimension(
    frame: Frame,
    run: JudgeRun,
    dimension: Dimension,
    names: Mapping[int, str],
    prices: Mapping[int, tuple[float, float]],
    *,
    beside: Sequence[JudgeRun] = (),
) -> Sheet:
    """One run's sheet, whose items are those of the runs `beside` it, too."""
    counting = Verdict.objects.counting(frame.study).filter(dimension=dimension).order_by("pk")
    people = fetched(counting.values_list(*ROW, OUTCOME_CODE), width=6)
    said = JudgeVerdict.objects.filter(
        judgement__run=run, dimension=dimension, judgement__battle__side_b__isnull=False
    ).order_by("judgement__battle_id")
    told = [_Told(*row) for row in said.values_list(*JUDGED)]
    sides = np.array([[t.battle, t.a, t.b] for t in told], np.int64).reshape(-1, 3)
    others = JudgeVerdict.objects.filter(
        judgement__run__in=beside, dimension=dimension, judgement__battle__isnull=False
    ).order_by()
    others_sides = fetched(others.values_list(*JUDGED[:3]), width=3)
    table = _Table.of(np.hstack([people[:3], sides.T, others_sides]), names)
    contestants = [contestant.pk for contestant in frame.contestants]
    items = Items.of(
        tuple(contestant.slug for contestant in frame.contestants),
        positions(contestants, table.a),
        positions(contestants, table.b),
        _words(run, table.battle),
    )
    item, is_turned = table.find(people[0])
    votes, first = _first_votes(item, people[3], np.where(is_turned, 2 - people[5], people[5]))
    cell = people[4][first]
    return Sheet(
        frame=frame,
        run=run,
        items=items,
        votes=votes,
        judged=_judged(told, table, prices),
        battle=table.battle,
        dimension=np.full(len(items), frame.dimensions.index(dimension)),
        cell=np.searchsorted(frame.cell_ids, cell) if frame.groups else cell,
        verdicts=len(told),
        abstained=sum(not each.outcome for each in told),
        has_orders=any(sample.get("order") for each in told for sample in each.samples),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """One verdict of the judge, as the database holds it."""

    battle: int
    a: int
    b: int
    outcome: str
    certainty: float | None
    p_a: float | None
    p_tie: float | None
    p_b: float | None
    samples: list[dict[str, Any]]
    judgement: int


@dataclass(frozen=True)
class _Table:
    """The items of some battles: `battle`, `a` and `b` (N,), and where each battle belongs."""

    battle: IntArray
    a: IntArray
    b: IntArray
    known: IntArray
    item: IntArray
    is_turned: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: IntArray, names: Mapping[int, str]) -> "_Table":
        """From battles with their sides (3, R), in any order and any number of times."""
        known, place = np.unique(rows[0], return_index=True)
        a, b = rows[1][place], rows[2][place]
        keys: dict[tuple[int | str, int, int], int] = {}
        item = np.empty(len(known), np.int64)
        first: list[int] = []
        for row, (battle, one, other) in enumerate(
            zip(known.tolist(), a.tolist(), b.tolist(), strict=True)
        ):
            key = (names.get(battle, battle), min(one, other), max(one, other))
            item[row] = keys.setdefault(key, len(keys))
            if item[row] == len(first):
                first.append(row)
        firsts = np.array(first, np.int64)
        return cls(known[firsts], a[firsts], b[firsts], known, item, a != a[firsts][item])

    def find(self, battle: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """The item of each battle (R,), and whether its sides are the other way round there."""
        place = np.searchsorted(self.known, battle)
        return self.item[place], self.is_turned[place]


def names_of_conversations(run: JudgeRun) -> dict[int, str]:
    """The conversations' names of battles that share one with others, by battle."""
    named = Battle.objects.filter(participation__study=run.study_id).exclude(conversation="")
    return dict(named.order_by().values_list("pk", "conversation"))


def _first_votes(item: IntArray, rater: IntArray, outcome: IntArray) -> tuple[Votes, IntArray]:
    """The votes, each rater's first of an item, and which of the rows they are."""
    rows = np.unique(np.stack([item, rater]), axis=1, return_index=True)[1]
    first = np.sort(rows).astype(np.int64)
    return Votes(item[first], rater[first], outcome[first]), first


def _words(run: JudgeRun, battle: IntArray) -> FloatArray:
    """How many words each side's replies hold (N, 2); NaN where nobody counted."""
    words = np.full((len(battle), 2), np.nan)
    styles = SideStyle.objects.filter(battle__participation__study=run.study_id).order_by()
    place = {each: row for row, each in enumerate(battle.tolist())}
    for which, side, count in styles.values_list("battle_id", "side", "words").iterator():
        if which in place:
            words[place[which], 0 if side == "a" else 1] = count
    return words


def _judged(
    told: Iterable[_Told], table: _Table, prices: Mapping[int, tuple[float, float]]
) -> Judged:
    """One row for each showing of a conversation, or for a verdict that was found in one piece.

    Abstentions are left out, with all their samples: an order alone is not what the judge found.
    """
    rows: list[tuple[float, ...]] = []
    seen: dict[tuple[int, bool], int] = {}
    given = [each for each in told if each.outcome]
    item, is_turned = table.find(np.array([each.battle for each in given], np.int64))
    for each, at, turned in zip(given, item.tolist(), is_turned.tolist(), strict=True):
        shown = [s for s in each.samples if s.get("order") and s.get("outcome")] or [_whole(each)]
        cost, seconds = prices.get(each.judgement, (np.nan, np.nan))
        for sample in shown:
            b_first = (sample.get("order") == "ba") != turned
            number = seen[at, b_first] = seen.get((at, b_first), -1) + 1
            code = CODES[sample["outcome"]]
            p = sample.get("probabilities") or (np.nan, np.nan, np.nan)
            rows.append(
                (
                    at,
                    2 - code if turned else code,
                    b_first,
                    number,
                    _number(sample.get("certainty")),
                    *(reversed(p) if turned else p),
                    _number(sample.get("cost"), cost / len(shown)),
                    _number(sample.get("seconds"), seconds / len(shown)),
                )
            )
    columns = np.array(rows, float).reshape(-1, 10).T
    item_, outcome, first, number_ = columns[:4].astype(np.int64)
    return Judged(item_, outcome, first, number_, columns[4], columns[5:8].T, *columns[8:])


def _whole(told: _Told) -> dict[str, Any]:
    p = (told.p_a, told.p_tie, told.p_b)
    return {
        "outcome": told.outcome,
        "certainty": told.certainty,
        "probabilities": None if None in p else p,
    }


def _number(value: float | None, otherwise: float = np.nan) -> float:
    return otherwise if value is None else float(value)


def prices_of(run: JudgeRun) -> dict[int, tuple[float, float]]:
    """US dollars and seconds of a verdict by judgement: its answers' shared by the dimensions.

    One question is about all dimensions, or each about one: either way all of it was paid.
    """
    answers = JudgeAnswer.objects.filter(judgement__run=run).order_by()
    rows = answers.values_list("judgement_id", "chat_model_id").annotate(
        read=Coalesce(Sum("prompt_tokens"), Value(0)),
        written=Coalesce(Sum("completion_tokens"), Value(0)),
        ms=Coalesce(Sum("total_ms"), Value(0)),
    )
    asked = ChatModel.objects.in_bulk(run.judge.members.values_list("chat_model_id", flat=True))
    found: dict[int, tuple[float, float]] = {}
    for judgement, model, read, written, ms in rows:
        cost, seconds = found.get(judgement, (0.0, 0.0))
        paid = charge(asked[model], prompt_tokens=read, completion_tokens=written)
        found[judgement] = (cost + float(paid), seconds + ms / 1000)
    dimensions = max(run.study.dimensions.count(), 1)
    return {key: (cost / dimensions, s / dimensions) for key, (cost, s) in found.items()}


def _joined(sheets: Sequence[Sheet]) -> Sheet:
    """Sheets of several dimensions as one; each dimension's items are its own."""
    if len(sheets) == 1:
        return sheets[0]
    starts = np.cumsum([0, *(len(sheet.items) for sheet in sheets)])

    def column(part: str, field: str) -> NDArray[Any]:
        return np.concatenate([getattr(getattr(sheet, part), field) for sheet in sheets])

    def item(part: str) -> IntArray:
        each = [getattr(s, part).item + start for s, start in zip(sheets, starts[:-1], strict=True)]
        return np.concatenate(each)

    def judged(each: Sequence[Judged]) -> Judged:
        moved = [said.item + start for said, start in zip(each, starts[:-1], strict=True)]
        rest = [np.concatenate([getattr(said, name) for said in each]) for name in JUDGED_COLUMNS]
        return Judged(np.concatenate(moved), *rest)

    first = sheets[0]
    return Sheet(
        frame=first.frame,
        run=first.run,
        items=Items(
            first.items.contestants, *(column("items", name) for name in ("a", "b", "words"))
        ),
        votes=Votes(item("votes"), column("votes", "rater"), column("votes", "outcome")),
        judged=judged([sheet.judged for sheet in sheets]),
        battle=np.concatenate([sheet.battle for sheet in sheets]),
        dimension=np.concatenate([sheet.dimension for sheet in sheets]),
        cell=np.concatenate([sheet.cell for sheet in sheets]),
        verdicts=sum(sheet.verdicts for sheet in sheets),
        abstained=sum(sheet.abstained for sheet in sheets),
        has_orders=any(sheet.has_orders for sheet in sheets),
        others=tuple(map(judged, zip(*(sheet.others for sheet in sheets), strict=True))),
    )
