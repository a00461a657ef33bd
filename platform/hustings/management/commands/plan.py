"""`hustings plan`: how many raters a study needs for a wished precision, and what they cost."""

import csv
import io
import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from django.core.management.base import CommandError

from hustings.management.command import HustingsCommand, study_named
from leaderboards.planning import (
    Prices,
    Talk,
    answer,
    assumptions_of,
    battle_cost,
    columns,
)
from leaderboards.ranking.planning import (
    Assumptions,
    Measure,
    Plan,
    Wish,
    equal_groups,
    ladder_up_to,
    plan,
    raters_needed,
)
from leaderboards.ranking.policies import Policy

BAR = 24
BAR_CHARACTER = "█"
MOST_RATERS = 100_000


class Command(HustingsCommand):
    """Simulate studies of more and more raters, before there is one; stores nothing."""

    help = "Plan a study: the precision of so many raters, from simulation, and their cost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="SLUG", help="plan for a study as it is designed")
        parser.add_argument("--contestants", type=int, metavar="N", help="default: as the study")
        parser.add_argument(
            "--groups", type=_sizes, metavar="4,4,4", help="groups of each axis, equally large"
        )
        parser.add_argument("--battles", type=int, help="battles of each rater")
        parser.add_argument("--policy", type=Policy, choices=list(Policy))
        parser.add_argument(
            "--spread", type=float, default=Assumptions.skill_sd, help="sd of skills, in log-odds"
        )
        parser.add_argument(
            "--heterogeneity",
            type=float,
            default=Assumptions.heterogeneity_sd,
            help="sd, in log-odds, of what the groups of an axis think of a contestant",
        )
        parser.add_argument(
            "--ties",
            type=float,
            default=Assumptions.tie_rate,
            help="share of ties among pairs drawn at random",
        )
        parser.add_argument("--raters", type=int, default=3200, help="the most to simulate")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument(
            "--precision", type=float, metavar="POINTS", help="± so many points of win share (3)"
        )
        wish.add_argument("--tau", type=float, help="Kendall's τ of the order")
        wish.add_argument("--leader", type=float, help="chance that the leader is the best")
        parser.add_argument("--pay", type=_money, help="of a rater; default: as the study")
        parser.add_argument("--currency", help="of the pay; default: as the study, or GBP")
        parser.add_argument(
            "--battle-cost",
            type=_money,
            metavar="DOLLARS",
            help="of a battle's replies; default: as the study's battles so far, or by its prices",
        )
        parser.add_argument("--studies", type=int, default=Assumptions.studies, help="to simulate")
        parser.add_argument("--seed", type=int, default=Assumptions.seed)
        parser.add_argument("--format", default="table", choices=["table", "json", "csv"])

    def handle(self, *_args: Any, **options: Any) -> None:
        wish = _wish(options)
        made, prices = plan(_assumptions(options)), _prices(options)
        if options["format"] == "csv":
            self.stdout.write(_csv(made, prices), ending="")
        elif options["format"] == "json":
            self.stdout.write(_json(made, prices, wish))
        else:
            self.stdout.write(_table(made, prices, wish), ending="")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ArgumentTypeError(f"{text!r} is no list of numbers of groups, such as 4,4,4")
    return sizes


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ArgumentTypeError(f"{text!r} is no amount of money")
    return amount


def _wish(options: dict[str, Any]) -> Wish:
    if options["tau"] is not None:
        return Wish(Measure.TAU, options["tau"])
    if options["leader"] is not None:
        return Wish(Measure.LEADER, options["leader"])
    return Wish(Measure.POINTS, 3.0 if options["precision"] is None else options["precision"])


