"""A simulated study whose contestants nobody can ask, and runs of it."""

from collections.abc import Callable, Container
from typing import Any

from hustings.simulation import Plan, Progress, play
from hustings.simulation_report import SimulationReport, report_on
from raters.models import Battle, Participation, Verdict
from raters.services.identities import ids_of
from raters.simulation import Population
from studies.check_templates import check_templates
from studies.models import AttentionCheck, Electorate, Study
from studies.services import (
    add_dimension,
    enter_contestant,
)
from studies.simulated import open_to_simulated_raters
from tests.cast import NOW

State = Participation.State
Kind = AttentionCheck.Kind
NAMES = ("Ash", "Birch", "Cherry", "Dogwood", "Elder")
SLUGS = tuple(name.lower() for name in NAMES)
DECIDED = Population(skill_sd=1.5)


def make_study(
    slug: str = "play", *, electorate: Electorate | None = None, names: Any = NAMES, **fields: Any
) -> Study:
    """A simulated draft on two dimensions, of contestants that nobody can ask."""
    study = Study.objects.create(
        slug=slug,
        title="Play",
        is_simulated=True,
        electorate=electorate,
        **{"min_turns": 1, "battles_each": 3, **fields},
    )
    for name in names:
        enter_contestant(study, name=name)
    for key in ("overall", "warmth"):
        add_dimension(study, key=key)
    return study


def run(
    study: Study,
    raters: int = 8,
    *,
    policy: str | None = None,
    after_fold: Callable[[Progress], None] | None = None,
    **plan: Any,
) -> Progress:
    """Open a study and play it."""
    open_to_simulated_raters(study, raters=raters, policy=policy, at=NOW)
    chosen = Plan(raters=raters, **{"at_once": 4, "refill_every": 12, **plan})
    return play(study, chosen, at=NOW, after_fold=after_fold)


def report_of(study: Study, raters: int, **plan: Any) -> SimulationReport:
    chosen = Plan(raters=raters, **{"at_once": 4, "refill_every": 12, **plan})
    return report_on(study, chosen, run(study, raters, **plan))


def verdicts(study: Study) -> list[tuple[str, ...]]:
    """Who said what of whom, in order."""
    called = ids_of(study)
    rows = Verdict.objects.of(study).order_by("pk")
    said = rows.values_list(
        "battle__participation",
        "battle__key",
        "battle__side_a__slug",
        "battle__side_b__slug",
        "dimension__key",
        "outcome",
    )
    return [(called[rater], *words) for rater, *words in said]


def judged(study: Study) -> list[Battle]:
    battles = Battle.objects.filter(participation__study=study, judged_at__isnull=False)
    return list(battles.order_by("pk"))


def add_checks(study: Study, kinds: Container[str]) -> None:
    """The checks that Hustings ships, of these kinds."""
    for template in check_templates().values():
        for spec in template.checks:
            if spec.kind in kinds:
                spec.check_for(study).save()
