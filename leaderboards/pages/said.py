"""Reads what raters wrote, of those who let their words be published.

Which reasons come first is no matter of taste: each page mixes them as all the verdicts were, so
that the quotes say nothing else than the numbers. Of a rater as many groups are named as at least
`FEWEST_ALIKE` people have in common with her, taken together: the same words found under her age
and under her sex tell of both.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.http import QueryDict
from django.utils.translation import gettext as _

from leaderboards.errors import NothingToRankError
from leaderboards.models import Board
from leaderboards.pages.board import Axis, Option, PastBoard
from leaderboards.pages.words import percent
from leaderboards.ranking.outcomes import IntArray
from leaderboards.verdicts import Frame
from raters.models import Battle, Outcome, Participation, Rating, Verdict
from raters.quality.identity import mask_identity
from raters.quality.personal import FEWEST_ALIKE, mask_personal
from raters.shown import names_to_hide
from studies.models import Contestant, Dimension, Group, Study

A_PAGE: Final = 6
FOR, TIE, AGAINST = "for", "tie", "against"
# What is left out although boards may count it.
UNQUOTED: Final = (Participation.State.STRUCK_OUT, Participation.State.WITHDRAWN)


@dataclass(frozen=True)
class SaidChoice:
    """Whose words somebody asked for: "AXIS=GROUP" or everybody's, and which page of them.

    `dimension` is that of the page around them, which is kept.
    """

    group: str = ""
    number: str = ""
    dimension: str = ""

    @classmethod
    def parse(cls, query: QueryDict) -> "SaidChoice":
        """Read the query of an address; whether there is such a group is the study's to say."""
        return cls(*(query.get(name, "") for name in ("said", "page", "dimension")))

    def query(self, *, group: str, number: int = 1) -> str:
        """The query of an address that chooses this."""
        page = "" if number == 1 else str(number)
        named = {"dimension": self.dimension, "said": group, "page": page}
        return f"?{urlencode({name: value for name, value in named.items() if value})}#said"


@dataclass(frozen=True)
class Quote:
    """One reason, masked: what she chose, who stood behind the letters, and who she is."""

    text: str
    stance: str
    sides: str
    groups: tuple[str, ...]
    written_at: datetime


@dataclass(frozen=True)
class Said:
    """What people said in a study, or about one contestant; `verdicts` counts all that speak of it.

    `group_name` is empty for everybody. `is_small` where the group is too small to be shown by
    itself: then nothing is counted. `shares` says how the verdicts on a contestant were.
    """

    contestant: Contestant | None
    dimension: Dimension
    is_of_ratings: bool
    group_name: str
    is_small: bool
    verdicts: int
    shares: tuple[str, ...]
    axes: tuple[Axis, ...]
    everybody: Option
    quotes: tuple[Quote, ...]
    page: Page[int]
    choice: SaidChoice

    @property
    def fewest(self) -> int:
        return FEWEST_ALIKE

    @property
    def before(self) -> str:
        """The address of the page before; empty on the first."""
        return self._query_of(self.page.number - 1) if self.page.has_previous() else ""

    @property
    def more(self) -> str:
        """The address of the next page; empty on the last."""
        return self._query_of(self.page.number + 1) if self.page.has_next() else ""

    def _query_of(self, number: int) -> str:
        return self.choice.query(group=self.choice.group, number=number)


@dataclass(frozen=True)
class SaidPage:
    """The page of what people said in a study, beside the board that stands."""

    entry: PastBoard
    said: Said

    @property
    def board(self) -> Board:
        return self.entry.board


def read_said_page(study: Study, entry: PastBoard, choice: SaidChoice) -> SaidPage:
    """Read the page. Raises NothingToRankError where the study asks nobody for her words."""
    said = read_said(study, choice)
    if said is None:
        raise NothingToRankError(_("This study does not publish what raters write."))
    return SaidPage(entry, said)


