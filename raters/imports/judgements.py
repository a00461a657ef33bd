"""Imports what a judge said elsewhere of a study's conversations: all of a file, or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from raters.errors import ImportRefusedError
from raters.imports.comparisons import DEFAULT_DIMENSION
from raters.imports.judge_rows import OPTIONAL, PROSE, REQUIRED, JudgeRow, read_row
from raters.imports.reading import TableFile
from raters.judging.findings import MIRRORED, Sample, find_by_comparing
from raters.models import Battle, Judge, Judgement, JudgeRun, JudgeVerdict
from raters.services.identities import Marker, marker_of
from raters.services.judge_runs import next_version
from studies.models import Study

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class JudgementReport:
    """What an import of judgements did, in numbers; `run` is the number of the judge's run."""

    judge: str
    run: int
    rows: int
    conversations: int
    verdicts: int
    abstentions: int
    is_new_judge: bool


@transaction.atomic
def import_judgements(
    study: Study,
    path: Path,
    *,
    judge: str,
    developer: str = "",
    at: datetime,
    on_progress: Callable[[int], object] = lambda _bytes: None,
) -> JudgementReport:
    """Import what a judge of this name said, in one transaction, into one finished run.

    Rows of one conversation, pair and dimension, in both orders or sampled again, are one verdict;
    it hangs on the conversation's first battle. `developer` is who made the judge's chat model.
    What stands already is known again. Raises ImportRefusedError, which names file and line, for
    a conversation that no battle has, an unknown value, and what would change a verdict.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if study.state == Study.State.ARCHIVED:
        raise ImportRefusedError(f"The study {study.slug} is archived: it takes no more verdicts.")
    file = TableFile(path, on_progress)
    told = _Told.read(study, file)
    who, is_new = _judge(judge, developer, at=at)
    run = _run_of(who, study, file, at=at)
    standing = _standing(run)
    new = [each for each in told.verdicts() if not _stands(each, standing, file)]
    if new:
        _add(run, new, at=at)
    return JudgementReport(
        judge=str(who),
        run=run.number,
        rows=told.rows,
        conversations=len({each.battle for each in new}),
        verdicts=len(new),
        abstentions=sum(not each.outcome for each in new),
        is_new_judge=is_new,
    )


@dataclass(frozen=True)
class _Place:
    """The battle on which a conversation's verdicts hang, and who stands as its side A."""

    battle: int
    side_a: int


@dataclass(frozen=True)
class _Places:
    """Where conversations and battles of a study are: by name and pair, and by mark and key."""

    mark: Marker
    by_conversation: dict[tuple[str, int, int], _Place]
    by_battle: dict[tuple[str, str, int, int], _Place]

    @classmethod
    def of(cls, study: Study) -> "_Places":
        found = cls(marker_of(study), {}, {})
        rows = Battle.objects.filter(
            participation__study=study, side_b__isnull=False, attention_check=None
        ).order_by("pk")
        columns = (
            "pk", "side_a_id", "side_b_id", "key", "conversation", "participation__identity_mark",
        )  # fmt: skip
        for pk, a, b, key, conversation, mark in rows.values_list(*columns).iterator():
            place, low, high = _Place(pk, a), min(a, b), max(a, b)
            if conversation:
                # The first has the lowest id.
                place = found.by_conversation.setdefault((conversation, low, high), place)
            found.by_battle[mark, key, low, high] = place
        return found

    def place_of(self, row: JudgeRow, one: int, other: int) -> _Place | None:
        """Where a row's pair of contestants stands; None if it stands nowhere."""
        low, high = min(one, other), max(one, other)
        if row.conversation:
            return self.by_conversation.get((row.conversation, low, high))
        return self.by_battle.get((self.mark(row.rater), row.battle, low, high))


@dataclass(frozen=True)
class _New:
    """One verdict to be stored, with the line where it was last spoken of."""

    battle: int
    dimension: int
    outcome: str
    samples: list[dict[str, Any]]
    fields: dict[str, Any]
    line: int


@dataclass
class _Told:
    """What a file says, by battle and dimension; rows in terms of the battle's own sides."""

    file: TableFile
    rows: int = 0
    said: dict[tuple[int, int], dict[str, JudgeRow]] = field(default_factory=dict)

    @classmethod
    def read(cls, study: Study, file: TableFile) -> "_Told":
        """Read a file whole; names become ids, unknown ones an error."""
        told = cls(file)
        places = _Places.of(study)
        contestants = dict(study.contestants.values_list("name", "pk"))
        dimensions = dict(study.dimensions.values_list("key", "pk"))
        _check_columns(file)
        for line, values in file.rows(REQUIRED, OPTIONAL, prose=PROSE):
            row = read_row(file, line, values)
            sides = []
            for name in (row.model_a, row.model_b):
                if name not in contestants:
                    raise file.refusal(f'the study {study.slug} has no contestant "{name}"', line)
                sides.append(contestants[name])
            key = row.dimension or DEFAULT_DIMENSION
            if key not in dimensions:
                known = ", ".join(dimensions) or "none"
                raise file.refusal(
                    f'the study {study.slug} has no dimension "{key}"; it has: {known}', line
                )
            place = places.place_of(row, *sides)
            if place is None:
                raise file.refusal(f"no battle of {study.slug} is {row.named}", line)
            told._add(
                place.battle, dimensions[key], row if place.side_a == sides[0] else _turned(row)
            )
        return told

    def _add(self, battle: int, dimension: int, row: JudgeRow) -> None:
        self.rows += 1
        by_key = self.said.setdefault((battle, dimension), {})
        before = by_key.setdefault(row.key, row)
        if before is not row and replace(before, line=0) != replace(row, line=0):
            raise self.file.refusal(
                f"{row.named}: line {before.line} says something else of the same order and "
                "sample; number samples in a column “sample”",
                row.line,
            )

    def verdicts(self) -> Iterator[_New]:
        """One verdict for each battle and dimension, put together as runs do it."""
        for (battle, dimension), by_key in self.said.items():
            rows = list(by_key.values())
            found = find_by_comparing("", [_sample(row) for row in rows])
            p_a, p_tie, p_b = found.probabilities or (None, None, None)
            yield _New(
                battle=battle,
                dimension=dimension,
                outcome=found.outcome or "",
                samples=[_stored(row) for row in rows],
                fields={
                    "certainty": found.certainty,
                    "p_a": p_a,
                    "p_tie": p_tie,
                    "p_b": p_b,
                    "score_a": _mean([row.score_a for row in rows]),
                    "score_b": _mean([row.score_b for row in rows]),
                    "orders_agree": found.orders_agree,
                    "reason": found.reason if any(row.reason for row in rows) else "",
                },
                line=max(row.line for row in rows),
            )


