"""Folds new verdicts into the live standings of a study's tournaments."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import Count, Sum

from leaderboards.models import Fold, Standing, Tournament
from leaderboards.ranking.outcomes import FloatArray, count_outcomes, tally
from leaderboards.ranking.trueskill import (
    TrueSkillParameters,
    draw_margin,
    estimate_draw_probability,
    fold,
)
from leaderboards.tallies import Tallies
from leaderboards.verdicts import Frame, Verdicts, is_after, read_in_order
from raters.models import Verdict
from studies.models import Study

PARAMETERS: Final = TrueSkillParameters()


@dataclass
class _State:
    """The standings of T tournaments as arrays: skills (T, K), and what they were folded from."""

    tournaments: list[Tournament]
    mu: FloatArray
    sigma: FloatArray
    tallies: Tallies


@transaction.atomic
def fold_standings(study: Study) -> int:
    """Fold the verdicts that are new into the study's standings; returns how many there were.

    Where what was folded is no longer what counts (an exclusion came or went, a rule began or
    ceased to speak of somebody, a transaction committed late a verdict that belongs before
    others, a contestant or dimension was added), everything is folded anew.
    """
    progress, _ = Fold.objects.select_for_update().get_or_create(study=study)
    last = Verdict.objects.of(study).values_list("recorded_at", "pk").last()
    if last is None:
        return 0
    frame = Frame.of(study)
    done, state = _resume(progress, frame)
    if last == done:
        return 0
    verdicts = read_in_order(frame, frame.dimensions, after=done, until=last)
    state = state or _new_state(frame, verdicts)
    _fold_into(state, frame, verdicts)
    _store(state, frame)
    progress.tallies = state.tallies.packed(frame)
    progress.recorded_at, progress.verdict_id = last
    # What was read, not what the database counts now: they differ if a verdict came meanwhile.
    progress.verdicts = (progress.verdicts if done else 0) + len(verdicts.times)
    _count, progress.exclusions = _counted(study, last)
    progress.save()
    return len(verdicts.times)


def _resume(progress: Fold, frame: Frame) -> tuple[tuple[datetime, int] | None, _State | None]:
    """Where the last fold ended and the standings it left, or nothing if they hold no longer."""
    if progress.recorded_at is None:
        return None, None
    done = (progress.recorded_at, progress.verdict_id)
    if _counted(progress.study, done) != (progress.verdicts, progress.exclusions):
        return None, None
    state = _stored_state(progress, frame)
    return (done, state) if state else (None, None)


def _counted(study: Study, last: tuple[datetime, int]) -> tuple[int, str]:
    """How many verdicts count up to this one, and a digest of the exclusions and of which count.

    Under a rule a rater's verdicts may cease to count while as many of another's begin to: their
    number stays, and the sum of their keys doesn't.
    """
    active = study.exclusions.active().order_by("pk").values_list("pk", flat=True)
    counted = (
        Verdict.objects.counting(study)
        .exclude(is_after(*last))
        .aggregate(verdicts=Count("pk"), keys=Sum("pk", default=0))
    )
    told = f"{','.join(map(str, active))};{int(counted['keys'])}"
    return counted["verdicts"], hashlib.sha256(told.encode()).hexdigest()


def _new_state(frame: Frame, verdicts: Verdicts) -> _State:
    """Nobody has met anybody; each dimension's draw probability is that of its verdicts."""
    keys = [(dimension, group) for dimension in frame.dimensions for group in (None, *frame.groups)]
    counts = count_outcomes(
        verdicts.a,
        verdicts.b,
        verdicts.outcome,
        contestants=len(frame.contestants),
        tournament=verdicts.dimension,
        tournaments=len(frame.dimensions),
    )
    draws = {
        dimension.pk: estimate_draw_probability(counts[d])
        for d, dimension in enumerate(frame.dimensions)
    }
    Tournament.objects.filter(study=frame.study).delete()
    tournaments = Tournament.objects.bulk_create(
        Tournament(
            study=frame.study,
            dimension=dimension,
            group=group,
            draw_probability=draws[dimension.pk],
        )
        for dimension, group in keys
    )
    shape = (len(keys), len(frame.contestants))
    return _State(
        tournaments=tournaments,
        mu=np.full(shape, PARAMETERS.mu),
        sigma=np.full(shape, PARAMETERS.sigma),
        tallies=Tallies.none(frame),
    )


def _stored_state(progress: Fold, frame: Frame) -> _State | None:
    """The standings as they were left; None where a dimension or contestant has come since."""
    stored = {(t.dimension_id, t.group_id): t for t in Tournament.objects.filter(study=frame.study)}
    groups = (None, *(group.pk for group in frame.groups))
    keys = [(dimension.pk, group) for dimension in frame.dimensions for group in groups]
    rows = list(
        Standing.objects.filter(tournament__study=frame.study)
        .order_by("tournament_id", "contestant__slug")
        .values_list("tournament_id", "mu", "sigma")
    )
    tallies = Tallies.unpacked(bytes(progress.tallies), frame)
    if (
        tallies is None
        or set(keys) != stored.keys()
        or len(rows) != len(keys) * len(frame.contestants)
    ):
        return None
    values = np.array(rows, float).reshape(len(keys), len(frame.contestants), 3)
    # The rows are in the order of the tournaments' ids, the arrays in that of the frame.
    tournaments = [stored[key] for key in keys]
    order = np.searchsorted(sorted(t.pk for t in tournaments), [t.pk for t in tournaments])
    values = values[order]
    return _State(
        tournaments=tournaments,
        mu=values[:, :, 1],
        sigma=values[:, :, 2],
        tallies=tallies,
    )


def _fold_into(state: _State, frame: Frame, verdicts: Verdicts) -> None:
    """Advance a state by verdicts in the order of recording."""
    belongs = frame.tournaments_of(verdicts.cell)
    tournaments_each = 1 + len(frame.groups)
    tournament = np.concatenate([verdicts.dimension * tournaments_each + t for t in belongs])
    a, b, outcome = (
        np.tile(column, len(belongs)) for column in (verdicts.a, verdicts.b, verdicts.outcome)
    )
    margins = [draw_margin(t.draw_probability, beta=PARAMETERS.beta) for t in state.tournaments]
    state.mu, state.sigma = fold(
        state.mu,
        state.sigma,
        tournament,
        a,
        b,
        outcome,
        beta=np.full(len(margins), PARAMETERS.beta),
        margin=np.array(margins),
    )
    state.tallies = state.tallies.with_verdicts(frame, verdicts)


def _store(state: _State, frame: Frame) -> None:
    record = tally(state.tallies.counts)
    wins, losses, ties = (
        each.reshape(state.mu.shape) for each in (record.wins, record.losses, record.ties)
    )
    Standing.objects.bulk_create(
        [
            Standing(
                tournament=tournament,
                contestant=contestant,
                mu=float(state.mu[t, k]),
                sigma=float(state.sigma[t, k]),
                wins=int(wins[t, k]),
                losses=int(losses[t, k]),
                ties=int(ties[t, k]),
            )
            for t, tournament in enumerate(state.tournaments)
            for k, contestant in enumerate(frame.contestants)
        ],
        update_conflicts=True,
        unique_fields=["tournament", "contestant"],
        update_fields=["mu", "sigma", "wins", "losses", "ties"],
        batch_size=1000,
    )