def read_said(
    study: Study, choice: SaidChoice, *, contestant: Contestant | None = None
) -> Said | None:
    """Read what people said, of one contestant if it is named.

    None where the study asks nobody for her words. Raises NothingToRankError for a group that the
    study does not have.
    """
    dimension = study.dimensions.filter(is_overall=True).first()
    if not study.asks_to_quote or dimension is None:
        return None
    crowd = Crowd.of(study)
    group = crowd.find(choice.group) if choice.group else None
    is_small = group is not None and not crowd.is_large(group)
    answers = _answers(study, dimension, contestant)
    if group is not None:
        answers = answers.filter(battle__participation__cell__in=crowd.cells_of(group))
    kind = partial(_kind, study, contestant)
    weights = Counter[str]()
    for stance, number in () if is_small else _count_stances(answers):
        weights[kind(stance)] += number
    found = () if is_small else _quotable(answers)
    shown = [
        each
        for each in found
        if group is None or group in crowd.named(each.cell, each.participation)
    ]
    page = Paginator(spread(_by_kind(shown, kind), weights), A_PAGE).get_page(choice.number)
    written = {each.battle: each for each in shown}
    return Said(
        contestant=contestant,
        dimension=dimension,
        is_of_ratings=study.protocol == Study.Protocol.SINGLE,
        group_name=crowd.words(group) if group is not None else "",
        is_small=is_small,
        verdicts=sum(weights.values()),
        shares=() if contestant is None else _shares(weights),
        axes=tuple(crowd.options(choice)),
        everybody=Option("", _("Everybody"), choice.query(group=""), is_current=not choice.group),
        quotes=tuple(_read_quotes(study, [written[pk] for pk in page], crowd)),
        page=page,
        choice=choice,
    )


def spread(of: Mapping[str, Sequence[int]], weights: Mapping[str, int]) -> list[int]:
    """All that is in `of`, ordered so that each beginning is mixed as the weights say.

    The next one is taken where weight / (2 taken + 1) is greatest and something is left, as seats
    are shared out by Webster and Sainte-Laguë; of equals, by name. What lacks a weight comes last.
    """
    taken = dict.fromkeys(sorted(of), 0)
    order: list[int] = []
    while left := [key for key in taken if taken[key] < len(of[key])]:
        key = max(left, key=lambda each: weights.get(each, 0) / (2 * taken[each] + 1))
        order.append(of[key][taken[key]])
        taken[key] += 1
    return order


@dataclass(frozen=True)
class _Written:
    """A reason that may be shown: its battle, what she chose, and where she belongs.

    `stance` is the key of the contestant that she preferred, TIE, or her mark.
    """

    battle: int
    stance: str
    participation: int
    cell: int | None


@dataclass(frozen=True)
class Crowd:
    """Who took part: `people` (C,) by the cell of the frame."""

    frame: Frame
    people: IntArray

    @classmethod
    def of(cls, study: Study) -> "Crowd":
        """Count the raters with a battle, by cell. Who has withdrawn is in no cell any more."""
        frame = Frame.of(study)
        has_battle = Exists(Battle.objects.filter(participation=OuterRef("pk")))
        rows = study.participations.filter(has_battle).order_by().values_list("cell")
        counted = dict(rows.annotate(Count("pk")))
        return cls(frame, np.array([counted.get(cell, 0) for cell in frame.cell_ids], np.int64))

    def find(self, value: str) -> int:
        """A group by "AXIS=GROUP". Raises NothingToRankError where there is none."""
        for g, group in enumerate(self.frame.groups):
            if value == _value(group):
                return g
        raise NothingToRankError(_("This study has no group “%(value)s”.") % {"value": value})

    def cells_of(self, group: int) -> list[int]:
        """The keys of a group's cells."""
        inside = (self.frame.groups_of_cell == group).any(axis=1)
        return [int(cell) for cell in self.frame.cell_ids[inside]]

    def is_large(self, group: int) -> bool:
        """Whether so many people of the group took part that it may be named."""
        inside = (self.frame.groups_of_cell == group).any(axis=1)
        return int(self.people[inside].sum()) >= FEWEST_ALIKE

    def named(self, cell: int | None, participation: int) -> tuple[int, ...]:
        """The groups of a rater that may be named, in the order of the axes.

        Axis by axis a group is added as long as enough people share all of them. Raters begin
        with different axes, or else the first would leave the later ones unnamed.
        """
        if cell is None or not self.frame.groups:
            return ()
        groups = self.frame.groups_of_cell
        mine = groups[np.searchsorted(self.frame.cell_ids, cell)]
        alike, found = np.ones(len(groups), bool), []
        for axis in np.roll(np.arange(len(mine)), participation):
            narrower = alike & (groups[:, axis] == mine[axis])
            if self.people[narrower].sum() >= FEWEST_ALIKE:
                alike = narrower
                found.append(int(mine[axis]))
        return tuple(sorted(found))

    def words(self, group: int) -> str:
        """What a group is called: "Age: 18-34"."""
        named = self.frame.groups[group]
        return f"{named.axis.name}: {named.name}"

    def options(self, choice: SaidChoice) -> Iterator[Axis]:
        """The groups that can be chosen, by axis."""
        found: dict[str, list[Option]] = {}
        for g, group in enumerate(self.frame.groups):
            if self.is_large(g):
                value = _value(group)
                query = choice.query(group=value)
                option = Option(value, group.name, query, is_current=value == choice.group)
                found.setdefault(group.axis.name, []).append(option)
        return (Axis(name, tuple(options)) for name, options in found.items())