def _check_columns(file: TableFile) -> None:
    names = set(file.header)
    if "outcome" not in names and names:
        raise file.refusal(f'there is no column "outcome"; it has: {", ".join(file.header)}', 1)
    if "conversation" not in names and not {"battle", "rater"} <= names and names:
        raise file.refusal('it names no conversation: "conversation", or "battle" and "rater"', 1)


def _turned(row: JudgeRow) -> JudgeRow:
    """The same row with its models exchanged."""
    return replace(
        row,
        model_a=row.model_b,
        model_b=row.model_a,
        outcome=row.outcome and MIRRORED[row.outcome],
        order="ba" if row.order == "ab" else "ab",
        probabilities=row.probabilities and row.probabilities[::-1],
        score_a=row.score_b,
        score_b=row.score_a,
    )


def _sample(row: JudgeRow) -> Sample:
    return Sample(
        row.key,
        reason=row.reason,
        order=row.order,
        outcome=row.outcome,
        certainty=row.certainty,
        probabilities=row.probabilities,
    )


def _stored(row: JudgeRow) -> dict[str, Any]:
    """A row as runs store their samples, with what it cost, which no answer of ours says."""
    return {
        **vars(_sample(row)),
        "probabilities": row.probabilities and list(row.probabilities),
        "places": [],
        "cost": row.cost,
        "seconds": row.seconds,
    }


def _mean(values: list[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return fmean(given) if given else None


def _judge(name: str, developer: str, *, at: datetime) -> tuple[Judge, bool]:
    """The imported judge of a name, and whether it is new."""
    settings = {"developer": developer} if developer else {}
    stands = Judge.objects.filter(name=name.strip()).order_by("-version").first()
    if stands is None:
        return next_version(name, protocol=Judge.IMPORTED, settings=settings, at=at), True
    if stands.protocol != Judge.IMPORTED:
        raise ImportRefusedError(
            f"The judge {stands} is asked here; give verdicts from elsewhere another name."
        )
    if developer and stands.settings != settings:
        known = stands.settings.get("developer") or "nobody"
        raise ImportRefusedError(f"The judge {stands} stands already, made by {known}.")
    return stands, False


def _run_of(judge: Judge, study: Study, file: TableFile, *, at: datetime) -> JudgeRun:
    """The run that holds what the judge said of the study, made where there is none."""
    run = study.judge_runs.filter(judge=judge).first()
    if run is not None:
        return run
    last = study.judge_runs.aggregate(last=Max("number"))["last"]
    return JudgeRun.objects.create(
        study=study,
        judge=judge,
        number=(last or 0) + 1,
        state=JudgeRun.State.FINISHED,
        selection=(_("imported from %(file)s") % {"file": file.path.name})[:200],
        started_at=at,
        ended_at=at,
    )


def _standing(run: JudgeRun) -> dict[tuple[int, int], tuple[Any, ...]]:
    rows = JudgeVerdict.objects.filter(judgement__run=run).values_list(
        "judgement__battle_id", "dimension_id", "samples", "score_a", "score_b"
    )
    return {
        (battle, dimension): (_by_key(samples), *scores)
        for battle, dimension, samples, *scores in rows
    }


def _stands(new: _New, standing: dict[tuple[int, int], tuple[Any, ...]], file: TableFile) -> bool:
    found = standing.get((new.battle, new.dimension))
    if found is None:
        return False
    if found != (_by_key(new.samples), new.fields["score_a"], new.fields["score_b"]):
        raise file.refusal(
            "the judge has said something else, or less, of this conversation already; a verdict "
            "is never changed",
            new.line,
        )
    return True


def _by_key(samples: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {sample["key"]: sample for sample in samples}


def _add(run: JudgeRun, new: list[_New], *, at: datetime) -> None:
    """Store new verdicts, with a finished judgement for each battle that has none yet."""
    JudgeRun.objects.filter(pk=run.pk).update(ended_at=at)
    ids = dict(run.judgements.values_list("battle_id", "pk"))
    battles = sorted({each.battle for each in new} - ids.keys())
    Judgement.objects.bulk_create(
        (
            Judgement(
                run=run,
                battle_id=battle,
                state=Judgement.State.FINISHED,
                due_at=at,
                finished_at=at,
            )
            for battle in battles
        ),
        batch_size=BATCH,
    )
    ids = dict(run.judgements.values_list("battle_id", "pk"))
    JudgeVerdict.objects.bulk_create(
        (
            JudgeVerdict(
                judgement_id=ids[each.battle],
                dimension_id=each.dimension,
                outcome=each.outcome,
                samples=each.samples,
                recorded_at=at,
                **each.fields,
            )
            for each in new
        ),
        batch_size=BATCH,
    )
