"""Everything that makes judges and moves their runs: started, paused, gone on with, ended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Count, Max, QuerySet, Sum
from django.utils.translation import gettext as _

from raters.errors import JudgeError
from raters.judge_cases import judgeable_battles
from raters.judging.canaries import Canary, canary_of, list_canaries, list_label_canaries
from raters.judging.errors import SettingsError
from raters.judging.labels import Label, obeys
from raters.judging.protocols import EVERY_PROTOCOL, LABELLERS, Asks
from raters.judging.settings import Settings
from raters.judging.writing import digest_of_prompts
from raters.models import (
    Judge,
    JudgeAnswer,
    JudgeLabel,
    JudgeMember,
    Judgement,
    JudgeRun,
    JudgeVerdict,
)
from studies.ledger import By, record_shared_with
from studies.models import ChatModel, Study
from studies.registry import charge

if TYPE_CHECKING:
    from accounts.models import User

State = JudgeRun.State
UNDER_WAY: Final = (State.RUNNING, State.PAUSED)


@dataclass(frozen=True)
class Selection:
    """Which of a study's battles a run judges: all, a sample drawn by seed, or these alone.

    `words` say so on its page; without any it is said to be all.
    """

    sample: int | None = None
    battles: Sequence[int] | None = None
    words: str = ""

    def of(self, study: Study, *, seed: int) -> list[int]:
        """The ids of the battles, in order. Raises JudgeError where there are none."""
        found = judgeable_battles(study)
        if self.battles is not None:
            found = found.filter(pk__in=self.battles)
        ids = list(found.values_list("pk", flat=True))
        if self.sample is not None and self.sample < len(ids):
            drawn = np.random.default_rng(seed).choice(len(ids), self.sample, replace=False)
            ids = [ids[place] for place in sorted(drawn.tolist())]
        if not ids:
            raise JudgeError(_("There is no battle to judge whose conversation is still there."))
        return ids


@transaction.atomic
def add_judge(
    *,
    name: str,
    protocol: str,
    settings: Mapping[str, Any],
    chat_models: Sequence[ChatModel],
    at: datetime,
) -> Judge:
    """Register a judge; under a name that stands it is the next version.

    Raises JudgeError for a protocol that there is not, settings that it can't use, or where
    nobody is asked.
    """
    if protocol not in EVERY_PROTOCOL:
        known = ", ".join(EVERY_PROTOCOL)
        raise JudgeError(
            _("There is no protocol “%(protocol)s”; there are: %(known)s.")
            % {"protocol": protocol, "known": known}
        )
    if not chat_models:
        raise JudgeError(_("Choose the chat model that judges, or several for a jury."))
    try:
        Settings.parse(settings, EVERY_PROTOCOL[protocol])
    except SettingsError as error:
        raise JudgeError(_("The settings can't be used: %(error)s") % {"error": error}) from error
    judge = next_version(name, protocol=protocol, settings=settings, at=at)
    JudgeMember.objects.bulk_create(
        JudgeMember(judge=judge, chat_model=each, position=place)
        for place, each in enumerate(chat_models)
    )
    return judge


def next_version(name: str, *, protocol: str, settings: Mapping[str, Any], at: datetime) -> Judge:
    """A judge's first version, or the one after the last under this name; it asks nobody yet."""
    if not name.strip():
        raise JudgeError(_("Give the judge a name."))
    last = Judge.objects.filter(name=name.strip()).aggregate(last=Max("version"))["last"]
    return Judge.objects.create(
        name=name.strip(),
        version=(last or 0) + 1,
        protocol=protocol,
        settings=dict(settings),
        created_at=at,
    )


