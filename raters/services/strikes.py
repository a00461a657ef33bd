"""Everything that writes strikes and signals: given, objected to, and decided by a reviewer.

What ends a participation here is never the end of it: a person looks at each of its strikes, and
until then nothing is decided about her pay (`Participation.objects.awaiting_review`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from raters.errors import ObjectionRefusedError
from raters.models import Battle, Participation, Signal, Strike, Turn
from raters.quality.flaws import Flaw
from raters.quality.lenience import is_forgiven
from raters.services.panel import IS_KEPT, bring_back, strike_out
from studies.models import Study, WebhookEvent
from studies.webhooks import announce

if TYPE_CHECKING:
    from accounts.models import User

State = Participation.State
Decision = Strike.Decision

LONGEST_OBJECTION: Final = 2_000
# How the key of a signal begins that could have been a strike, and was forgiven.
SLIP: Final = "slip:"


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer's decision has led to, in `words` for the reviewer.

    `is_back`: she was struck out, and is in the study again. `is_pay_due`: too few strikes are
    left to have ended it, but she can't come back, so that she has to be paid.
    """

    words: str
    is_back: bool = False
    is_pay_due: bool = False


@transaction.atomic
def give_strike(
    participation: Participation,
    flaw: Flaw,
    *,
    key: str,
    battle: Battle | None = None,
    turn: Turn | None = None,
    at: datetime,
) -> Strike | None:
    """Strike a rater for a flaw; the one that makes it as many as the study allows ends her part.

    `key` names what is flawed within her participation. Where a strike of this key is on record,
    whatever became of it, and where she has withdrawn all she said, nothing is given, and None
    is returned. Who has ended already keeps her end. ValueError for a flaw that is a signal only.
    """
    if not flaw.is_strike:
        raise ValueError(f"{flaw.screen} found a signal for a reviewer, which is no strike.")
    hers = _lock(participation)
    if hers.state == State.WITHDRAWN:
        return None
    strike, is_new = Strike.objects.get_or_create(
        participation=hers,
        key=key,
        defaults={
            "kind": flaw.kind,
            "battle": battle,
            "turn": turn,
            "evidence": flaw.evidence,
            "screen": flaw.screen,
            "screen_version": flaw.version,
            "created_at": at,
        },
    )
    if not is_new:
        return None
    _end_if_struck_out(hers, at=at)
    return strike


@transaction.atomic
def strike_or_forgive(
    participation: Participation,
    flaw: Flaw,
    *,
    key: str,
    battle: Battle | None = None,
    turn: Turn | None = None,
    at: datetime,
) -> bool:
    """Strike a rater for a flaw unless it may be an honest slip: of that a reviewer is told.

    The first ones of a kind are slips, as many as `raters.quality.lenience` says. Returns
    whether a strike is on record for it; again, it stays what it was.
    """
    # Two at a time would both count before either has written.
    hers, slip = _lock(participation), f"{SLIP}{key}"
    if not hers.signals.filter(key=slip).exists():
        strikes = hers.strikes.active().filter(kind=flaw.kind).exclude(key=key).count()
        slips = hers.signals.filter(kind=flaw.kind, key__startswith=SLIP).count()
        is_on_record = hers.strikes.filter(key=key).exists()
        if not is_on_record and is_forgiven(flaw.kind, earlier=strikes + slips):
            give_signal(hers, flaw, key=slip, battle=battle, at=at)
        else:
            give_strike(hers, flaw, key=key, battle=battle, turn=turn, at=at)
    return hers.strikes.filter(key=key).exists()


@transaction.atomic
def give_signal(
    participation: Participation,
    flaw: Flaw,
    *,
    key: str,
    battle: Battle | None = None,
    at: datetime,
) -> Signal | None:
    """Tell a reviewer of a flaw, once for each key; None as with `give_strike`."""
    hers = _lock(participation)
    if hers.state == State.WITHDRAWN:
        return None
    signal, is_new = Signal.objects.get_or_create(
        participation=hers,
        key=key,
        defaults={
            "kind": flaw.kind,
            "battle": battle,
            "evidence": flaw.evidence,
            "figures": dict(flaw.figures),
            "screen": flaw.screen,
            "screen_version": flaw.version,
            "created_at": at,
        },
    )
    return signal if is_new else None


