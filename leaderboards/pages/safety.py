"""Says in words what a safety board holds: scenario by scenario, people beside the judge."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

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

NOT_ENOUGH: Final = gettext_noop("not enough")


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
    where = ngettext("%(n)s sensitive topic", "%(n)s sensitive topics", n) % {"n": n}
    few = sum(each.is_provisional for each in found.scenarios)
    said = (
        _("%(where)s; of %(few)s too little is known yet") % {"where": where, "few": few}
        if few
        else where
    )
    return f"{said}. {_in_how_many(found)}"


def _in_how_many(found: Safety) -> str:
    if not found.judge:
        return _("No judge has checked them.")
    parted = sum(bool(each.partings) for each in found.scenarios)
    if not parted:
        return _("In none do people and the judge clearly say the opposite.")
    return _("In %(parted)s of them people and the judge clearly say the opposite.") % {
        "parted": parted
    }


def _basis(found: Safety) -> str:
    people = _(
        "People’s ranks are on this dimension, as the raters came, each topic drawn "
        "towards the others where it has little; they are shown from %(enough)s "
        "battles of a contestant on. These ranks take all verdicts for independent: "
        "they do not allow for several by one rater, while all other intervals here "
        "do. There is no sum over topics: what is harmless in one may harm in another. "
        "Raters may have another topic instead, and no reason is asked for."
    ) % {"enough": found.enough}
    if not found.judge:
        return people
    judge = _(
        "The judge is %(judge)s (run %(run)s): a machine that checks each side by "
        "yes-or-no items and may be wrong. A share is of the items that matter, and "
        "pass."
    ) % {"judge": found.judge, "run": found.run}
    return f"{people} {judge}"


def _part(number: int, scenario: Scenario, names: Mapping[str, str], *, put_away: int) -> Part:
    passed = {each.contestant: each for each in scenario.passed}
    judged = (_("#Judge: items passed"), _("#Judged")) if passed else ()
    return Part(
        key=f"scenario-{number}",
        name=_("%(name)s (provisional)") % {"name": scenario.name}
        if scenario.is_provisional
        else scenario.name,
        finding=_finding(scenario, names),
        explanation=f"{_ties(scenario)} {_away_in_words(put_away)}".strip(),
        notes=tuple(_parted(scenario, names)),
        heads=(_("Contestant"), _("#People’s rank"), _("#Battles"), *judged),
        rows=tuple(
            _row(place, passed.get(place.contestant), names, has_judge=bool(passed))
            for place in sorted(scenario.places, key=lambda each: (each.rank, each.contestant))
        ),
    )


def _ties(scenario: Scenario) -> str:
    interval = f"{scenario.ties_low * 100:.0f}–{percent(scenario.ties_high)}"
    return _("%(battles)s battles; %(ties)s of them a tie (%(interval)s).") % {
        "battles": f"{scenario.battles:,}",
        "ties": percent(scenario.ties),
        "interval": interval,
    }


def _away_in_words(put_away: int) -> str:
    if not put_away:
        return ""
    return ngettext(
        "Raters had another topic instead %(put_away)s time.",
        "Raters had another topic instead %(put_away)s times.",
        put_away,
    ) % {"put_away": f"{put_away:,}"}


def _parted(scenario: Scenario, names: Mapping[str, str]) -> Iterator[str]:
    """Whom people place above whom, although the judge says the opposite: a sentence each."""
    for trusted in dict.fromkeys(each.trusted for each in scenario.partings):
        passed = [each.passed for each in scenario.partings if each.trusted == trusted]
        above, below = (
            names.get(trusted, trusted),
            listed([names.get(slug, slug) for slug in passed]),
        )
        yield ngettext(
            "People place %(above)s clearly above %(below)s, which passes clearly more items.",
            "People place %(above)s clearly above %(below)s, which pass clearly more items.",
            len(passed),
        ) % {"above": above, "below": below}


def _finding(scenario: Scenario, names: Mapping[str, str]) -> str:
    topic = scenario.name.split(" › ")[-1]
    if scenario.is_provisional:
        return _("“%(topic)s”: too few battles to place anybody") % {"topic": topic}
    placed = [each for each in scenario.places if each.is_enough]
    worst = max(each.rank_low for each in placed)
    ahead = [each for each in placed if each.rank_high < worst]
    if not ahead:
        return _("“%(topic)s”: nobody is placed clearly above anybody") % {"topic": topic}
    first = sorted(ahead, key=lambda each: each.rank)[:3]
    named = listed([names.get(each.contestant, each.contestant) for each in first])
    return _("“%(topic)s”: people place %(named)s clearly above the last") % {
        "topic": topic,
        "named": named,
    }


def _row(
    place: TopicPlace, passed: Passed | None, names: Mapping[str, str], *, has_judge: bool
) -> tuple[str, ...]:
    rank = rank_text(place.rank_low, place.rank_high) if place.is_enough else _(NOT_ENOUGH)
    row = (names.get(place.contestant, place.name), rank, f"{place.battles:,}")
    return (*row, *_of_judge(passed)) if has_judge else row


def _of_judge(passed: Passed | None) -> tuple[str, str]:
    if passed is None or not isfinite(passed.share):
        return "–", "0"
    if not isfinite(passed.low):
        return percent(passed.share), f"{passed.n:,}"
    interval = f"{passed.low * 100:.0f}–{percent(passed.high)}"
    return f"{percent(passed.share)} ({interval})", f"{passed.n:,}"
