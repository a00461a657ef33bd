"""Reads the pages of people and machine: all judges of a study, and one of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from django.http import Http404
from django.utils.translation import gettext as _

from leaderboards.machines.documents import Machine, RatedMachine
from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import COUNTING, runs_of
from leaderboards.models import Board
from leaderboards.pages.board import Choice, Option
from leaderboards.pages.charts import Chart, Scatter
from leaderboards.pages.machine_figures import figures_of_agreement, figures_of_card
from leaderboards.pages.machine_parts import (
    DomainLine,
    GapLine,
    OrderLine,
    chart_of_agreement,
    chart_of_certainty,
    chart_of_mirrors,
    domain_lines,
    domains_title,
    gap_lines,
    gaps_title,
    order_lines,
    orders_title,
)
from leaderboards.pages.machine_words import (
    UNKNOWN,
    Told,
    answer_of,
    between,
    interval,
    order_in_words,
    share,
)
from leaderboards.pages.rated_machine import (
    RatedCard,
    RatedComparison,
    rated_card,
    rated_comparison,
)
from leaderboards.pages.rated_words import answer_of_ratings
from leaderboards.pages.words import signed
from leaderboards.reports import COMPARISON, REPORT_CARD
from leaderboards.services.reports import ReportStatus, report_status
from raters.models import JudgeRun
from studies.models import Dimension, Study


@dataclass(frozen=True)
class RunLine:
    """A run in a line: what became of it, and how often it says what people say.

    Where people rate, `agreement` is the correlation of its scores with theirs.
    """

    run: JudgeRun
    counts: bool
    agreement: str
    interval: str
    order: str
    conversations: int
    verdict: str


@dataclass(frozen=True)
class MachinesPage:
    """All runs of judges over a study, the newest first, on its overall dimension."""

    study: Study
    board: Board | None
    dimension_name: str
    lines: tuple[RunLine, ...]

    @property
    def is_of_ratings(self) -> bool:
        """Whether people rate one model at a time."""
        return self.study.protocol == Study.Protocol.SINGLE


@dataclass(frozen=True)
class Card:
    """A judge's report card, over all dimensions together."""

    machine: Machine
    figures: tuple[Told, ...]
    domains: tuple[DomainLine, ...]
    domains_title: str


@dataclass(frozen=True)
class Comparison:
    """A judge beside people on one dimension, in words, tables and charts."""

    machine: Machine
    answer: str
    order: str
    orders: tuple[OrderLine, ...]
    orders_title: str
    chart: Chart | None
    figures: tuple[Told, ...]
    gaps: tuple[GapLine, ...]
    gaps_title: str
    mirrors: Chart | None
    certainty: Scatter | None


@dataclass(frozen=True)
class MachinePage:
    """One run of a judge; without a report, `status` tells whether one is being computed."""

    study: Study
    run: JudgeRun
    counts: bool
    board: Board | None
    dimensions: tuple[Option, ...]
    dimension: str
    dimension_name: str
    status: ReportStatus
    comparison: Comparison | RatedComparison | None
    card: Card | RatedCard | None


def read_machines(study: Study, board: Board | None) -> MachinesPage:
    """Read the page of all judges."""
    overall = _dimension(study, "")
    return MachinesPage(
        study=study,
        board=board,
        dimension_name=overall.name,
        lines=tuple(_line(run, overall) for run in runs_of(study)),
    )


def read_machine(study: Study, board: Board | None, number: int, choice: Choice) -> MachinePage:
    """Read the page of one run. Raises Http404 for a run or a dimension that there is not."""
    run = run_of(study, number)
    dimension = _dimension(study, choice.dimension)
    status = report_status(study, COMPARISON, comparison_subject(run, dimension))
    counts = run.state in COUNTING
    card = report_status(study, REPORT_CARD, card_subject(run))
    return MachinePage(
        study=study,
        run=run,
        counts=counts,
        board=board,
        dimensions=tuple(
            Option(each.key, each.name, Choice(each.key).query, each.key == dimension.key)
            for each in study.dimensions.order_by("position", "key")
        ),
        dimension=dimension.key,
        dimension_name=dimension.name,
        status=status,
        comparison=_comparison(study, status) if counts else None,
        card=_card(study, card) if counts else None,
    )


