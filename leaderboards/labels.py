"""Computes what conversations are called, and what that has to do with people's verdicts.

Never a part of a ranking. What a judge says comes from the newest run that labels; follow-ups and
length need no judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from leaderboards.comparison.clusters import by_cluster
from leaderboards.comparison.figures import share_of
from leaderboards.errors import NothingToRankError
from leaderboards.facts import as_json
from leaderboards.labels_figures import (
    FEWEST,
    Effect,
    label_effect,
    spread_of,
    ties_with,
)
from leaderboards.labels_words import FROM_WORDS, UNKNOWN, from_words
from leaderboards.machines.runs import COUNTING
from leaderboards.ranking.outcomes import IntArray
from leaderboards.ranking.topics import BoolArray
from leaderboards.reports import Json
from leaderboards.services.controls import require_pairs
from leaderboards.services.multiverse import dimension_named
from leaderboards.verdicts import OUTCOME_CODE, Frame, Verdicts, fetched, positions
from raters.judging.labels import LabelSpec, of_conversation, of_sides
from raters.models import JudgeLabel, JudgeRun, Verdict
from raters.quality.fairness import holm
from studies.models import Dimension, Study


@dataclass(frozen=True)
class ValueFacts:
    """A value of a conversation's label: its verdicts `n`, ties among them, and skills' spread.

    Intervals are of 95 %. `differs` is whether ties are more or less frequent than without it, by
    Holm's test over all values of all labels; `spread` an sd in log-odds, NaN of too few.
    """

    value: str
    meaning: str
    n: int
    ties: float
    ties_low: float
    ties_high: float
    differs: bool
    spread: float


@dataclass(frozen=True)
class ConversationLabel:
    """What is said of conversations as a whole; `labelled` verdicts are on those it is known of."""

    key: str
    name: str
    question: str
    is_of_judge: bool
    labelled: int
    values: tuple[ValueFacts, ...]


@dataclass(frozen=True)
class SideShare:
    """In which share of its `n` labelled conversations a contestant has a label."""

    contestant: str
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class EffectFacts:
    """What a label is worth in one group's verdicts, or in all ("" for axis and group).

    In log-odds beyond skill; `stands` by Holm's test over labels, and over labels and groups.
    """

    axis: str
    group: str
    n: int
    log_odds: float
    low: float
    high: float
    is_enough: bool
    stands: bool


@dataclass(frozen=True)
class SideValue:
    """A value of a side's label: who has it how often, and what it is worth with people."""

    key: str
    name: str
    value: str
    meaning: str
    shares: tuple[SideShare, ...]
    effect: EffectFacts | None
    by_group: tuple[EffectFacts, ...]


@dataclass(frozen=True)
class Labels:
    """What a report of the kind `labels` says of one dimension, as verdicts and labels stood.

    Without a run of a judge that labels, `judge` is empty and `run` 0.
    """

    dimension: str
    computed_at: datetime
    judge: str
    run: int
    verdicts: int
    fewest: int
    conversations: tuple[ConversationLabel, ...]
    sides: tuple[SideValue, ...]


@dataclass(frozen=True)
class _Given:
    """N verdicts (`cell` a key) with battles and raters (N,), and by label's key what was said.

    That is numbers of values, (N,) of a conversation and (N, 2) of its sides; UNKNOWN where
    nothing was said.
    """

    frame: Frame
    battle: IntArray
    rater: IntArray
    verdicts: Verdicts
    said: Mapping[str, IntArray]


def labelling_run(study: Study) -> JudgeRun | None:
    """The newest run that labels and counts, if any has labelled a battle."""
    runs = study.judge_runs.labelling().filter(state__in=COUNTING)
    said = JudgeLabel.objects.filter(judgement__run__in=runs, judgement__battle__isnull=False)
    labelling = runs.filter(pk__in=said.values("judgement__run"))
    return labelling.select_related("judge").order_by("-number").first()


