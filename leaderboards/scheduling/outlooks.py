"""Reads how far a study's stopping rules are: battles and raters still expected, by group."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Self

from leaderboards.models import Outlook
from leaderboards.ranking.outcomes import IntArray
from leaderboards.scheduling.places import Places, group_places
from leaderboards.tallies import Tallies, read_tallies
from leaderboards.verdicts import Frame
from studies.models import Group, StoppingRule, Study
from studies.stopping import flaw_among


@dataclass(frozen=True)
class Expected:
    """Battles or raters still expected: the median, and a 90 % interval from `low` to `high`.

    Infinite where it may take more than `stopping.HORIZON` times the battles so far.
    """

    middle: float
    low: float
    high: float

    def times(self, factor: float) -> Self:
        """A part of them, or as many of what each of them brings."""
        return type(self)(self.middle * factor, self.low * factor, self.high * factor)

    def less(self, number: float) -> Self:
        """Without so many, which come anyway; never fewer than none."""
        parts = (self.middle, self.low, self.high)
        return type(self)(*(max(0.0, part - number) for part in parts))


@dataclass(frozen=True)
class Line:
    """One ranking that a rule asks about, or a group's part in the overall one.

    `battles` on the overall dimension so far. `expected` battles are None before the first
    forecast and once it is answered. `places` is None without quotas.
    """

    group: Group | None
    battles: int
    answered_at: datetime | None
    expected: Expected | None
    places: Places | None
    battles_each: int

    @property
    def raters(self) -> Expected | None:
        """How many raters bring the expected battles."""
        return self.expected and self.expected.times(1 / self.battles_each)

    @property
    def more_raters(self) -> Expected | None:
        """How many more raters than there are places for it would take; None if they suffice."""
        if self.raters is None or self.places is None:
            return None
        more = self.raters.less(self.places.to_complete)
        return more if more.middle > 0 else None


@dataclass(frozen=True)
class RuleOutlook:
    """One rule: of the overall ranking, its line and then every group's part; else each group's.

    `flaw` says why no number of battles fulfils it, if nothing was answered before.
    """

    rule: StoppingRule
    flaw: str
    lines: tuple[Line, ...]

    @property
    def is_overall(self) -> bool:
        return self.rule.ranking == StoppingRule.Ranking.OVERALL

    @property
    def answered(self) -> int:
        """How many of its rankings are answered."""
        return sum(line.answered_at is not None for line in self.asked)

    @property
    def is_answered(self) -> bool:
        return bool(self.asked) and self.answered == len(self.asked)

    @property
    def asked(self) -> tuple[Line, ...]:
        """The rankings that the rule asks about."""
        return self.lines[:1] if self.is_overall else self.lines


def read_outlooks(study: Study) -> tuple[RuleOutlook, ...]:
    """How far each stopping rule of a study is."""
    frame = Frame.of(study)
    tallies = read_tallies(frame) or Tallies.none(frame)
    overall = [dimension.is_overall for dimension in frame.dimensions]
    battles = tallies.counts[overall].sum(axis=(0, 2, 3, 4)).astype(int)
    rules = list(study.stopping_rules.select_related("first", "second"))
    outlooks: dict[int, list[Outlook]] = defaultdict(list)
    for outlook in Outlook.objects.filter(rule__in=rules):
        outlooks[outlook.rule_id].append(outlook)
    standing = [each for each in frame.contestants if not each.withdrawn_at]
    held = group_places(frame)
    return tuple(
        RuleOutlook(
            rule,
            flaw_among(rule, standing),
            tuple(_lines(rule, frame, battles, outlooks[rule.pk], held)),
        )
        for rule in rules
    )


def _lines(
    rule: StoppingRule,
    frame: Frame,
    battles: IntArray,
    outlooks: Sequence[Outlook],
    held: Mapping[int, Places],
) -> Iterator[Line]:
    each, so_far = frame.study.battles_each, battles.tolist()
    by_group = {outlook.group_id: outlook for outlook in outlooks}
    if rule.ranking == StoppingRule.Ranking.OVERALL:
        whole = _line(None, so_far[0], by_group.get(None), _narrowest(frame, held), each)
        yield whole
        for g, group in enumerate(frame.groups):
            part = whole.expected and whole.expected.times(_part_of(group, frame, held))
            places_held = held.get(group.pk)
            yield Line(group, so_far[1 + g], whole.answered_at, part, places_held, each)
        return
    asked_of = groups_asked(frame, held)
    for g, group in enumerate(frame.groups):
        if group in asked_of:
            outlook = by_group.get(group.pk)
            yield _line(group, so_far[1 + g], outlook, held.get(group.pk), each)


def _line(
    group: Group | None, battles: int, outlook: Outlook | None, held: Places | None, each: int
) -> Line:
    expected = None
    if outlook is not None and outlook.answered_at is None and outlook.forecast_at is not None:
        parts = (outlook.expected, outlook.low, outlook.high)
        forecast = Expected(*(inf if part is None else part for part in parts))
        # Battles that came since were among those expected.
        expected = forecast.less(battles - outlook.battles)
    answered_at = outlook.answered_at if outlook is not None else None
    return Line(group, battles, answered_at, expected, held, each)


def groups_asked(frame: Frame, held: Mapping[int, Places]) -> list[Group]:
    """The groups that a rule for every group asks about: not of share 0, nor without any place."""
    return [
        group
        for group in frame.groups
        if group.share > 0 and (not held or held[group.pk].target > 0)
    ]


def _narrowest(frame: Frame, held: Mapping[int, Places]) -> Places | None:
    """Places for anybody: a rater needs one on every axis, so those of the axis with the fewest."""
    if not held:
        return None
    axes: dict[int, list[Places]] = defaultdict(list)
    for group in frame.groups:
        axes[group.axis_id].append(held[group.pk])
    return Places(
        target=min(sum(each.target for each in axis) for axis in axes.values()),
        open=min(sum(each.open for each in axis) for axis in axes.values()),
        to_complete=min(sum(each.to_complete for each in axis) for axis in axes.values()),
    )


def _part_of(group: Group, frame: Frame, held: Mapping[int, Places]) -> float:
    """The part of the study's battles that the group brings, by its quota, or by its share."""
    if not held:
        return group.share
    axis = [each for each in frame.groups if each.axis_id == group.axis_id]
    places_of_axis = sum(held[each.pk].target for each in axis)
    return held[group.pk].target / places_of_axis if places_of_axis else group.share