def run_of(study: Study, number: int) -> JudgeRun:
    """A study's run by its number. Raises Http404 where there is none."""
    run = runs_of(study).filter(number=number).first()
    if run is None:
        raise Http404(_("The study has no judge’s run %(number)s.") % {"number": number})
    return run


def _dimension(study: Study, key: str) -> Dimension:
    found = study.dimensions.order_by("-is_overall", "position", "key")
    dimension = found.filter(key=key).first() if key else found.first()
    if dimension is None:
        raise Http404(_("The study has no such dimension."))
    return dimension


def _line(run: JudgeRun, overall: Dimension) -> RunLine:
    counts = run.state in COUNTING
    status = report_status(run.study, COMPARISON, comparison_subject(run, overall))
    found = status.facts(_kind(run.study)) if counts else None
    if isinstance(found, Machine):
        return _line_of_pairs(run, found)
    if isinstance(found, RatedMachine):
        return _line_of_ratings(run, found)
    verdict = _("It is being compared with people.") if status.is_under_way else status.error
    if not counts:
        verdict = _("Failed: none of its verdicts counts.")
    return RunLine(run, counts, "", "", "", 0, verdict or _("Not compared with people yet."))


def _line_of_pairs(run: JudgeRun, machine: Machine) -> RunLine:
    agreed, order = machine.agreement, machine.order.spearman
    return RunLine(
        run=run,
        counts=True,
        agreement=share(agreed.with_majority),
        interval=interval(agreed.with_majority),
        order=signed(order.value) if order.n else "",
        conversations=agreed.items,
        verdict=f"{answer_of(machine)}.",
    )


def _line_of_ratings(run: JudgeRun, machine: RatedMachine) -> RunLine:
    agreed, order = machine.agreement, machine.order.spearman
    return RunLine(
        run=run,
        counts=True,
        agreement=signed(agreed.spearman.value) if isfinite(agreed.spearman.value) else UNKNOWN,
        interval=between(agreed.spearman),
        order=signed(order.value) if isfinite(order.value) else "",
        conversations=agreed.items,
        verdict=f"{answer_of_ratings(machine)}.",
    )


def _kind(study: Study) -> type[Machine] | type[RatedMachine]:
    """What reports on a study's judges say."""
    return RatedMachine if study.protocol == Study.Protocol.SINGLE else Machine


def _comparison(study: Study, status: ReportStatus) -> Comparison | RatedComparison | None:
    machine = status.facts(_kind(study))
    if machine is None:
        return None
    known = study.contestants.select_related("chat_model")
    names = {each.slug: (each.name, each.chat_model.developer) for each in known}
    if isinstance(machine, RatedMachine):
        return rated_comparison(machine, names)
    orders = order_lines(machine.standings, names)
    in_order: Sequence[str] = [names.get(slug, (slug, ""))[0] for slug in machine.contestants]
    return Comparison(
        machine=machine,
        answer=answer_of(machine),
        order=order_in_words(machine),
        orders=orders,
        orders_title=orders_title(orders),
        chart=chart_of_agreement(machine),
        figures=figures_of_agreement(machine),
        gaps=gap_lines(machine, in_order),
        gaps_title=gaps_title(machine),
        mirrors=chart_of_mirrors(machine.mirrors),
        certainty=chart_of_certainty(machine.certainty) if machine.certainty else None,
    )


def _card(study: Study, status: ReportStatus) -> Card | RatedCard | None:
    machine = status.facts(_kind(study))
    if machine is None:
        return None
    if isinstance(machine, RatedMachine):
        return rated_card(machine)
    return Card(
        machine=machine,
        figures=figures_of_card(machine),
        domains=domain_lines(machine.domains),
        domains_title=domains_title(machine.domains),
    )
