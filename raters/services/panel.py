"""Everything that writes participations of live studies: places, taken and given back.

A rater needs a place in the quota of each of her groups, or of her cell. Who reserves a place
holds a lock on the study while the places taken are counted, so two never take the last one; on
SQLite transactions that write are one after the other anyway. A trigger refuses it once more,
for whoever would write a participation without counting.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.translation import gettext as _

from raters.errors import GroupsError, PlaceLostError, QuotaFullError, StudyClosedError
from raters.identities import Identity, fields_for
from raters.models import Participation, Rater
from raters.quotas import QuotaFill, fills_of, full_among
from raters.services.identities import find_participation, note_visit
from studies.models import (
    AttentionCheck,
    Axis,
    Cell,
    CompletionCode,
    ConsentText,
    Study,
    WebhookEvent,
)
from studies.services import CELL_SEPARATOR
from studies.stopping import has_ended
from studies.webhooks import announce

if TYPE_CHECKING:
    from accounts.models import User

State = Participation.State
Source = Participation.Source

# A place that is kept for a time, and then given to somebody else.
IS_KEPT: Final = (State.RESERVED, State.ACTIVE)
# Who ended like this may come again while there is a place.
MAY_COME_BACK: Final = (State.RETURNED, State.TIMED_OUT, State.SCREENED_OUT)
# How often she may answer the questions before the first battle: as many as recruiting platforms
# demand before somebody may be sent away.
COMPREHENSION_TRIES: Final = 2


def reserve_place(
    study: Study,
    *,
    recruiting_id: str,
    groups: Mapping[str, str],
    consent_text: ConsentText,
    source: str = Source.RECRUITED,
    recruiting_study: str = "",
    recruiting_session: str = "",
    address_hash: str = "",
    device_hash: str = "",
    releases_words: bool = False,
    at: datetime,
) -> Participation:
    """Keep a place for a rater, or return the participation that she has.

    `groups` names her group on every axis, by their keys; empty in a study without electorate.
    `source` is who calls her by her id. `recruiting_study` and `recruiting_session` are kept as by
    `note_visit`; the hashes are those of the browser that asks for the place
    (`raters.fingerprints`), empty where it tells nothing.
    `releases_words`: her words may be published; it counts where the study asks, and the answer
    that she gave last stands.
    There is one participation for a recruiting id. If she has a place, has completed the study
    or is struck out, it comes back as it stands, also while the study is paused, and so where
    she failed the questions before the first battle. If she left, timed out or found no place,
    she gets a place as long as there is one: a place that came
    free is not kept from somebody who asks for it. The groups that she gave first stand, so that
    nobody tries one group after another until one has a place.

    Raises StudyClosedError if the study is not open or its stopping rules have ended it,
    GroupsError, IdentityKeyError, and QuotaFullError once she is recorded as screened out. Opens
    a transaction of its own, never inside another one, which the refusal would roll back.
    """
    # Asked before the lock, for which all wait who want a place.
    is_known = find_participation(study, recruiting_id, source=source) is not None
    cell = None if is_known else _cell_of(study, groups)
    with transaction.atomic(durable=True):
        study = _lock(study)
        _release_expired(study, at)
        hers = Participation.objects.named(study, recruiting_id, source=source)
        participation = hers.select_related("study").first()
        if participation:
            note_visit(participation, study=recruiting_study, session=recruiting_session)
        if participation and participation.state in MAY_COME_BACK:
            _end_if_struck_out_since(participation, at=at)
        if participation and not may_come_back(participation):
            return participation
        if study.state != Study.State.OPEN:
            raise StudyClosedError(
                _("The study %(study)s takes nobody new: it is %(state)s.")
                % {"study": study, "state": study.state}
            )
        if has_ended(study):
            raise StudyClosedError(
                _("The study %(study)s takes nobody new: its question is answered.")
                % {"study": study}
            )
        if participation is None:
            identity = Identity(recruiting_id, recruiting_study, recruiting_session)
            participation = Participation(
                study=study,
                rater=Rater.objects.create(created_at=at),
                cell=cell or _cell_of(study, groups),
                **fields_for(study.pk, identity, source=source),
                created_at=at,
            )
        fills = fills_of(study, participation.cell)
        full = full_among(fills)
        participation.state = State.SCREENED_OUT if full else State.RESERVED
        participation.address_hash = address_hash or participation.address_hash
        participation.device_hash = device_hash or participation.device_hash
        participation.consent_text = consent_text
        participation.consented_at = at
        is_released = releases_words and study.asks_to_quote
        participation.words_released_at = at if is_released else None
        participation.kept_until = None if full else at + _keeping_time(study)
        participation.ended_at = at if full else None
        participation.save()
        if not full:
            _announce_last_places(study, fills, at=at)
    if full:
        raise QuotaFullError(participation, full)
    return participation


def keep_place(participation: Participation, *, at: datetime) -> None:
    """Keep her place longer, with each word from her. Raises PlaceLostError if it is gone."""
    kept_until = at + _keeping_time(participation.study)
    _move(participation, IS_KEPT, to=None, kept_until=kept_until)


def start(participation: Participation, *, at: datetime) -> None:
    """She begins: reserved → active. Again changes nothing; PlaceLostError if it is gone."""
    kept_until = at + _keeping_time(participation.study)
    _move(participation, (State.RESERVED,), to=State.ACTIVE, kept_until=kept_until)


def complete_participation(participation: Participation, *, at: datetime) -> None:
    """She is through: active → completed. Again changes nothing; else PlaceLostError.

    Who timed out a moment ago has no place to complete: she has to reserve one again.
    """
    _move(participation, (State.ACTIVE,), to=State.COMPLETED, kept_until=None, ended_at=at)


def return_place(participation: Participation, *, at: datetime) -> None:
    """She leaves: reserved or active → returned. Again changes nothing; else PlaceLostError."""
    _move(participation, IS_KEPT, to=State.RETURNED, kept_until=None, ended_at=at)


def screen_out(participation: Participation, *, at: datetime) -> None:
    """She did not understand what is asked: reserved → screened out, and her place goes back.

    Again changes nothing; else PlaceLostError.
    """
    _move(participation, (State.RESERVED,), to=State.SCREENED_OUT, kept_until=None, ended_at=at)


def has_failed_comprehension(participation: Participation) -> bool:
    """Whether she was screened out by the questions before the first battle, and not by a quota."""
    return (
        participation.state == State.SCREENED_OUT
        and participation.check_answers.filter(
            attention_check__kind=AttentionCheck.Kind.COMPREHENSION,
            attempt=COMPREHENSION_TRIES,
            is_passed=False,
        ).exists()
    )


def may_come_back(participation: Participation) -> bool:
    """Whether she may ask for a place again. Who failed the questions has used all her tries."""
    return participation.state in MAY_COME_BACK and not has_failed_comprehension(participation)


def strike_out(participation: Participation, *, at: datetime) -> None:
    """Her strikes have ended it: reserved or active → struck out. Again changes nothing."""
    _strike_out(participation, IS_KEPT, at=at)


def bring_back(participation: Participation, *, at: datetime) -> str:
    """Let her go on whose strikes were overturned: struck out → active, her place kept anew.

    Returns why that is not possible, for a reviewer; empty if she is back. The study must be
    locked, so that nobody else takes the place.
    """
    study = participation.study
    if study.state != Study.State.OPEN:
        return _("The study is %(state)s.") % {"state": study.get_state_display()}
    if full := full_among(fills_of(study, participation.cell)):
        return _("No place is left for %(groups)s.") % {"groups": ", ".join(full)}
    kept_until = at + _keeping_time(study)
    struck_out = (State.STRUCK_OUT,)
    _move(participation, struck_out, to=State.ACTIVE, kept_until=kept_until, ended_at=None)
    return ""


def release_expired_places(*, at: datetime) -> int:
    """Give back every place without a word in time; returns how many.

    A study at a time, each under its lock: two that release the same rows in another order
    would wait for each other for ever.
    """
    studies = Study.objects.filter(
        participations__state__in=IS_KEPT, participations__kept_until__lt=at
    )
    released = 0
    for study in studies.distinct():
        with transaction.atomic():
            released += _release_expired(_lock(study), at)
    return released


def completion_code_for(participation: Participation) -> CompletionCode | None:
    """The code for how she ended, if she has ended and the study has one for it."""
    return code_of(participation.study, participation.state)


def code_of(study: Study, outcome: str) -> CompletionCode | None:
    """The study's code for this end, if it has one."""
    return study.completion_codes.filter(outcome=outcome).first()