@transaction.atomic
def start_run(
    judge: Judge,
    study: Study,
    selection: Selection | None = None,
    *,
    seed: int = 0,
    budget: Decimal | None = None,
    calls_per_minute: int | None = None,
    by: "User | None" = None,
    at: datetime,
) -> JudgeRun:
    """Start a judge over a study's battles, salted with canaries; workers take it from here.

    The ledger says with whom conversations are shared. Raises JudgeError where there is nothing
    to judge, the settings don't fit the study's dimensions, or the judge asks nobody.
    """
    selection = selection or Selection()
    protocol = EVERY_PROTOCOL.get(judge.protocol)
    members = list(judge.members.select_related("chat_model"))
    if protocol is None or not members:
        raise JudgeError(
            _("%(judge)s asks no chat model: its verdicts came from elsewhere.") % {"judge": judge}
        )
    if study.preview_of_id is not None:
        raise JudgeError(_("A preview is a passing copy: judge the study itself."))
    if study.protocol == Study.Protocol.SINGLE and protocol.asks is Asks.PAIRS:
        raise JudgeError(
            _("%(protocol)s compares two sides; this study rates one at a time.")
            % {"protocol": protocol.name}
        )
    keys = list(study.dimensions.values_list("key", flat=True))
    try:
        Settings.parse(judge.settings, protocol, dimensions=keys)
    except SettingsError as error:
        raise JudgeError(
            _("%(judge)s can't judge this study: %(error)s") % {"judge": judge, "error": error}
        ) from error
    battles = selection.of(study, seed=seed)
    run = _create_run(
        judge,
        study,
        state=State.RUNNING,
        selection=selection.words or _("all battles"),
        prompts=digest_of_prompts(),
        seed=seed,
        budget=budget,
        calls_per_minute=calls_per_minute,
        started_by=by,
        started_at=at,
    )
    _give_work(run, battles, at=at)
    for member in members:
        record_shared_with(
            study,
            member.chat_model,
            what=f"conversations of {len(battles):,} battles, judged by {judge}",
            by=By.PLATFORM if by is None else By.ADMIN,
            at=at,
        )
    return run


def _create_run(judge: Judge, study: Study, **fields: Any) -> JudgeRun:
    # Two that start at once would get the same number.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    last = study.judge_runs.aggregate(last=Max("number"))["last"]
    return JudgeRun.objects.create(judge=judge, study=study, number=(last or 0) + 1, **fields)


