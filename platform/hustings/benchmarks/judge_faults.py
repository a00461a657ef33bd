"""Whether a judge's run loses or doubles a verdict, and how near it comes to its server's pace."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from hustings.benchmarks import judge_server
from hustings.benchmarks.scratch import scratch_database
from hustings.benchmarks.serving import first_line, process, serve_worker
from raters.models import (
    Battle,
    Judge,
    JudgeAnswer,
    Judgement,
    JudgeRun,
    JudgeVerdict,
    Participation,
    Rater,
    Reply,
    Turn,
)
from raters.services.judge_runs import add_judge, start_run
from studies.models import ChatModel, Dimension, Study
from studies.services import enter_contestant

DIMENSIONS: Final = ("overall", "trust", "warmth", "clarity", "tact")
FAULTS: Final = 0.05
ANSWER_S: Final = 0.25
AT_ONCE: Final = 8
# A run with a killed worker is shorter: it is about what is there in the end, not about speed.
KILLED_PART: Final = 10
GIVEN_UP_AFTER_S: Final = 1_800.0


@dataclass(frozen=True)
class Faults:
    """What a run through a faulty server, and one whose worker is killed, left in the database.

    `lost` and `doubled` count verdicts that should be there once. `throughput_ratio` is
    questions answered per second against what the server could have answered, at the same
    number at once, from the first answer to the last.
    """

    verdicts: int
    lost: int
    doubled: int
    throughput_ratio: float
    questions: int
    unreadable: int
    seconds: float
    database: str


def run(n: int) -> Faults:
    """Judge enough battles on five dimensions for `n` verdicts, and a tenth as many once more.

    In the second run the worker is killed (SIGKILL) in the middle, and another one goes on.
    """
    battles = max(n // len(DIMENSIONS), KILLED_PART)
    with _serve_judge() as base_url, scratch_database() as environment:
        study = _make_study(battles)
        judge = _make_judge(base_url)
        first = start_run(judge, study, at=timezone.now())
        with serve_worker(environment):
            _wait_until(lambda: _has_ended(first))
        _let_some_go(study, kept=battles // KILLED_PART)
        second = start_run(judge, study, at=timezone.now())
        _kill_in_the_middle(second, environment)
        expected = sum(each.judgements.count() for each in (first, second)) * len(DIMENSIONS)
        found = JudgeVerdict.objects.filter(judgement__run__in=(first, second))
        once = found.values("judgement", "dimension").distinct().count()
        return Faults(
            verdicts=expected,
            lost=expected - once,
            doubled=found.count() - once,
            throughput_ratio=round(_throughput(first) * ANSWER_S / AT_ONCE, 3),
            questions=JudgeAnswer.objects.count(),
            unreadable=JudgeAnswer.objects.exclude(error="").count(),
            seconds=round(_seconds(first), 1),
            database=connection.vendor,
        )


def _throughput(run: JudgeRun) -> float:
    return JudgeAnswer.objects.filter(judgement__run=run).count() / _seconds(run)


def _seconds(run: JudgeRun) -> float:
    answered = JudgeAnswer.objects.filter(judgement__run=run).order_by("answered_at")
    instants = answered.values_list("answered_at", flat=True)
    first, last = instants.first(), instants.last()
    if first is None or last is None:
        raise RuntimeError("The judge's server answered nothing.")
    return (last - first + timedelta(seconds=ANSWER_S)).total_seconds()


def _kill_in_the_middle(run: JudgeRun, environment: Mapping[str, str]) -> None:
    half = run.judgements.count() // 2
    done = run.judgements.filter(state=Judgement.State.FINISHED)
    with serve_worker(environment) as worker:
        _wait_until(lambda: done.count() >= half)
        worker.kill()
        worker.wait()
    with serve_worker(environment):
        _wait_until(lambda: _has_ended(run))


def _has_ended(run: JudgeRun) -> bool:
    run.refresh_from_db()
    return run.ended_at is not None


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + GIVEN_UP_AFTER_S
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"The run did not end within {GIVEN_UP_AFTER_S:.0f} s.")
        time.sleep(0.5)


@contextmanager
def _serve_judge() -> Iterator[str]:
    # By its path: as a module it would load the whole site first.
    command = (
        sys.executable, "-P", str(judge_server.__file__),
        str(ANSWER_S), str(FAULTS), ",".join(DIMENSIONS),
    )  # fmt: skip
    with process(command, dict(os.environ), stdout=subprocess.PIPE) as server:
        yield f"http://127.0.0.1:{first_line(server)}/v1"


def _make_judge(base_url: str) -> Judge:
    chat_model = ChatModel.objects.create(
        name="Beech", base_url=base_url, model_id="beech", max_concurrent=AT_ONCE
    )
    return add_judge(
        name="Beech",
        protocol="pairwise",
        settings={"orders": "both"},
        chat_models=[chat_model],
        at=timezone.now(),
    )


def _make_study(battles: int) -> Study:
    """A study with so many judged battles of one turn, each by a rater of its own."""
    study = Study.objects.create(slug="judged", title="Judged", state=Study.State.CLOSED)
    for position, key in enumerate(DIMENSIONS):
        Dimension.objects.create(
            study=study, key=key, name=key, position=position, is_overall=position == 0
        )
    side_a, side_b = (
        enter_contestant(study, name=name, chat_model=ChatModel.objects.create(name=name))
        for name in ("Ash", "Birch")
    )
    now = timezone.now()
    raters = Rater.objects.bulk_create(Rater(created_at=now) for _ in range(battles))
    participations = Participation.objects.bulk_create(
        Participation(study=study, rater=rater, state="completed", created_at=now)
        for rater in raters
    )
    fought = Battle.objects.bulk_create(
        Battle(
            participation=each, key="1", side_a=side_a, side_b=side_b, created_at=now, judged_at=now
        )
        for each in participations
    )
    turns = Turn.objects.bulk_create(
        Turn(battle=battle, number=1, text="How do I cook rice?", created_at=now)
        for battle in fought
    )
    Reply.objects.bulk_create(
        Reply(turn=turn, side=side, state="finished", text=text, due_at=now, finished_at=now)
        for turn in turns
        for side, text in (("a", "Boil it for twelve minutes."), ("b", "In water."))
    )
    return study


def _let_some_go(study: Study, *, kept: int) -> None:
    """Take the words of all battles but the first ones away, so that the next run is shorter."""
    rest = Battle.objects.filter(participation__study=study).order_by("pk")[kept:]
    Battle.objects.filter(pk__in=rest.values_list("pk", flat=True)).update(judged_at=None)
