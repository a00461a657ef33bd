"""`hustings simulate --study SLUG --raters N`: simulated raters walk through a study."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from hustings.management.command import HustingsCommand, study_named
from hustings.simulation import Plan, Progress, play
from hustings.simulation_report import Accuracy, Exposure, SimulationReport, report_on
from raters.simulation import Population
from studies.models import Study
from studies.simulated import open_to_simulated_raters

POPULATION = Population()


class Command(HustingsCommand):
    """Let simulated raters take part; only in a study that says that its raters are simulated."""

    help = (
        "Play a simulated study through the services that people use, and hold what it finds "
        "against the truth. The same seed gives the same raters: a second run adds only those "
        "that are missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument(
            "--raters", type=int, required=True, metavar="N", help="how many take part in all"
        )
        parser.add_argument(
            "--policy", choices=Study.Policy.values, help="default: the study's; written to it"
        )
        parser.add_argument("--at-once", type=int, default=20, help="raters inside at a time")
        parser.add_argument("--refill-every", type=int, default=50, metavar="BATTLES")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--format", default="table", choices=["table", "json"])
        truth = parser.add_argument_group("what the raters are like, in log-odds")
        truth.add_argument("--skill-sd", type=float, default=POPULATION.skill_sd)
        truth.add_argument("--dimension-sd", type=float, default=POPULATION.dimension_sd)
        truth.add_argument(
            "--group-sd",
            action="append",
            default=[],
            metavar="[AXIS=]SD",
            help="how far groups differ, on one axis or on all others; may be repeated",
        )
        truth.add_argument("--tie-propensity", type=float, default=POPULATION.tie_propensity)
        truth.add_argument("--side-effect", type=float, default=POPULATION.side_effect)
        truth.add_argument(
            "--careless",
            type=float,
            default=POPULATION.careless,
            help="share of the raters who answer at random",
        )
        truth.add_argument(
            "--eagerness",
            type=float,
            default=POPULATION.eagerness,
            help="how much likelier the first group of the first axis comes than the last",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        study, now = study_named(options["study"]), timezone.now()
        plan = Plan(
            raters=options["raters"],
            at_once=options["at_once"],
            refill_every=options["refill_every"],
            seed=options["seed"],
            population=_population(study, options),
        )
        open_to_simulated_raters(study, raters=plan.raters, policy=options["policy"], at=now)
        progress = play(study, plan, at=now, after_fold=self._tell)
        if self.stderr.isatty():
            self.stderr.write("")
        report = report_on(study, plan, progress)
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(report), indent=2))
        else:
            self.stdout.write("\n".join(_lines(report)))

    def _tell(self, progress: Progress) -> None:
        """Say on a terminal how far it is."""
        if self.stderr.isatty():
            rate = progress.battles / max(progress.seconds, 1e-9)
            words = f"{progress.raters:,} raters, {progress.battles:,} battles, {rate:.0f} a second"
            self.stderr.write(f"\r{words}", ending="")


def _population(study: Study, options: dict[str, Any]) -> Population:
    by_axis, others = {}, POPULATION.default_group_sd
    known = set()
    if study.electorate is not None:
        known = set(study.electorate.axes.values_list("key", flat=True))
    for given in options["group_sd"]:
        axis, _, sd = given.rpartition("=")
        if axis and axis not in known:
            raise CommandError(
                f'The study {study.slug} has no axis "{axis}"; it has: '
                f"{', '.join(sorted(known)) or 'none'}."
            )
        try:
            value = float(sd)
        except ValueError:
            raise CommandError(f'"{given}" is no standard deviation.') from None
        if axis:
            by_axis[axis] = value
        else:
            others = value
    return Population(
        skill_sd=options["skill_sd"],
        dimension_sd=options["dimension_sd"],
        default_group_sd=others,
        group_sd=by_axis,
        tie_propensity=options["tie_propensity"],
        side_effect=options["side_effect"],
        careless=options["careless"],
        eagerness=options["eagerness"],
    )


def _lines(report: SimulationReport) -> Iterator[str]:
    done = report.progress
    rate = done.battles / max(done.seconds, 1e-9)
    yield (
        f"{report.study}: {done.raters:,} simulated raters, {done.battles:,} battles, "
        f"{done.verdicts:,} verdicts added in {done.seconds:.1f} s ({rate:.0f} battles a second); "
        f"policy {report.policy}, seed {report.seed}."
    )
    if done.known:
        yield f"{done.known:,} raters of this seed had been there before."
    yield (
        f"{done.completed:,} completed, {done.struck_out:,} were struck out, "
        f"{done.turned_away:,} turned away{'; interrupted' if done.is_interrupted else ''}."
    )
    yield f"In all {report.battles:,} battles and {report.verdicts:,} verdicts that count."
    width = max(9, *(len(each.dimension) for each in report.dimensions))
    yield (
        f"\n{'dimension':<{width}}  {'ranking':<14}  {'error (log-odds)':>16}  "
        f"{'coverage of 95 %':>16}  {'Kendall τ':>9}"
    )
    for each in report.dimensions:
        yield _row(each.dimension, width, "overall", each.overall)
        if each.groups is not None:
            yield _row("", width, f"{each.groups.rankings} groups' own", each.groups)
    yield ""
    for rule in report.rules:
        after = "not yet" if rule.battles is None else f"after {rule.battles:,} battles"
        yield f"{rule.rule}: {after}"
    if report.least is not None and report.most is not None:
        yield f"Share of the battles: {_share(report.least)} to {_share(report.most)}"


def _row(dimension: str, width: int, ranking: str, accuracy: Accuracy | None) -> str:
    name = f"{dimension:<{width}}  {ranking:<14}"
    if accuracy is None:
        return f"{name}  no ranking: too few battles"
    return f"{name}  {accuracy.error:>16.3f}  {accuracy.coverage:>16.1%}  {accuracy.tau:>9.3f}"


def _share(exposure: Exposure) -> str:
    return f"{exposure.contestant} {exposure.share:.1%}"