def account_id(user: "User") -> str:
    """What stands in place of a recruiting platform's id for somebody who has signed in."""
    return str(user.pk)


def _lock(study: Study) -> Study:
    """The study as it stands, locked until the end of the transaction.

    Not against what only refers to it: battles and verdicts come in meanwhile.
    """
    return Study.objects.select_for_update(no_key=True).get(pk=study.pk)


def _release_expired(study: Study, at: datetime) -> int:
    expired = study.participations.filter(state__in=IS_KEPT, kept_until__lt=at)
    return expired.update(state=State.TIMED_OUT, kept_until=None, ended_at=at)


def _end_if_struck_out_since(participation: Participation, *, at: datetime) -> None:
    """Strikes may come after she has left, and then count once she wants to go on."""
    if participation.strikes.active().count() >= participation.study.strikes_allowed:
        _strike_out(participation, MAY_COME_BACK, at=at)


@transaction.atomic
def _strike_out(participation: Participation, sources: Sequence[State], *, at: datetime) -> None:
    _move(participation, sources, to=State.STRUCK_OUT, kept_until=None, ended_at=at)
    facts = {"rater": participation.rater.code, "because": "struck_out"}
    key = f"struck_out:{participation.pk}"
    announce(participation.study, WebhookEvent.Kind.REVIEW_WAITING, facts, key=key, at=at)


