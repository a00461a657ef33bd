"""Plays a study with simulated raters, who walk through it as people do: by the same services.

A place in the quotas, checks, battles from the queue, messages, replies, verdicts, the end; and
between them the fold, the stopping rules and the refill of the queue, which tasks do otherwise.
No bell rings: what it would ask a worker for is done here.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from types import FrameType
from typing import Final

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.scheduling.refill import refill_queue
from leaderboards.scheduling.stopping import look
from leaderboards.services.standings import fold_standings
from raters.errors import PlaceLostError, QuotaFullError, RaterError, StudyClosedError
from raters.identities import unseal
from raters.models import Battle, Outcome, Participation
from raters.quality.agreement import SWAPPED
from raters.quotas import places
from raters.services.battles import give_verdicts, next_battle, send_message
from raters.services.checks import answer_comprehension, items_of, read_comprehension
from raters.services.panel import (
    IS_KEPT,
    complete_participation,
    reserve_place,
    start,
)
from raters.services.simulated import answer_as_simulated, skip_screens, without_bells
from raters.simulation import Cells, FloatArray, Population, draw_skills, rater_id, vote
from studies.models import AttentionCheck, Study
from studies.simulated import require_simulated

State = Participation.State

# Streams of one seed: 0 is the truth (`raters.simulation`).
WHO_COMES, VOTES, TURNS, QUEUE = 1, 2, 3, 4
MESSAGES: Final = (
    "I would like to plan a simple meal for two people this evening. What do you suggest?",
    "Good. Which of the ingredients can be prepared in the morning already?",
    "And what would you change in it for somebody who eats no meat?",
)


@dataclass(frozen=True)
class Plan:
    """How many raters take part, how many of them are inside at once, and what they are like.

    The queue is refilled, after a fold, every so many battles. `seed` draws the truth, the raters
    and what the queue leaves to chance.
    """

    raters: int
    at_once: int = 20
    refill_every: int = 50
    seed: int = 1
    population: Population = field(default_factory=Population)

    def __post_init__(self) -> None:
        """Refuse a plan that plays nothing."""
        if min(self.raters, self.at_once, self.refill_every) < 1:
            raise RaterError(_("Ask for at least one rater, one at once, and one battle a refill."))
        if self.seed < 0:
            raise RaterError(_("A seed is a whole number of at least 0."))

    @property
    def truth(self) -> str:
        """What tells the truth that the raters vote by: kept with each participation."""
        told = json.dumps(asdict(self.population), sort_keys=True)
        population = sha256(told.encode()).hexdigest()[:12]
        return f"simulated, seed {self.seed}, population {population}"


@dataclass
class Progress:
    """What a run has added until now. `battles` are those that count, `verdicts` theirs.

    `raters` took part, `known` of the plan's had been there before; `turned_away` found no place,
    or failed the questions before the first battle.
    """

    known: int = 0
    raters: int = 0
    turned_away: int = 0
    completed: int = 0
    struck_out: int = 0
    battles: int = 0
    verdicts: int = 0
    seconds: float = 0.0
    is_interrupted: bool = False


@dataclass
class _Rater:
    """One who has a place. `cell` is an index; `battle` the one that she is in."""

    number: int
    participation: Participation
    cell: int
    is_careless: bool
    battle: Battle = field(init=False)


def play(
    study: Study,
    plan: Plan,
    *,
    at: datetime,
    after_fold: Callable[[Progress], None] | None = None,
) -> Progress:
    """Let simulated raters take part in an open, simulated study, until as many did as planned.

    They are numbered, and who was there before does not come again: a second run of the same plan
    adds nothing, and one of more raters adds those. It ends early where no place is left or the
    stopping rules end the study, and by Ctrl-C: then nobody new comes in, and who is inside goes
    on to the end. Killed, it leaves whole verdicts, and the next run lets them go on. Raises
    RaterError where raters of another truth have been there.
    """
    require_simulated(study)
    _require_one_truth(study, plan)
    with _interruptions() as interrupted:
        run = _Run(study, plan, interrupted, at=at)
        run.fold_and_refill()
        run.come_back()
        run.look_for_places()
        while run.inside or run.has_room:
            while run.has_room:
                run.admit()
            if run.inside:
                run.go_on()
            if run.is_fold_due:
                run.fold_and_refill()
                if after_fold is not None:
                    after_fold(run.progress)
                run.look_for_places()
        run.progress.is_interrupted = interrupted.is_set()
    return run.progress


def _require_one_truth(study: Study, plan: Plan) -> None:
    kept = study.participations.exclude(state=State.WITHDRAWN).values_list("identity_sealed")
    truths = (unseal(sealed).recruiting_study for (sealed,) in kept.order_by("pk").iterator())
    other = next((truth for truth in truths if truth != plan.truth), None)
    if other is not None:
        raise RaterError(
            _(
                "The study %(study)s has other raters already (%(others)s), and these would be: "
                "%(these)s. They vote by another truth, so that no figure would mean anything: "
                "play with the same seed and population, or in a study of its own."
            )
            % {"study": study.slug, "others": other or _("unknown ones"), "these": plan.truth}
        )


@contextmanager
def _interruptions() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second one interrupts as ever."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.getsignal(signal.SIGINT)

    def note(_signal: int, _frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Run:
    """The state of one run."""

    def __init__(
        self, study: Study, plan: Plan, interrupted: threading.Event, *, at: datetime
    ) -> None:
        self.progress = Progress()
        self.inside: list[_Rater] = []
        self._study, self._plan, self._interrupted = study, plan, interrupted
        self._began_at, self._begun = at, time.monotonic()
        self._consent = study.consent_texts.latest("version")
        self._dimensions = list(study.dimensions.order_by("position", "key"))
        self._cells = Cells.of(study)
        self._likely = self._cells.eager(plan.population.eagerness)
        self._full = np.zeros(len(self._likely), bool)
        self._skills: dict[int, FloatArray] = {}
        self._turns = np.random.default_rng([plan.seed, TURNS])
        self._has_ended = False
        self._came = study.participations.count()
        # Who is inside comes back, and is counted then.
        gone = study.participations.exclude(state__in=[*IS_KEPT, State.SCREENED_OUT])
        self.progress.known = gone.count()
        judged = Battle.objects.filter(participation__study=study, judged_at__isnull=False)
        self._judged_before = judged.count()
        self._folded = 0

    @property
    def has_room(self) -> bool:
        """Whether somebody else is to come in."""
        missing = self._plan.raters - self.progress.known - self.progress.raters
        is_open = not (self._has_ended or self._full.all() or self._interrupted.is_set())
        return missing > 0 and is_open and len(self.inside) < self._plan.at_once

    @property
    def is_fold_due(self) -> bool:
        """Whether so many battles are new, or nobody is left who could bring more."""
        new = self.progress.battles - self._folded
        return new >= self._plan.refill_every or not (self.inside or self.has_room)

    def come_back(self) -> None:
        """Let those go on who were inside when an earlier run was killed."""
        kept = self._study.participations.filter(state__in=IS_KEPT).select_related("cell")
        for hers in kept.order_by("pk"):
            number = int(hers.identity.recruiting_id.rpartition("-")[2])
            cell = self._cells.keys.index(hers.cell.key if hers.cell else "")
            self._enter(_Rater(number, hers, cell, self._is_careless(self._person(number))))

    def admit(self) -> None:
        """Let the next one ask for a place."""
        number, self._came = self._came, self._came + 1
        person = self._person(number)
        is_careless = self._is_careless(person)
        # Recruiting platforms send nobody whose groups are known to be full.
        likely = np.where(self._full, 0.0, self._likely)
        cell = int(person.choice(len(likely), p=likely / likely.sum()))
        try:
            hers = reserve_place(
                self._study,
                recruiting_id=rater_id(self._plan.seed, number),
                recruiting_study=self._plan.truth,
                groups=self._cells.groups_of(cell),
                consent_text=self._consent,
                at=self._now(),
            )
        except QuotaFullError:
            self.progress.turned_away += 1
            self.look_for_places()
        except StudyClosedError:
            self._has_ended = True
        else:
            self._enter(_Rater(number, hers, cell, is_careless))

    def go_on(self) -> None:
        """One of those inside judges her battle, and goes into the next one or is through."""
        rater = self.inside[self._turns.integers(len(self.inside))]
        with without_bells():
            self._judge(rater)
            self._move(rater)

    def fold_and_refill(self) -> None:
        """What tasks do between battles."""
        fold_standings(self._study)
        look(self._study, at=self._now(), forecasts=0)
        judged = self._judged_before + self.progress.battles
        seed = np.random.default_rng([self._plan.seed, QUEUE, judged]).integers(2**32)
        refill_queue(self._study, at=self._now(), seed=int(seed))
        self._folded = self.progress.battles
        self.progress.seconds = time.monotonic() - self._begun

    def look_for_places(self) -> None:
        """Find out which cells (C,) have a group, or are themselves, without a place left."""
        full = np.zeros(len(self._likely), bool)
        column = {group.pk: 1 + g for g, group in enumerate(self._cells.groups)}
        for fill in places(self._study):
            if fill.is_full and fill.quota.group_id is not None:
                full |= (self._cells.columns == column[fill.quota.group_id]).any(axis=1)
            elif fill.is_full and fill.quota.cell is not None:
                full[self._cells.keys.index(fill.quota.cell.key)] = True
        self._full = full

    def _enter(self, rater: _Rater) -> None:
        """She answers what is asked before the first battle, and begins it."""
        with without_bells():
            if not self._understands(rater):
                self.progress.turned_away += 1
                return
            start(rater.participation, at=self._now())
            self.progress.raters += 1
            self.inside.append(rater)
            self._move(rater)

    def _understands(self, rater: _Rater) -> bool:
        """Whether she passes the questions before the first battle."""
        hers, chance = rater.participation, self._chance_of(rater, battle=0)
        asked = read_comprehension(hers)
        while not asked.is_passed and asked.tries_left:
            answers = {check.pk: self._answer(rater, check, chance) for check in asked.checks}
            attempt, at = asked.attempt, self._now()
            asked = answer_comprehension(hers, answers=answers, attempt=attempt, at=at)
        return asked.is_passed

    def _judge(self, rater: _Rater) -> None:
        """She talks in her battle and gives her verdicts."""
        battle, chance = rater.battle, self._chance_of(rater, battle=int(rater.battle.key))
        if battle.repeats is None:
            self._talk(battle)
        items = items_of(battle)
        outcomes = self._outcomes(rater, chance)
        give_verdicts(
            battle,
            outcomes=outcomes,
            items={item.check.pk: self._answer(rater, item.check, chance) for item in items},
            at=self._now(),
        )
        skip_screens(battle)
        if battle.attention_check_id is None:
            self.progress.battles += 1
            self.progress.verdicts += len(outcomes)

    def _talk(self, battle: Battle) -> None:
        """As many messages as have to be, each with its replies."""
        for number in range(1, self._study.min_turns + 1):
            text = MESSAGES[(number - 1) % len(MESSAGES)]
            turn = send_message(battle, text=text, number=number, at=self._now())
            answer_as_simulated(turn, at=self._now())

    def _move(self, rater: _Rater) -> None:
        """Into her next battle, or out."""
        hers, seed = rater.participation, int(self._turns.integers(2**32))
        try:
            battle = next_battle(hers, at=self._now(), seed=seed)
        except PlaceLostError:
            # A check of hers was the strike too many, and her place is free again.
            hers.refresh_from_db(fields=["state"])
            self.progress.struck_out += hers.state == State.STRUCK_OUT
            self.inside.remove(rater)
            self.look_for_places()
            return
        if battle is not None:
            rater.battle = battle
            return
        complete_participation(hers, at=self._now())
        self.progress.completed += 1
        self.inside.remove(rater)

    def _outcomes(self, rater: _Rater, chance: np.random.Generator) -> dict[str, str]:
        """What she finds on each dimension, by its key."""
        battle, careless = rater.battle, rater.is_careless
        lead = self._skill(battle.side_a_id, rater) - self._skill(battle.side_b_id or 0, rater)
        found = vote(chance, lead, self._plan.population, is_careless=careless)
        keys = [dimension.key for dimension in self._dimensions]
        if careless or battle.attention_check_id is None:
            return dict(zip(keys, found, strict=True))
        if battle.repeats is not None:
            said = battle.repeats.verdicts.values_list("dimension__key", "outcome")
            return {key: SWAPPED[outcome] for key, outcome in said}
        whole = Outcome.B if battle.broken_side == Outcome.A else Outcome.A
        return dict.fromkeys(keys, whole.value)

    def _answer(self, rater: _Rater, check: AttentionCheck, chance: np.random.Generator) -> str:
        """To an attention check: what fits, or whatever a careless rater hits."""
        answers = check.answers_for(self._study.protocol)
        hit = answers[int(chance.integers(len(answers)))]
        return hit if rater.is_careless else next(a for a in answers if check.accepts(a))

    def _skill(self, contestant: int, rater: _Rater) -> FloatArray:
        """A contestant's skill in her eyes, on each dimension (D,)."""
        if contestant not in self._skills:
            slug = self._study.contestants.values_list("slug", flat=True).get(pk=contestant)
            drawn = draw_skills(
                self._cells,
                [slug],
                dimensions=len(self._dimensions),
                population=self._plan.population,
                seed=self._plan.seed,
            )
            self._skills[contestant] = drawn[:, :, 0]
        skill: FloatArray = self._skills[contestant][:, self._cells.columns[rater.cell]].sum(axis=1)
        return skill

    def _now(self) -> datetime:
        return self._began_at + timedelta(seconds=time.monotonic() - self._begun)

    def _person(self, number: int) -> np.random.Generator:
        """What decides who a rater is, whoever came before her."""
        return np.random.default_rng([self._plan.seed, WHO_COMES, number])

    def _is_careless(self, person: np.random.Generator) -> bool:
        return bool(person.random() < self._plan.population.careless)

    def _chance_of(self, rater: _Rater, *, battle: int) -> np.random.Generator:
        """What decides how she answers in one of her battles, whatever happens between them."""
        return np.random.default_rng([self._plan.seed, VOTES, rater.number, battle])