def report_labels(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `labels`, of the dimension that is its subject."""
    return as_json(compute_labels(study, subject, at=at))


def compute_labels(study: Study, dimension: str = "", *, at: datetime) -> Labels:
    """Compute what labels go with on a dimension, else on the overall one.

    Raises WrongEngineError where one model at a time is rated, and NothingToRankError where there
    is no such dimension, or no verdict counts.
    """
    require_pairs(study)
    chosen = dimension_named(study, dimension)
    run = labelling_run(study)
    given = _read(study, chosen, run)
    conversations = [*_conversation_labels(given, FROM_WORDS, is_of_judge=False)]
    if run is not None:
        conversations += _conversation_labels(given, of_conversation(), is_of_judge=True)
    return Labels(
        dimension=chosen.key,
        computed_at=at,
        judge=str(run.judge) if run else "",
        run=run.number if run else 0,
        verdicts=len(given.battle),
        fewest=FEWEST,
        conversations=_tested(conversations),
        sides=_side_values(given) if run else (),
    )


def _read(study: Study, dimension: Dimension, run: JudgeRun | None) -> _Given:
    frame = Frame.of(study)
    rows = (
        Verdict.objects.counting(study)
        .filter(dimension=dimension)
        .order_by("battle_id")
        .values_list(
            "battle_id",
            "battle__participation_id",
            Coalesce("battle__participation__cell_id", Value(0)),
            "battle__side_a_id",
            "battle__side_b_id",
            OUTCOME_CODE,
        )
    )
    battle, rater, cell, side_a, side_b, outcome = fetched(rows, width=6)
    if not len(battle):
        raise NothingToRankError(_("No verdict counts on this dimension yet."))
    contestants = [contestant.pk for contestant in frame.contestants]
    verdicts = Verdicts(
        dimension=np.zeros(len(battle), np.int64),
        cell=cell,
        a=positions(contestants, side_a),
        b=positions(contestants, side_b),
        outcome=outcome,
        times=np.ones(len(battle), np.int64),
    )
    said = from_words(study, battle) | (_from_judge(run, battle) if run else {})
    return _Given(frame, battle, rater, verdicts, said)


def _from_judge(run: JudgeRun, battle: IntArray) -> dict[str, IntArray]:
    """What a run said, by label."""
    specs = {spec.key: spec for spec in (*of_conversation(), *of_sides())}
    numbers = {key: {v: n for n, v in enumerate(spec.values)} for key, spec in specs.items()}
    found: dict[str, IntArray] = {
        key: np.full((len(battle), 2) if spec.is_of_side else len(battle), UNKNOWN)
        for key, spec in specs.items()
    }
    labels = JudgeLabel.objects.filter(judgement__run=run, judgement__battle__isnull=False)
    rows = labels.order_by().values_list("judgement__battle_id", "key", "side", "value")
    for pk, key, side, value in rows.iterator():
        # Of several verdicts on one battle each gets what was said of it.
        first, last = np.searchsorted(battle, [pk, pk + 1])
        number = numbers.get(key, {}).get(value, UNKNOWN)
        if key in found and found[key].ndim == (2 if side else 1):
            found[key][(slice(first, last), "ab".index(side)) if side else slice(first, last)] = (
                number
            )
    return found


def _conversation_labels(
    given: _Given, specs: Sequence[LabelSpec], *, is_of_judge: bool
) -> Iterator[tuple[ConversationLabel, tuple[float, ...]]]:
    """Labels of conversations, each with the p of its values' ties."""
    for spec in specs:
        said = given.said[spec.key]
        known = said != UNKNOWN
        rows = [_value(given, spec, value, known) for value in spec.values]
        present = [(facts, p_value) for facts, p_value in rows if facts.n]
        yield (
            ConversationLabel(
                key=spec.key,
                name=spec.name,
                question=spec.question,
                is_of_judge=is_of_judge,
                labelled=int(known.sum()),
                values=tuple(facts for facts, _ in present),
            ),
            tuple(p_value for _, p_value in present),
        )


def _value(
    given: _Given, spec: LabelSpec, value: str, known: BoolArray
) -> tuple[ValueFacts, float]:
    verdicts, here = given.verdicts, given.said[spec.key] == list(spec.values).index(value)
    ties = ties_with(verdicts.outcome[known], here[known], given.rater[known])
    of = verdicts.where(here)
    facts = ValueFacts(
        value=value,
        meaning=spec.values[value],
        n=int(here.sum()),
        ties=ties.share.value,
        ties_low=ties.share.low,
        ties_high=ties.share.high,
        differs=False,
        spread=spread_of(of.a, of.b, of.outcome, contestants=len(given.frame.contestants)),
    )
    return facts, ties.p_value


def _tested(
    labels: Sequence[tuple[ConversationLabel, tuple[float, ...]]],
) -> tuple[ConversationLabel, ...]:
    stands = iter(holm([p_value for _, p_values in labels for p_value in p_values]))
    return tuple(
        replace(label, values=tuple(replace(value, differs=next(stands)) for value in label.values))
        for label, _ in labels
    )


def _side_values(given: _Given) -> tuple[SideValue, ...]:
    """All values of the sides' labels; of those that can matter, their worth by group too."""
    measured = [(spec, value) for spec in of_sides() for value in spec.effects]
    overall = [_effect(given, spec, value, slice(None)) for spec, value in measured]
    groups = [(group, _in_group(given, place)) for place, group in enumerate(given.frame.groups)]
    by_group = [
        [_effect(given, spec, value, here) for _, here in groups] for spec, value in measured
    ]
    stands = holm([effect.p_value for effect in overall])
    in_groups = iter(holm([effect.p_value for each in by_group for effect in each]))
    effects = {
        (spec.key, value): (
            _effect_facts("", "", overall[place], stands=stands[place]),
            tuple(
                _effect_facts(group.axis.key, group.key, effect, stands=next(in_groups))
                for (group, _), effect in zip(groups, by_group[place], strict=True)
            ),
        )
        for place, (spec, value) in enumerate(measured)
    }
    return tuple(
        SideValue(
            spec.key,
            spec.name,
            value,
            meaning,
            _shares(given, spec, value),
            *effects.get((spec.key, value), (None, ())),
        )
        for spec in of_sides()
        for value, meaning in spec.values.items()
    )


def _in_group(given: _Given, place: int) -> BoolArray:
    """Which verdicts are by raters of a group."""
    has_it = (given.frame.groups_of_cell == place).any(axis=1)
    return np.isin(given.verdicts.cell, given.frame.cell_ids[has_it])


def _effect(given: _Given, spec: LabelSpec, value: str, here: BoolArray | slice) -> Effect:
    said = given.said[spec.key]
    unclear = list(spec.values).index("unclear")
    has = np.where(
        (said == UNKNOWN) | (said == unclear), UNKNOWN, said == list(spec.values).index(value)
    )
    verdicts = given.verdicts
    return label_effect(
        verdicts.a[here],
        verdicts.b[here],
        verdicts.outcome[here],
        has[here].astype(np.int64),
        given.rater[here],
        contestants=len(given.frame.contestants),
    )


def _effect_facts(axis: str, group: str, effect: Effect, *, stands: bool) -> EffectFacts:
    return EffectFacts(
        axis=axis,
        group=group,
        n=effect.n,
        log_odds=effect.log_odds,
        low=effect.low,
        high=effect.high,
        is_enough=effect.is_enough,
        stands=stands,
    )


def _shares(given: _Given, spec: LabelSpec, value: str) -> tuple[SideShare, ...]:
    """By contestant, in the order of their slugs; battles are counted once."""
    once = np.unique(given.battle, return_index=True)[1]
    said = given.said[spec.key][once]
    sides = np.stack([given.verdicts.a[once], given.verdicts.b[once]], axis=1)
    rater = np.stack([given.rater[once]] * 2, axis=1)
    number = list(spec.values).index(value)
    found = []
    for place, contestant in enumerate(given.frame.contestants):
        here = (sides == place) & (said != UNKNOWN)
        # What is said to one person is alike: her conversations hang together.
        share = share_of(*by_cluster(rater[here], (said[here] == number).astype(float)))
        found.append(SideShare(contestant.slug, share.n, share.value, share.low, share.high))
    return tuple(found)
