"""`hustings boards --study SLUG`: computes a board and prints it."""

import csv
import io
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from hustings.management.command import HustingsCommand, study_named
from leaderboards.document import Json, section_json
from leaderboards.errors import NothingToRankError
from leaderboards.machines.boards import rank_run, run_named
from leaderboards.ranking.boards import Engine, Scope
from leaderboards.services.boards import compute_sections, parameters_for
from studies.models import Study
from studies.replica import reading_from_replica

COLUMNS = (
    "rank", "rank_low", "rank_high", "contestant", "score", "score_low", "score_high",
    "win_share", "p_best", "battles", "wins", "losses", "ties", "is_provisional",
)  # fmt: skip


class Command(HustingsCommand):
    """Compute one table of a study and print it; publishes nothing."""

    help = "Compute and print a board: for the electorate, or for one group."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument("--dimension", metavar="KEY", help="default: the overall one")
        parser.add_argument("--group", metavar="AXIS=GROUP", help="default: the electorate")
        parser.add_argument(
            "--engine", type=Engine, choices=list(Engine), help="default: as the study's protocol"
        )
        parser.add_argument(
            "--judge",
            metavar="NAME[:RUN]",
            help="rank by what this judge said, not by people; default: its newest run",
        )
        parser.add_argument("--format", default="table", choices=["table", "json", "csv"])

    def handle(self, *_args: Any, **options: Any) -> None:
        with reading_from_replica():
            study = study_named(options["study"])
            section = _section(
                study,
                dimension=options["dimension"] or _overall(study),
                group=options["group"],
                engine=options["engine"],
                judge=options["judge"],
            )
        write = {"table": _table, "json": _json, "csv": _csv}[options["format"]]
        self.stdout.write(write(section), ending="")


def _overall(study: Study) -> str:
    overall = study.dimensions.filter(is_overall=True).first()
    if overall is None:
        raise CommandError(f"The study {study.slug} has no overall dimension; name one.")
    return overall.key


def _section(
    study: Study, *, dimension: str, group: str | None, engine: Engine | None, judge: str | None
) -> Json:
    parameters, by = parameters_for(study, engine), {}
    if judge is None:
        _frame, given, sections = compute_sections(study, parameters, dimension=dimension)
    else:
        run = run_named(study, judge)
        given, sections = rank_run(run, parameters, dimension=dimension)
        by = {"judge": str(run)}
    tables = [section_json(section, given) | by for section in sections]
    if group is None:
        # Without an electorate the sample is all there is.
        return tables[0]
    for table in tables:
        if table["scope"] == Scope.GROUP and group == f"{table['axis']}={table['group']}":
            return table
    known = ", ".join(f"{share.axis}={share.key}" for share in given.groups) or "none"
    raise NothingToRankError(f'The study {study.slug} has no group "{group}"; it has: {known}.')


def _json(section: Json) -> str:
    return json.dumps(section, indent=2) + "\n"


def _csv(section: Json) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(section["rows"])
    return buffer.getvalue()


def _table(section: Json) -> str:
    speaks_for = section["scope"]
    if section["group"]:
        speaks_for = f"{section['axis']}={section['group']}"
    is_of_ratings = any(row["wins"] is None for row in section["rows"])
    by = f"{section['raters']:,} raters"
    if "judge" in section:
        by = f"judged by {section['judge']}"
    lines = [
        (
            f"{section['dimension']}, {speaks_for}: {by}, "
            f"{section['battles']:,} {'ratings' if is_of_ratings else 'battles'}"
        )
    ]
    if section["refusal"]:
        return "\n".join([*lines, section["refusal"], ""])
    width = max(len("contestant"), *(len(row["contestant"]) for row in section["rows"]))
    lines.append(
        f"{'rank':>7}  {'contestant':<{width}}  {'score':>7}  {'95 % interval':>16}  "
        f"{'win share':>9}  {'P(best)':>7}  {'ratings' if is_of_ratings else 'battles':>8}"
    )
    for row in section["rows"]:
        low, high = row["rank_low"], row["rank_high"]
        rank = f"{low}" if low == high else f"{low}–{high}"
        mark = " provisional" if row["is_provisional"] else ""
        lines.append(
            f"{rank:>7}  {row['contestant']:<{width}}  {row['score']:>7.2f}  "
            f"{row['score_low']:>7.2f} …{row['score_high']:>7.2f}  "
            f"{row['win_share']:>9.1%}  {row['p_best']:>7.1%}  {row['battles']:>8,}{mark}"
        )
    return "\n".join([*lines, ""])
