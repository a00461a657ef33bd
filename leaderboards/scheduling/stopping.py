"""Looks whether a study's stopping rules are fulfilled, and how many battles they still take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Final

from leaderboards.models import Outlook
from leaderboards.ranking import stopping
from leaderboards.ranking.gain import Knowledge
from leaderboards.ranking.policies import Policy
from leaderboards.scheduling.knowledge import Folded, StudyKnowledge
from leaderboards.scheduling.outlooks import groups_asked
from leaderboards.scheduling.places import group_places
from studies.models import Group, StoppingRule, Study
from studies.stopping import flaw_among, mark_answered

# One takes half a second where 28 contestants take part, and more on a busy machine. So those of a
# rule for each of 22 groups are spread over several looks: the oldest come first.
FORECASTS_A_LOOK: Final = 2
# A forecast holds until the battles have grown by this part.
GROWTH: Final = 0.05

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Question:
    """What a rule asks of one ranking, which `battles` led to; `asked` is None if it has a flaw."""

    outlook: Outlook
    asked: stopping.StoppingRule | None
    known: Knowledge
    battles: int

    @property
    def is_open(self) -> bool:
        """Whether battles can still answer it."""
        return self.asked is not None and self.battles > 0 and self.outlook.answered_at is None

    @property
    def is_due(self) -> bool:
        """Whether its forecast is missing, or of fewer battles than there are now, or more."""
        since = abs(self.battles - self.outlook.battles)
        return self.outlook.forecast_at is None or since > GROWTH * self.outlook.battles


def look(
    study: Study,
    *,
    at: datetime,
    forecasts: int = FORECASTS_A_LOOK,
    folded: Folded | None = None,
) -> int:
    """Evaluate a study's stopping rules on what was folded, and forecast the oldest outlooks.

    To be called after each fold: looking often costs no confidence (`ranking.stopping`). A rule
    that was fulfilled once is; once all are, the study's question is answered. A ranking without
    a battle answers nothing, nor does a rule that can't be fulfilled among those who stand.
    Returns how many forecasts are still due, since one look computes `forecasts` at most.
    `folded` spares reading and refitting what the caller has read.
    """
    rules = list(study.stopping_rules.select_related("first", "second"))
    study.refresh_from_db(fields=["answered_at"])
    if not rules or study.answered_at or study.protocol == Study.Protocol.SINGLE:
        return 0
    folded = folded or Folded.of(study)
    if folded.tallies is None:
        return 0
    questions = list(_questions(rules, folded.knowledge))
    for question in questions:
        if question.is_open and stopping.is_answered(question.known, _asked_by(question)):
            _answer(question, at=at)
    due = [question for question in questions if question.is_open and question.is_due]
    due.sort(key=lambda question: question.outlook.forecast_at or EARLIEST)
    for question in due[:forecasts]:
        _forecast(question, Policy(study.policy), at=at)
    asked = {question.outlook.rule_id for question in questions}
    still_open = {q.outlook.rule_id for q in questions if q.outlook.answered_at is None}
    # A rule for every group asks nothing where there is no group, and is never fulfilled.
    if asked - still_open == {rule.pk for rule in rules}:
        mark_answered(study, at=at)
    return len(due[forecasts:])


def _questions(rules: list[StoppingRule], known: StudyKnowledge) -> Iterator[_Question]:
    """What each rule asks of the overall ranking, or of each group's that can answer it."""
    frame, dimension = known.frame, known.overall_dimension
    standing = [frame.contestants[k] for k in known.standing]
    place = {contestant.pk: index for index, contestant in enumerate(standing)}
    asked_of = groups_asked(frame, group_places(frame))
    outlooks = _outlooks(rules, asked_of)
    for rule in rules:
        asked = None if flaw_among(rule, standing) else asked_by(rule, place)
        if rule.ranking == StoppingRule.Ranking.OVERALL:
            battles = int(known.battles[0])
            yield _Question(outlooks[rule.pk, None], asked, known.overall[dimension], battles)
            continue
        for g, group in enumerate(frame.groups):
            if group in asked_of:
                own, battles = known.groups[g][dimension], int(known.battles[1 + g])
                yield _Question(outlooks[rule.pk, group.pk], asked, own, battles)


def asked_by(rule: StoppingRule, place: Mapping[int, int]) -> stopping.StoppingRule:
    """What a rule asks, contestants being told by their `place` in a ranking."""
    match rule.kind:
        case StoppingRule.Kind.SIGMA:
            return stopping.SigmaBelow(rule.sigma or 0.0)
        case StoppingRule.Kind.TOP:
            return stopping.TopSettled(rule.top or 0, rule.confidence)
        case StoppingRule.Kind.PAIR:
            pair = (place[rule.first_id or 0], place[rule.second_id or 0])
            return stopping.Separated(rule.confidence, pair)
        case StoppingRule.Kind.SEPARATED:
            return stopping.Separated(rule.confidence)
    raise ValueError(f"No rule is of the kind {rule.kind}.")


def _outlooks(
    rules: list[StoppingRule], groups: list[Group]
) -> dict[tuple[int, int | None], Outlook]:
    """The outlooks of all rules, by rule and group; those that are missing are begun."""
    wanted = [
        Outlook(rule=rule, group=group, battles=0)
        for rule in rules
        for group in ([None] if rule.ranking == StoppingRule.Ranking.OVERALL else groups)
    ]
    stored = Outlook.objects.filter(rule__in=rules)
    found = {(outlook.rule_id, outlook.group_id) for outlook in stored}
    missing = [each for each in wanted if (each.rule_id, each.group_id) not in found]
    if missing:
        # Another look may begin the same at this moment.
        Outlook.objects.bulk_create(missing, ignore_conflicts=True)
    return {(outlook.rule_id, outlook.group_id): outlook for outlook in stored.all()}


def _answer(question: _Question, *, at: datetime) -> None:
    """Write that the rule is fulfilled, unless it was before."""
    _write(question, answered_at=at, expected=0.0, low=0.0, high=0.0, forecast_at=at)


def _forecast(question: _Question, policy: Policy, *, at: datetime) -> None:
    """Write how many battles it may still take."""
    forecast = stopping.battles_expected(
        question.known,
        _asked_by(question),
        battles=question.battles,
        # The same battles give the same forecast.
        seed=question.battles,
        policy=policy,
    )
    figures = {"expected": forecast.battles, "low": forecast.low, "high": forecast.high}
    finite = {name: value if isfinite(value) else None for name, value in figures.items()}
    _write(question, **finite, forecast_at=at)


def _write(question: _Question, **facts: float | datetime | None) -> None:
    """Write figures as of the question's battles, where no other look has answered it since."""
    rows = Outlook.objects.filter(pk=question.outlook.pk, answered_at=None)
    rows.update(battles=question.battles, **facts)
    question.outlook.refresh_from_db()


def _asked_by(question: _Question) -> stopping.StoppingRule:
    assert question.asked is not None, "an open question asks something"  # noqa: S101
    return question.asked