def see_strike(strike: Strike, *, at: datetime) -> None:
    """She has read it. Again changes nothing."""
    Strike.objects.filter(pk=strike.pk, seen_at=None).update(seen_at=at)
    strike.refresh_from_db(fields=["seen_at"])


@transaction.atomic
def object_to_strike(strike: Strike, *, text: str, at: datetime) -> Strike:
    """Keep what she says against a strike, once; it is read by whoever decides.

    Sent again with the same words nothing changes. She may also object to what was confirmed
    before she did: then it is to be decided again. Raises ObjectionRefusedError.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    hers = _lock(strike.participation)
    strike.refresh_from_db()
    if hers.state == State.WITHDRAWN or strike.decision == Decision.OVERTURNED:
        raise ObjectionRefusedError(
            _("This strike counts no more, so there is nothing to object to.")
        )
    if strike.objected_at is not None:
        if strike.objection == text:
            return strike
        raise ObjectionRefusedError(_("You have objected already; a person will read it."))
    if not text:
        raise ObjectionRefusedError(_("Say in your own words why you think that this is wrong."))
    if len(text) > LONGEST_OBJECTION:
        words = _("Your words have %(signs)s characters; %(most)s are the most.")
        signs, most = (
            number_format(n, force_grouping=True) for n in (len(text), LONGEST_OBJECTION)
        )
        raise ObjectionRefusedError(words % {"signs": signs, "most": most})
    strike.objection, strike.objected_at = text, at
    strike.seen_at = strike.seen_at or at
    strike.save(update_fields=["objection", "objected_at", "seen_at"])
    facts = {"rater": hers.rater.code, "because": "objection"}
    key = f"objection:{strike.pk}"
    announce(hers.study, WebhookEvent.Kind.REVIEW_WAITING, facts, key=key, at=at)
    return strike


def confirm_strike(strike: Strike, *, by: "User", note: str = "", at: datetime) -> Review:
    """A reviewer holds that the strike is right; `note` is for the rater too.

    A strike that was overturned counts again.
    """
    return _decide(strike, Decision.CONFIRMED, by=by, note=note, at=at)


def overturn_strike(strike: Strike, *, by: "User", note: str = "", at: datetime) -> Review:
    """A reviewer holds that the strike is wrong: it stays on record and counts no more.

    If the strikes that are left would not have ended her part, she is back where she was, as
    far as the study is open and has places for her groups; the review says which.
    """
    return _decide(strike, Decision.OVERTURNED, by=by, note=note, at=at)


@transaction.atomic
def _decide(strike: Strike, decision: Decision, *, by: "User", note: str, at: datetime) -> Review:
    # The study first, as everything does that locks both: two would wait for each other.
    study_id = strike.participation.study_id
    study = Study.objects.select_for_update(no_key=True).get(pk=study_id)
    hers = _lock(strike.participation)
    strike.refresh_from_db()
    strike.decision, strike.decided_by, strike.decided_at = decision, by, at
    strike.note = "" if hers.state == State.WITHDRAWN else note.strip()
    strike.save(update_fields=["decision", "decided_by", "decided_at", "note"])
    is_over = hers.strikes.active().count() >= study.strikes_allowed
    if decision == Decision.CONFIRMED:
        if is_over and hers.state in IS_KEPT:
            strike_out(hers, at=at)
            return Review(_("Confirmed. With it her part in the study has ended."))
        return Review(_("Confirmed."))
    if hers.state != State.STRUCK_OUT:
        return Review(_("Overturned."))
    if is_over:
        return Review(_("Overturned. The strikes that are left would have ended her part as well."))
    reason = bring_back(hers, at=at)
    if reason:
        return Review(
            _("Overturned. She can't come back: %(reason)s Her pay is due.") % {"reason": reason},
            is_pay_due=True,
        )
    return Review(_("Overturned. She is back in the study."), is_back=True)


def _end_if_struck_out(participation: Participation, *, at: datetime) -> None:
    allowed = participation.study.strikes_allowed
    if participation.state in IS_KEPT and participation.strikes.active().count() >= allowed:
        strike_out(participation, at=at)


def _lock(participation: Participation) -> Participation:
    """The participation as it stands, locked: what counts her strikes goes one by one."""
    locked = Participation.objects.select_for_update(of=("self",)).select_related("study")
    return locked.get(pk=participation.pk)
