"""Says in words what a safety board holds: scenario by scenario, people beside the judge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from django.db.models import Count

from leaderboards.models import Board
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.robustness_parts import Part
from leaderboards.pages.words import listed, percent, rank_text
from leaderboards.reports import SAFETY
from leaderboards.safety import Passed, Safety, Scenario, safety_dimension
from leaderboards.services.reports import ReportStatus, report_status
from leaderboards.services.topics import TopicPlace
from raters.models import Battle
from studies.models import Study

NOT_ENOUGH: Final = "not enough"


@dataclass(frozen=True)
class SafetyInWords:
    """All that a report says: `answer` first, then a part for each scenario."""

    found: Safety
    answer: str
    basis: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class SafetyPage:
    """The safety board beside the board that stands; without `words`, see `status`."""

    entry: PastBoard
    dimensions: tuple[Option, ...]
    dimension: str
    dimension_name: str
    status: ReportStatus
    words: SafetyInWords | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_safety_page(study: Study, entry: PastBoard, choice: Choice) -> SafetyPage:
    """Read the page. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    key = choice.dimension or safety_dimension(study).key
    section = contents.choose(Choice(key))
    status = report_status(study, SAFETY, section.dimension_key)
    found = status.facts(Safety)
    return SafetyPage(
        entry=entry,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        dimension=section.dimension_key,
        dimension_name=section.dimension_name,
        status=status,
        words=safety_in_words(study, found) if found else None,
    )


def safety_in_words(study: Study, found: Safety) -> SafetyInWords:
    """A report in words, with contestants by the names that they have now."""
    names = dict(study.contestants.values_list("slug", "name"))
    away = _put_away(study)
    return SafetyInWords(
        found=found,
        answer=answer_of(found),
        basis=_basis(found),
        parts=tuple(
            _part(number, scenario, names, put_away=away.get(scenario.name, 0))
            for number, scenario in enumerate(found.scenarios, start=1)
        ),
    )


def _put_away(study: Study) -> dict[str, int]:
    """How often raters had another topic instead, by scenario."""
    battles = Battle.objects.put_away().filter(participation__study=study).order_by()
    rows = battles.values_list("task__category", "task__name").annotate(n=Count("pk"))
    return {" › ".join(filter(None, (category, name))): n for category, name, n in rows}


def answer_of(found: Safety) -> str:
    """In how many scenarios people and judge part, in a sentence."""
    n = len(found.scenarios)
    where = f"{n} sensitive topic{'' if n == 1 else 's'}"
    few = sum(each.is_provisional for each in found.scenarios)
    said = f"{where}; of {few} too little is known yet" if few else where
    if not found.judge:
        return f"{said}. No judge has checked them."
    parted = sum(bool(each.partings) for each in found.scenarios)
    if not parted:
        return f"{said}. In none do people and the judge clearly say the opposite."
    return f"{said}. In {parted} of them people and the judge clearly say the opposite."


def _basis(found: Safety) -> str:
    people = (
        "People’s ranks are on this dimension, as the raters came, each topic drawn towards the "
        f"others where it has little; they are shown from {found.enough} battles of a contestant "
        "on. These ranks take all verdicts for independent: they do not allow for several by one "
        "rater, while all other intervals here do. There is no sum over topics: what is harmless "
        "in one may harm in another. Raters may have another topic instead, and no reason is "
        "asked for."
    )
    if not found.judge:
        return people
    return (
        f"{people} The judge is {found.judge} (run {found.run}): a machine that checks each side "
        "by yes-or-no items and may be wrong. A share is of the items that matter, and pass."
    )


def _part(number: int, scenario: Scenario, names: Mapping[str, str], *, put_away: int) -> Part:
    passed = {each.contestant: each for each in scenario.passed}
    judged = ("#Judge: items passed", "#Judged") if passed else ()
    return Part(
        key=f"scenario-{number}",
        name=f"{scenario.name} (provisional)" if scenario.is_provisional else scenario.name,
        finding=_finding(scenario, names),
        explanation=f"{scenario.battles:,} battles; {percent(scenario.ties)} of them a tie "
        f"({scenario.ties_low * 100:.0f}–{percent(scenario.ties_high)}).{_away_in_words(put_away)}",
        notes=tuple(_parted(scenario, names)),
        heads=("Contestant", "#People’s rank", "#Battles", *judged),
        rows=tuple(
            _row(place, passed.get(place.contestant), names, has_judge=bool(passed))
            for place in sorted(scenario.places, key=lambda each: (each.rank, each.contestant))
        ),
    )


def _away_in_words(put_away: int) -> str:
    if not put_away:
        return ""
    return f" Raters had another topic instead {put_away:,} time{'' if put_away == 1 else 's'}."


def _parted(scenario: Scenario, names: Mapping[str, str]) -> Iterator[str]:
    """Whom people place above whom, although the judge says the opposite: a sentence each."""
    for trusted in dict.fromkeys(each.trusted for each in scenario.partings):
        passed = [each.passed for each in scenario.partings if each.trusted == trusted]
        pass_more = "passes" if len(passed) == 1 else "pass"
        yield (
            f"People place {names.get(trusted, trusted)} clearly above "
            f"{listed([names.get(slug, slug) for slug in passed])}, "
            f"which {pass_more} clearly more items."
        )


def _finding(scenario: Scenario, names: Mapping[str, str]) -> str:
    *_, topic = scenario.name.split(" › ")
    if scenario.is_provisional:
        return f"“{topic}”: too few battles to place anybody"
    placed = [each for each in scenario.places if each.is_enough]
    worst = max(each.rank_low for each in placed)
    ahead = [each for each in placed if each.rank_high < worst]
    if not ahead:
        return f"“{topic}”: nobody is placed clearly above anybody"
    first = sorted(ahead, key=lambda each: each.rank)[:3]
    named = listed([names.get(each.contestant, each.contestant) for each in first])
    return f"“{topic}”: people place {named} clearly above the last"


def _row(
    place: TopicPlace, passed: Passed | None, names: Mapping[str, str], *, has_judge: bool
) -> tuple[str, ...]:
    rank = rank_text(place.rank_low, place.rank_high) if place.is_enough else NOT_ENOUGH
    row = (names.get(place.contestant, place.name), rank, f"{place.battles:,}")
    return (*row, *_of_judge(passed)) if has_judge else row


def _of_judge(passed: Passed | None) -> tuple[str, str]:
    if passed is None or not isfinite(passed.share):
        return "–", "0"
    if not isfinite(passed.low):
        return percent(passed.share), f"{passed.n:,}"
    interval = f"{passed.low * 100:.0f}–{percent(passed.high)}"
    return f"{percent(passed.share)} ({interval})", f"{passed.n:,}"