def _cell_of(study: Study, groups: Mapping[str, str]) -> Cell | None:
    """The cell of somebody in these groups; None in a study without an electorate."""
    axes = Axis.objects.filter(electorate__studies=study).order_by("position")
    keys = [axis.key for axis in axes]
    if groups.keys() != set(keys):
        wanted = ", ".join(keys) or _("no groups")
        raise GroupsError(
            _("The study %(study)s needs one group of each axis: %(wanted)s.")
            % {"study": study, "wanted": wanted}
        )
    if not keys:
        return None
    key = CELL_SEPARATOR.join(groups[axis] for axis in keys)
    cell = Cell.objects.filter(electorate__studies=study, key=key).first()
    if cell is None:
        raise GroupsError(
            _("The study %(study)s knows no such groups: %(groups)s.")
            % {"study": study, "groups": key}
        )
    return cell


def _announce_last_places(study: Study, fills: Iterable[QuotaFill], *, at: datetime) -> None:
    """Tell of quotas in which one place was left before it was taken, once for each target.

    By the counts that were taken under the lock: whoever waits for it waits for every query.
    """
    for fill in fills:
        if fill.taken + 1 < fill.target:
            continue
        group, its_cell = fill.quota.group, fill.quota.cell
        facts = {
            "axis": group.axis.key if group else "",
            "group": group.key if group else "",
            "cell": its_cell.key if its_cell else "",
            "places": fill.target,
            "completed": fill.completed,
        }
        key = f"{fill.quota.pk}:{fill.target}"
        announce(study, WebhookEvent.Kind.QUOTA_FULL, facts, key=key, at=at)


def _keeping_time(study: Study) -> timedelta:
    return timedelta(minutes=study.reservation_minutes)


def _move(
    participation: Participation,
    sources: Sequence[State],
    *,
    to: State | None,
    **facts: datetime | None,
) -> None:
    """Change a participation if it is in one of `sources`, whatever another tab has done.

    If it is in the state `to` already, nothing changes. Raises PlaceLostError for any other.
    """
    changes = {"state": to, **facts} if to else facts
    if Participation.objects.filter(pk=participation.pk, state__in=sources).update(**changes):
        for name, value in changes.items():
            setattr(participation, name, value)
        return
    participation.refresh_from_db(fields=["state", "kept_until", "ended_at"])
    if participation.state != to:
        raise PlaceLostError(
            _("There is no place to go on with: the participation is %(state)s.")
            % {"state": participation.get_state_display()}
        )