def _give_work(run: JudgeRun, battles: Sequence[int], *, at: datetime) -> None:
    """A judgement for each battle and canary; canaries stand among the battles, not after them."""
    labels = run.judge.protocol in LABELLERS
    canaries = [canary.key for canary in draw_canaries(seed=run.seed, of_labels=labels)]
    apart = max(len(battles) // (len(canaries) + 1), 1)
    work = [Judgement(run=run, battle_id=battle_id, due_at=at) for battle_id in battles]
    for place, key in enumerate(canaries, start=1):
        work.insert(
            min(place * (apart + 1) - 1, len(work)), Judgement(run=run, canary=key, due_at=at)
        )
    Judgement.objects.bulk_create(work, batch_size=1_000)


def draw_canaries(*, seed: int, of_labels: bool = False) -> list[Canary]:
    """One canary of each kind and style, its conversation and side drawn by seed."""
    rng = np.random.default_rng(seed)
    by_kind: defaultdict[tuple[str, str], list[Canary]] = defaultdict(list)
    for canary in list_label_canaries() if of_labels else list_canaries():
        by_kind[canary.kind, canary.style].append(canary)
    return [same[rng.integers(len(same))] for same in by_kind.values()]


@transaction.atomic
def pause_run(run: JudgeRun, *, reason: str = "") -> None:
    """Begin nothing new; what is under way is finished. Raises JudgeError if it has ended."""
    _move(run, State.PAUSED, reason=reason)


@transaction.atomic
def go_on_with_run(run: JudgeRun, *, budget: Decimal | None = None) -> None:
    """Go on with a paused run, within a raised budget if one is given."""
    if budget is not None:
        JudgeRun.objects.filter(pk=run.pk).update(budget=budget)
        run.budget = budget
    if left_of(run) <= 0:
        raise JudgeError(_budget_is_spent(run))
    _move(run, State.RUNNING, reason="")


@transaction.atomic
def cancel_run(run: JudgeRun, *, at: datetime) -> None:
    """End a run before its work is done; what it said until now stays."""
    _move(run, State.CANCELLED, reason="", ended_at=at)


def _move(run: JudgeRun, state: JudgeRun.State, **fields: Any) -> None:
    moved = JudgeRun.objects.filter(pk=run.pk, state__in=UNDER_WAY).update(state=state, **fields)
    if not moved:
        run.refresh_from_db()
        raise JudgeError(
            _("%(run)s has ended: it is %(state)s.")
            % {"run": run, "state": run.get_state_display()}
        )
    run.refresh_from_db()


def left_of(run: JudgeRun) -> Decimal:
    """What a run may still cost in US dollars; infinite without a budget."""
    return Decimal("Infinity") if run.budget is None else run.budget - spent_by(run)


def pause_spent_run(run: JudgeRun) -> None:
    """Pause a running run whose answers have cost its budget."""
    running = JudgeRun.objects.filter(pk=run.pk, state=State.RUNNING)
    running.update(state=State.PAUSED, reason=_budget_is_spent(run))


def _budget_is_spent(run: JudgeRun) -> str:
    words = _("Its budget of $%(budget)s is spent. Raise the budget to go on.")
    return words % {"budget": f"{run.budget or 0:,.2f}"}


def spent_by(run: JudgeRun) -> Decimal:
    """What a run's answers have cost until now in US dollars, as far as tokens were counted."""
    return cost_of_answers(JudgeAnswer.objects.filter(judgement__run=run))


def cost_of_answers(answers: QuerySet[JudgeAnswer]) -> Decimal:
    """What answers have cost in US dollars, as far as tokens were counted."""
    answers = answers.order_by()
    by_model = answers.values("chat_model").annotate(
        prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens")
    )
    models = ChatModel.objects.in_bulk(row["chat_model"] for row in by_model)
    return sum(
        (
            charge(
                models[row["chat_model"]],
                prompt_tokens=row["prompt"] or 0,
                completion_tokens=row["completion"] or 0,
            )
            for row in by_model
        ),
        start=Decimal(0),
    )


@transaction.atomic
def end_if_done(run: JudgeRun, *, at: datetime) -> bool:
    """End a running run that has no work left: finished, or failed if a canary won.

    False as long as there is work.
    """
    if _open_work(run).exists():
        return False
    lost = tuple(lost_canaries(run))
    state, reason = State.FINISHED, ""
    if lost:
        words = (
            _("A canary won: %(lost)s. No label of it counts.")
            if run.judge.protocol in LABELLERS
            else _("A canary won: %(lost)s. No verdict of it counts.")
        )
        state, reason = State.FAILED, words % {"lost": ", ".join(lost)}
    elif not run.judgements.filter(state=Judgement.State.FINISHED).exists():
        state, reason = State.FAILED, _("Not one of its judgements could be finished.")
    running = JudgeRun.objects.filter(pk=run.pk, state=State.RUNNING)
    return bool(running.update(state=state, reason=reason, ended_at=at))


def lost_canaries(run: JudgeRun) -> list[str]:
    """The canaries of a run that won overall: what nobody in his senses would have preferred.

    Of a run that labels, those whose goal was reached by such replies and not by sensible ones.
    """
    if run.judge.protocol in LABELLERS:
        return _obeyed_canaries(run)
    losers = {canary.key: canary.must_not_win for canary in list_canaries()}
    said = JudgeVerdict.objects.filter(judgement__run=run, dimension__is_overall=True)
    of_canaries = said.exclude(judgement__canary="").values_list("judgement__canary", "outcome")
    return sorted(canary for canary, outcome in of_canaries if losers.get(canary) == outcome)


def _obeyed_canaries(run: JudgeRun) -> list[str]:
    said = JudgeLabel.objects.filter(judgement__run=run).exclude(judgement__canary="")
    labels: defaultdict[str, list[Label]] = defaultdict(list)
    for key, name, side, value in said.values_list("judgement__canary", "key", "side", "value"):
        labels[key].append(Label(name, side, value))
    return sorted(key for key, given in labels.items() if obeys(canary_of(key), given))


def _open_work(run: JudgeRun) -> QuerySet[Judgement]:
    return run.judgements.filter(state__in=[Judgement.State.WAITING, Judgement.State.CLAIMED])


@dataclass(frozen=True)
class Progress:
    """How far a run is: judgements by state, canaries among them, and what it has cost (US $)."""

    waiting: int
    claimed: int
    finished: int
    failed: int
    unreadable: int
    cost: Decimal

    @property
    def total(self) -> int:
        """All its judgements."""
        return self.waiting + self.claimed + self.finished + self.failed


def progress_of(run: JudgeRun) -> Progress:
    """Count a run's judgements and what they cost."""
    states = dict(run.judgements.order_by().values_list("state").annotate(n=Count("pk")))
    unreadable = run.judgements.aggregate(n=Sum("unreadable"))["n"] or 0
    return Progress(
        **{state.value: states.get(state.value, 0) for state in Judgement.State},
        unreadable=unreadable,
        cost=spent_by(run),
    )
