"""Reads what people and a run of a judge said of single conversations into arrays.

An item is a conversation with one contestant, on a dimension: raters who rated the same one share
it. Scores of the judge are put on people's scale; see `comparison.rated`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from django.db.models import Value
from django.db.models.functions import Coalesce

from leaderboards.comparison.items import BoolArray
from leaderboards.comparison.rated import JUDGES_SCALE, PEOPLES_SCALE, Rated
from leaderboards.machines.reading import names_of_conversations, prices_of
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.verdicts import Frame, fetched, positions
from raters.models import JudgeRun, JudgeVerdict, Rating, SideStyle
from studies.models import Dimension

ROW: Final = (
    "battle_id",
    "battle__side_a_id",
    "battle__participation_id",
    # Raters of studies without an electorate are in no cell.
    Coalesce("battle__participation__cell_id", Value(0)),
    "score",
)
JUDGED: Final = (
    "judgement__battle_id",
    "judgement__battle__side_a_id",
    "judgement_id",
    "score_a",
    "samples",
)


@dataclass(frozen=True)
class RatedSheet:
    """What people and a judge said on one dimension, or on several one after the other.

    `battle` (N,) is the first battle of each item, `dimension` (N,) and `cell` (M,) are indices
    into the frame. `cost` and `seconds` (N,) are of the judge's verdicts, NaN where not known.
    `verdicts` are the run's on conversations, `abstained` those without a score.
    """

    frame: Frame
    run: JudgeRun
    rated: Rated
    battle: IntArray
    dimension: IntArray
    cell: IntArray
    cost: FloatArray
    seconds: FloatArray
    verdicts: int
    abstained: int

    @property
    def rater(self) -> IntArray:
        """Who gave each of the ratings, (M,)."""
        return self.rated.rater

    @property
    def words(self) -> FloatArray:
        """How many words the replies of each item hold, (N,); NaN where nobody counted."""
        return self.rated.words

    def with_any(self, contestants: BoolArray) -> BoolArray:
        """Which items are of one of these contestants (K,), (N,)."""
        there: BoolArray = contestants[self.rated.contestant]
        return there

    def shared(self) -> "RatedSheet":
        """The items that both people and the judge rated, with what they said of these."""
        both = self.rated.by_both
        return replace(
            self,
            rated=self.rated.shared(),
            battle=self.battle[both],
            dimension=self.dimension[both],
            cell=self.cell[both[self.rated.item]],
            cost=self.cost[both],
            seconds=self.seconds[both],
        )


def read_rated(frame: Frame, run: JudgeRun, dimensions: Sequence[Dimension]) -> RatedSheet:
    """Read the people's ratings that count, and all of a run's scores, on some dimensions.

    A rater who rated one conversation twice counts once, with her first rating.
    """
    names, paid = names_of_conversations(run), prices_of(run)
    return _joined([_read_dimension(frame, run, each, names, paid) for each in dimensions])


def _read_dimension(
    frame: Frame,
    run: JudgeRun,
    dimension: Dimension,
    names: Mapping[int, str],
    paid: Mapping[int, tuple[float, float]],
) -> RatedSheet:
    counting = Rating.objects.counting(frame.study).filter(dimension=dimension).order_by("pk")
    battle, side, rater, cell, score = fetched(counting.values_list(*ROW), width=len(ROW))
    said = JudgeVerdict.objects.filter(
        judgement__run=run, dimension=dimension, judgement__battle__side_b__isnull=True
    ).exclude(judgement__battle=None)
    told = list(said.order_by("judgement__battle_id").values_list(*JUDGED))
    places: dict[tuple[int | str, int], int] = {}
    first: list[tuple[int, int]] = []

    def place(battle: int, side: int) -> int:
        found = places.setdefault((names.get(battle, battle), side), len(places))
        if found == len(first):
            first.append((battle, side))
        return found

    item = np.array(list(map(place, battle.tolist(), side.tolist())), np.int64)
    judges = np.array([place(row[0], row[1]) for row in told], np.int64)
    once = np.sort(np.unique(np.stack([item, rater]), axis=1, return_index=True)[1])
    battles, sides = np.array(first, np.int64).reshape(-1, 2).T
    contestants = [each.pk for each in frame.contestants]
    judge, cost, seconds = np.full((3, len(first)), np.nan)
    judge[judges] = [np.nan if row[3] is None else row[3] for row in told]
    bills = np.array([paid.get(row[2], (np.nan, np.nan)) for row in told]).reshape(-1, 2)
    cost[judges], seconds[judges] = bills.T
    rows = [(at, each) for at, row in zip(judges, told, strict=True) for each in _again(row[4])]
    again = np.array(rows, float).reshape(-1, 2).T
    cell = cell[once]
    return RatedSheet(
        frame=frame,
        run=run,
        rated=Rated(
            contestants=tuple(each.slug for each in frame.contestants),
            contestant=positions(contestants, sides),
            words=_words(run, battles),
            item=item[once],
            rater=rater[once],
            score=score[once].astype(float),
            judge=JUDGES_SCALE.onto(PEOPLES_SCALE, judge),
            again_item=again[0].astype(np.int64),
            again=JUDGES_SCALE.onto(PEOPLES_SCALE, again[1]),
        ),
        battle=battles,
        dimension=np.full(len(first), frame.dimensions.index(dimension)),
        cell=np.searchsorted(frame.cell_ids, cell) if frame.groups else cell,
        cost=cost,
        seconds=seconds,
        verdicts=len(told),
        abstained=sum(row[3] is None for row in told),
    )


def _again(samples: Sequence[Mapping[str, object]]) -> list[float]:
    """What the judge scored each time that it was asked; a jury's members are no repetition."""
    scores = [sample.get("score") for sample in samples]
    return [float(str(score)) for score in scores if score is not None]


def _words(run: JudgeRun, battle: IntArray) -> FloatArray:
    """How many words the replies hold (N,); NaN where nobody counted."""
    styles = SideStyle.objects.filter(battle__participation__study=run.study_id, side="a")
    counted = dict(styles.order_by().values_list("battle_id", "words"))
    return np.array([counted.get(each, np.nan) for each in battle.tolist()], float)


def _joined(sheets: Sequence[RatedSheet]) -> RatedSheet:
    """Sheets of several dimensions as one; each dimension's items are its own."""
    if len(sheets) == 1:
        return sheets[0]
    starts = np.cumsum([0, *(len(sheet.rated) for sheet in sheets)])[:-1]
    rated = [sheet.rated for sheet in sheets]

    def item(name: str) -> IntArray:
        each = zip(rated, starts, strict=True)
        return np.concatenate([getattr(one, name) + start for one, start in each])

    def column(name: str) -> FloatArray:
        return np.concatenate([getattr(one, name) for one in rated])

    return replace(
        sheets[0],
        rated=Rated(
            contestants=rated[0].contestants,
            contestant=np.concatenate([one.contestant for one in rated]),
            words=column("words"),
            item=item("item"),
            rater=np.concatenate([one.rater for one in rated]),
            score=column("score"),
            judge=column("judge"),
            again_item=item("again_item"),
            again=column("again"),
        ),
        battle=np.concatenate([sheet.battle for sheet in sheets]),
        dimension=np.concatenate([sheet.dimension for sheet in sheets]),
        cell=np.concatenate([sheet.cell for sheet in sheets]),
        cost=np.concatenate([sheet.cost for sheet in sheets]),
        seconds=np.concatenate([sheet.seconds for sheet in sheets]),
        verdicts=sum(sheet.verdicts for sheet in sheets),
        abstained=sum(sheet.abstained for sheet in sheets),
    )