def _assumptions(options: dict[str, Any]) -> Assumptions:
    if not 1 <= options["raters"] <= MOST_RATERS:
        raise CommandError(f"Simulate from 1 to {MOST_RATERS:,} raters.")
    given = {
        "contestants": options["contestants"],
        "groups": options["groups"] and equal_groups(options["groups"]),
        "battles_each": options["battles"],
        "policy": options["policy"],
        "skill_sd": options["spread"],
        "heterogeneity_sd": options["heterogeneity"],
        "tie_rate": options["ties"],
        "ladder": ladder_up_to(options["raters"]),
        "studies": options["studies"],
        "seed": options["seed"],
    }
    given = {name: value for name, value in given.items() if value is not None}
    if options["study"]:
        return assumptions_of(study_named(options["study"]), **given)
    if "contestants" not in given:
        raise CommandError("Name a --study, or say how many --contestants there are.")
    return Assumptions(**given)


def _prices(options: dict[str, Any]) -> Prices:
    pay, currency, battle = options["pay"], options["currency"], options["battle_cost"]
    if options["study"]:
        study = study_named(options["study"])
        pay = study.pay if pay is None else pay
        currency = currency or study.currency
        if battle is None:
            battle = battle_cost(study, Talk(turns=study.min_turns))
    return Prices(pay, currency or Prices.currency, battle)


def _rungs(made: Plan, prices: Prices) -> list[dict[str, Any]]:
    """One row a rung: raters, battles, every measure with its ends, share of ties, cost."""
    each, rows = made.assumptions.battles_each, []
    curves = {measure: made.curve(measure) for measure in made.figures}
    for at, raters in enumerate(made.assumptions.ladder):
        row: dict[str, Any] = {"raters": raters, "battles": raters * each}
        for measure, curve in curves.items():
            row[str(measure)] = round(float(curve.mean[at]), 4)
            row[f"{measure}_low"] = round(float(curve.low[at]), 4)
            row[f"{measure}_high"] = round(float(curve.high[at]), 4)
        row["ties"] = round(float(made.tie_rate[at]), 4)
        row["pay"], row["currency"] = prices.pay_of(raters), prices.currency
        row["replies_usd"] = prices.replies_of(raters * each)
        rows.append(row)
    return rows


def _csv(made: Plan, prices: Prices) -> str:
    rows, buffer = _rungs(made, prices), io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _json(made: Plan, prices: Prices, wish: Wish) -> str:
    needed = raters_needed(made, wish)
    document = {
        "assumptions": asdict(made.assumptions),
        "tie_propensity": made.tie_propensity,
        "ties_of_equals": made.tie_rate_of_equals,
        "wish": asdict(wish),
        # Null where the ladder ends before.
        "raters_needed": {
            end: raters if isfinite(raters) else None for end, raters in asdict(needed).items()
        },
        "rungs": _rungs(made, prices),
    }
    return json.dumps(document, indent=2, default=str)


def _table(made: Plan, prices: Prices, wish: Wish) -> str:
    """What is assumed, a line for each rung with a bar of its half-width, and the answer."""
    given = made.assumptions
    groups = sum(map(len, given.groups))
    whom = f"{groups} groups on {len(given.groups)} axes" if groups else "no groups"
    head = (
        f"{given.contestants} contestants, {whom}, {given.battles_each} battles of each rater, "
        f"pairs by {given.policy}; {given.studies} simulated studies.\n"
        f"Ties: {given.tie_rate:.0%} of random pairs, {made.tie_rate_of_equals:.0%} of equals, "
        f"{made.tie_rate[-1]:.0%} of the pairs that would meet."
    )
    points = made.curve(Measure.POINTS).mean
    bars = [BAR_CHARACTER * max(round(BAR * part), 1) for part in points / points[0]]
    shown: list[list[str]] = []
    for header, cells in columns(made, prices).items():
        width = max(map(len, (header, *cells)))
        shown.append([cell.rjust(width) for cell in (header, *cells)])
        if header == "± points":
            shown.append([bar.ljust(BAR) for bar in ("", *bars)])
    lines = ["  ".join(row).rstrip() for row in zip(*shown, strict=True)]
    needed = raters_needed(made, wish)
    return "\n".join([head, "", *lines, "", answer(needed, wish, prices, given), ""])