def _value(group: Group) -> str:
    return f"{group.axis.key}={group.key}"


def _answers(study: Study, dimension: Dimension, contestant: Contestant | None) -> QuerySet[Any]:
    """The verdicts that count, or the ratings, each with its `stance`."""
    answers: QuerySet[Any]
    if study.protocol == Study.Protocol.SINGLE:
        answers = Rating.objects.counting(study).annotate(stance=Cast("score", CharField()))
    else:
        stance = Case(
            When(outcome=Outcome.TIE, then=Value(TIE)),
            When(outcome=Outcome.A, then=Cast("battle__side_a", CharField())),
            default=Cast("battle__side_b", CharField()),
        )
        answers = Verdict.objects.counting(study).annotate(stance=stance)
    answers = answers.filter(dimension=dimension)
    if contestant is None:
        return answers
    return answers.filter(Q(battle__side_a=contestant) | Q(battle__side_b=contestant))


def _count_stances(answers: QuerySet[Any]) -> list[tuple[str, int]]:
    return list(answers.order_by().values_list("stance").annotate(Count("pk")))


def _kind(study: Study, contestant: Contestant | None, stance: str) -> str:
    """What a stance is taken together with: of one contestant, whether she preferred it."""
    is_rating = study.protocol == Study.Protocol.SINGLE
    if contestant is None or is_rating or stance == TIE:
        return stance
    return FOR if stance == str(contestant.pk) else AGAINST


def _quotable(answers: QuerySet[Any]) -> tuple[_Written, ...]:
    """Those with a reason that may be shown, the newest first."""
    rows = (
        answers.filter(
            battle__is_reason_hidden=False, battle__participation__words_released_at__isnull=False
        )
        .exclude(battle__reason="")
        .exclude(battle__participation__state__in=UNQUOTED)
        .order_by(Coalesce("battle__judged_at", "battle__created_at").desc(), "-battle")
        .values_list("battle", "stance", "battle__participation", "battle__participation__cell")
    )
    return tuple(_Written(*row) for row in rows)


def _by_kind(written: Sequence[_Written], kind: Callable[[str], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in written:
        found.setdefault(kind(each.stance), []).append(each.battle)
    return found


def _shares(weights: Mapping[str, int]) -> tuple[str, ...]:
    """How the verdicts were, in words."""
    verdicts = sum(weights.values())
    if not verdicts or not weights.keys() <= {FOR, TIE, AGAINST}:
        return ()
    words = {
        FOR: _("%(share)s preferred it"),
        TIE: _("%(share)s saw no difference"),
        AGAINST: _("%(share)s preferred the other"),
    }
    return tuple(
        said % {"share": percent(weights.get(key, 0) / verdicts)} for key, said in words.items()
    )


def _read_quotes(study: Study, written: Sequence[_Written], crowd: Crowd) -> Iterator[Quote]:
    names = names_to_hide(study)
    battles = Battle.objects.select_related("side_a", "side_b")
    found = battles.in_bulk([each.battle for each in written])
    for each in written:
        battle = found[each.battle]
        yield Quote(
            text=mask_identity(mask_personal(battle.reason), names)[0],
            stance=_stance_words(battle, each.stance),
            sides=""
            if battle.side_b is None
            else _("A was %(side_a)s, B was %(side_b)s")
            % {"side_a": battle.side_a, "side_b": battle.side_b},
            groups=tuple(
                crowd.frame.groups[group].name
                for group in crowd.named(each.cell, each.participation)
            ),
            written_at=battle.judged_at or battle.created_at,
        )


def _stance_words(battle: Battle, stance: str) -> str:
    a, b = battle.side_a, battle.side_b
    if b is None:
        return _("Rated %(a)s %(stance)s of %(highest)s") % {
            "a": a,
            "stance": stance,
            "highest": Rating.HIGHEST,
        }
    if stance == TIE:
        return _("Found %(a)s and %(b)s about the same") % {"a": a, "b": b}
    better, worse = (a, b) if stance == str(a.pk) else (b, a)
    return _("Preferred %(better)s to %(worse)s") % {"better": better, "worse": worse}
