"""Exports preferences for the training of chat models: what raters chose, and may be published.

A row is a verdict with its conversation, as reward models and direct preference optimisation take
it (Rafailov et al. 2023): prompt, chosen, rejected. Only words that their raters released leave,
masked as on public pages; nobody's code, day or order is in it. Of a rater as many groups are
named as at least `FEWEST_ALIKE` people have in common with her, taken together.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TextIO

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.conversations import CHUNK, battles_with_words, read_conversations
from leaderboards.errors import NothingToExportError
from leaderboards.pages.files import csv_of
from leaderboards.pages.said import UNQUOTED, Crowd
from leaderboards.scorer_card import Scorer
from leaderboards.services.scoring import score_battles, scorer_of
from raters.judging.cases import Exchange
from raters.models import Outcome, Verdict
from raters.quality.personal import FEWEST_ALIKE, mask_personal
from studies.models import Dimension, Study

Json = dict[str, Any]
Message = dict[str, str]

COLUMNS: Final = ("dimension", "prompt", "chosen", "rejected", "margin", "tie")
NOT_ASKED: Final = gettext_noop(
    "The study does not ask raters whether their words may be published, so none of them may leave."
)
MASKED: Final = (
    "Names of contestants and developers in replies; addresses, links and numbers of seven digits "
    "or more everywhere."
)
NOTES: Final = (
    "Raters are people: what they prefer is no fact about the world.",
    "Whoever withdraws is left out of the next export; delete earlier ones.",
    "The terms of those who made the contestants may forbid training on their replies.",
)


class Format(StrEnum):
    """How rows are written: a JSON object a line, or CSV whose texts are JSON."""

    JSONL = "jsonl"
    CSV = "csv"


class Margin(StrEnum):
    """What a row's margin is: 1 for every choice, or how likely the scorer thinks it.

    The scorer has not seen the verdict then: the probability is held out.
    """

    ONE = "one"
    SCORER = "scorer"


@dataclass(frozen=True)
class Wanted:
    """What is to be exported, under which licence; of all dimensions unless one is named.

    Ties are left out unless `with_ties`: then they are marked, side A standing as chosen.
    """

    licence: str
    dimension: str = ""
    form: Format = Format.JSONL
    margin: Margin = Margin.ONE
    with_groups: bool = False
    with_ties: bool = False


@dataclass(frozen=True)
class Choice:
    """One verdict: what it is about and how it went, by ids; `margin` is None for 1."""

    battle: int
    dimension: str
    outcome: str
    participation: int
    cell: int | None


def write_preferences(study: Study, wanted: Wanted, file: TextIO, *, at: datetime) -> Json:
    """Write the rows to `file`, and return what is to stand beside them: licence, study, counts.

    Raises NothingToExportError where nothing may leave, or there is no such dimension, and
    ScorerError where margins are to be a scorer's that there is not.
    """
    if not wanted.licence.strip():
        raise NothingToExportError(_("Say under which licence the preferences are given."))
    dimensions = _dimensions(study, wanted)
    choices, left_out = _choices(study, dimensions, wanted)
    crowd = Crowd.of(study) if wanted.with_groups else None
    scorer = scorer_of(study) if wanted.margin is Margin.SCORER else None
    axes = tuple(dict.fromkeys(group.axis.key for group in crowd.frame.groups)) if crowd else ()
    digest, rows = hashlib.sha256(), 0
    for text, count in _chunks(study, wanted, choices, crowd=crowd, scorer=scorer, axes=axes):
        file.write(text)
        digest.update(text.encode())
        rows += count
    return {
        "study": study.slug,
        "title": study.title,
        "electorate": str(study.electorate or ""),
        "is_simulated": study.is_simulated,
        "licence": wanted.licence.strip(),
        "exported_at": at.isoformat(),
        "dimensions": {each.key: each.question or each.name for each in dimensions},
        "contestants": sorted(str(each) for each in study.contestants.all()),
        "rows": rows,
        "raters": len({each.participation for each in choices}),
        "margin": wanted.margin.value,
        "left_out": left_out,
        "groups": f"Named where {FEWEST_ALIKE} people or more share all of them." if crowd else "",
        "masked": MASKED,
        "notes": list(NOTES),
        "sha256": digest.hexdigest(),
    }


def _dimensions(study: Study, wanted: Wanted) -> list[Dimension]:
    if study.protocol == Study.Protocol.SINGLE:
        raise NothingToExportError(_("Preferences are of two sides; here raters rate one model."))
    if not study.asks_to_quote:
        raise NothingToExportError(_(NOT_ASKED))
    found = list(study.dimensions.order_by("position", "key"))
    if wanted.dimension:
        found = [each for each in found if each.key == wanted.dimension]
    if not found:
        known = ", ".join(study.dimensions.order_by("key").values_list("key", flat=True))
        raise NothingToExportError(
            _('The study %(slug)s has no dimension "%(dimension)s"; it has: %(known)s.')
            % {"slug": study.slug, "dimension": wanted.dimension, "known": known}
        )
    return found


def _choices(
    study: Study, dimensions: Sequence[Dimension], wanted: Wanted
) -> tuple[list[Choice], dict[str, int]]:
    """The verdicts that leave, and how many stay and why, each under the first reason that holds.

    In an order that says neither whose they are nor when they were given.
    """
    asked = Verdict.objects.of(study).filter(dimension__in=dimensions)
    stages = {
        "of attention checks": Verdict.objects.countable(study),
        "left out by exclusions": Verdict.objects.counting(study),
    }
    conditions: dict[str, Q | Exists] = {
        "by raters who were struck out or withdrew": ~Q(battle__participation__state__in=UNQUOTED),
        "words not released by their raters": Q(
            battle__participation__words_released_at__isnull=False
        ),
        "hidden by an admin": Q(battle__is_reason_hidden=False),
        "conversation not there": Exists(
            battles_with_words(study).filter(pk=OuterRef("battle")).order_by()
        ),
    }
    if not wanted.with_ties:
        conditions["ties"] = ~Q(outcome=Outcome.TIE)
    kept, count, left_out = asked, asked.count(), {}
    for reason, stage in stages.items():
        kept = stage.filter(dimension__in=dimensions)
        left_out[reason], count = count - kept.count(), kept.count()
    for reason, condition in conditions.items():
        kept = kept.filter(condition)
        left_out[reason], count = count - kept.count(), kept.count()
    rows = kept.order_by("dimension__position", "dimension__key").values_list(
        "battle_id",
        "dimension__key",
        "outcome",
        "battle__participation_id",
        "battle__participation__cell_id",
    )
    found = sorted((Choice(*row) for row in rows), key=lambda each: _shuffled(study, each.battle))
    return found, left_out


def _shuffled(study: Study, battle: int) -> str:
    return hashlib.sha256(f"{study.slug} {battle}".encode()).hexdigest()


def _chunks(
    study: Study,
    wanted: Wanted,
    choices: Sequence[Choice],
    *,
    crowd: Crowd | None,
    scorer: Scorer | None,
    axes: Sequence[str],
) -> Iterator[tuple[str, int]]:
    """The file chunk by chunk, with the number of rows in each."""
    if wanted.form is Format.CSV:
        yield csv_of([*COLUMNS, *axes], []), 0
    for start in range(0, len(choices), CHUNK):
        some = choices[start : start + CHUNK]
        battles = list(dict.fromkeys(each.battle for each in some))
        said = {battle.pk: exchanges for battle, exchanges in read_conversations(study, battles)}
        likely = _likely(scorer, study, battles)
        rows = [
            _row(each, said[each.battle], likely=likely, crowd=crowd)
            for each in some
            if each.battle in said
        ]
        if wanted.form is Format.CSV:
            yield _as_csv(rows, axes), len(rows)
        else:
            yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), len(rows)


Likely = dict[tuple[int, str], tuple[float, float]]


def _likely(scorer: Scorer | None, study: Study, battles: Sequence[int]) -> Likely | None:
    """P(A) and P(B) by battle and dimension, by scorers that have not seen the verdict."""
    if scorer is None:
        return None
    said = score_battles(scorer, study, battles)
    key_of = dict(study.dimensions.values_list("pk", "key"))
    return {
        (battle, key_of[dimension]): (float(row[0]), float(row[2]))
        for dimension, rows in said.probabilities.items()
        for battle, row in zip(said.battles, rows, strict=True)
    }


def _row(
    choice: Choice,
    said: Sequence[Exchange],
    *,
    likely: Likely | None,
    crowd: Crowd | None,
) -> Json:
    chosen, rejected = (1, 0) if choice.outcome == Outcome.B else (0, 1)
    is_tie = choice.outcome == Outcome.TIE
    row: Json = {
        "dimension": choice.dimension,
        "prompt": [_message("user", said[0].message)],
        "chosen": _conversation(said, chosen),
        "rejected": _conversation(said, rejected),
        "margin": _margin(choice, chosen, likely, is_tie=is_tie),
        "tie": is_tie,
    }
    if crowd is not None:
        named = crowd.named(choice.cell, choice.participation)
        groups = [crowd.frame.groups[place] for place in named]
        row["groups"] = {group.axis.key: group.key for group in groups}
    return row


def _margin(choice: Choice, chosen: int, likely: Likely | None, *, is_tie: bool) -> float | None:
    """1 for a choice and 0 for a tie; or how likely the chosen side was, of the two."""
    if likely is None:
        return 0.0 if is_tie else 1.0
    of_sides = likely.get((choice.battle, choice.dimension))
    return None if of_sides is None else round(of_sides[chosen] / sum(of_sides), 4)


def _conversation(said: Sequence[Exchange], side: int) -> list[Message]:
    """What followed the first message with one side: its replies, and the rater's messages."""
    found = [_message("assistant", said[0].replies[side])]
    for exchange in said[1:]:
        found += [
            _message("user", exchange.message),
            _message("assistant", exchange.replies[side]),
        ]
    return found


def _message(role: str, text: str) -> Message:
    return {"role": role, "content": mask_personal(text)}


def _as_csv(rows: Sequence[Json], axes: Sequence[str]) -> str:
    """Rows as CSV without the header; conversations are JSON."""
    columns = [*COLUMNS, *axes]
    lines = [
        [
            json.dumps(row[column], ensure_ascii=False)
            if isinstance(row.get(column), list)
            else row[column]
            for column in COLUMNS
        ]
        + [row.get("groups", {}).get(axis, "") for axis in axes]
        for row in rows
    ]
    return csv_of(columns, lines).split("\r\n", 1)[1]
