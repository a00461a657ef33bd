"""Reads the pages of people and machine: all judges of a study, and one of its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404

from leaderboards.machines.documents import Machine
from leaderboards.machines.reports import card_subject, comparison_subject
from leaderboards.machines.runs import COUNTING, runs_of
from leaderboards.models import Board
from leaderboards.pages.board import Choice, Option
from leaderboards.pages.charts import Chart, Scatter
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
    Told,
    answer_of,
    figures_of_agreement,
    figures_of_card,
    interval,
    order_in_words,
    share,
)
from leaderboards.pages.words import signed
from leaderboards.reports import COMPARISON, REPORT_CARD
from leaderboards.services.reports import ReportStatus, report_status
from raters.models import JudgeRun
from studies.models import Dimension, Study


@dataclass(frozen=True)
class RunLine:
    """A run in a line: what became of it, and how often it says what people say."""

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
    comparison: Comparison | None
    card: Card | None


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
    machine = status.facts(Machine) if counts else None
    card = report_status(study, REPORT_CARD, card_subject(run)).facts(Machine) if counts else None
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
        comparison=_comparison(study, machine) if machine else None,
        card=_card(card) if card else None,
    )


def run_of(study: Study, number: int) -> JudgeRun:
    """A study's run by its number. Raises Http404 where there is none."""
    run = runs_of(study).filter(number=number).first()
    if run is None:
        raise Http404(f"The study has no judge’s run {number}.")
    return run


def _dimension(study: Study, key: str) -> Dimension:
    found = study.dimensions.order_by("-is_overall", "position", "key")
    dimension = found.filter(key=key).first() if key else found.first()
    if dimension is None:
        raise Http404("The study has no such dimension.")
    return dimension


def _line(run: JudgeRun, overall: Dimension) -> RunLine:
    counts = run.state in COUNTING
    status = report_status(run.study, COMPARISON, comparison_subject(run, overall))
    machine = status.facts(Machine) if counts else None
    if machine is None:
        verdict = "It is being compared with people." if status.is_under_way else status.error
        if not counts:
            verdict = "Failed: none of its verdicts counts."
        return RunLine(run, counts, "", "", "", 0, verdict or "Not compared with people yet.")
    agreed, order = machine.agreement, machine.order.spearman
    return RunLine(
        run=run,
        counts=counts,
        agreement=share(agreed.with_majority),
        interval=interval(agreed.with_majority),
        order=signed(order.value) if order.n else "",
        conversations=agreed.items,
        verdict=f"{answer_of(machine)}.",
    )


def _comparison(study: Study, machine: Machine) -> Comparison:
    known = study.contestants.select_related("chat_model")
    names = {each.slug: (each.name, each.chat_model.developer) for each in known}
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


def _card(machine: Machine) -> Card:
    return Card(
        machine=machine,
        figures=figures_of_card(machine),
        domains=domain_lines(machine.domains),
        domains_title=domains_title(machine.domains),
    )
