"""Looks for fraud over all participations of a study, and tells a reviewer; it never strikes.

What needs results, as votes that no honest rater would give, is searched for by whoever has them:
see `add_search`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final, Protocol

from django.db.models import QuerySet

from raters.models import Battle, Participation, Signal, Turn
from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.fraud import SharedText, find_shared_keys, find_shared_texts
from raters.quality.words import words
from raters.services.strikes import give_signal
from studies.models import ScreenRule, Study

# So many participations from one address, or one device, are told of.
SHARED_BY: Final = 2
DIGEST_SIGNS: Final = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell of a participation; `key` names it, so that it is told once."""

    participation_id: int
    key: str
    flaw: Flaw
    battle_id: int | None = None


class Search(Protocol):
    """Looks through a study for one kind of fraud."""

    def __call__(self, study: Study) -> Iterable[Finding]:
        """What is found now, whether it has been told before or not."""


def look_for_fraud(study: Study, *, at: datetime) -> int:
    """Look through a study's participations; returns how many signals are new.

    Again finds nothing new, as long as nothing new is there.
    """
    told = set(
        Signal.objects.filter(participation__study=study).values_list("participation_id", "key")
    )
    found = {
        (finding.participation_id, finding.key): finding
        for search in _SEARCHES
        for finding in search(study)
    }
    new = [finding for name, finding in found.items() if name not in told]
    people = study.participations.in_bulk([finding.participation_id for finding in new])
    battles = Battle.objects.in_bulk([f.battle_id for f in new if f.battle_id is not None])
    given = 0
    for finding in new:
        battle = None if finding.battle_id is None else battles[finding.battle_id]
        hers = people[finding.participation_id]
        signal = give_signal(hers, finding.flaw, key=finding.key, battle=battle, at=at)
        given += signal is not None
    return given


def look_for_fraud_everywhere(*, at: datetime) -> int:
    """Look through every study that goes on; returns how many signals are new."""
    going_on = Study.objects.filter(
        state__in=[Study.State.OPEN, Study.State.PAUSED], preview_of=None
    )
    return sum(look_for_fraud(study, at=at) for study in going_on)


def threshold_of(study: Study, kind: FlawKind, default: float) -> float | None:
    """What the study's rule for this kind sets, or the default; None where it is off."""
    rule = study.screen_rules.filter(kind=kind).first()
    if rule is None:
        return default
    if rule.action == ScreenRule.Action.OFF:
        return None
    return default if rule.threshold is None else rule.threshold


def add_search(search: Search) -> None:
    """Let a search take part from now on; adding it again changes nothing."""
    if search not in _SEARCHES:
        _SEARCHES.append(search)


# Addresses and devices


def find_shared_addresses(study: Study) -> Iterator[Finding]:
    """Several participations from one address: a household, a school, or one person."""
    pairs = _hashed(study).values_list("pk", "address_hash")
    yield from _shared(
        study,
        FlawKind.SHARED_ADDRESS,
        ((str(pk), address) for pk, address in pairs),
        "{n} participations came from one network address. It may be a household, an office or "
        "a mobile network.",
    )


def find_shared_devices(study: Study) -> Iterator[Finding]:
    """Several participations from one device at one address.

    A device is told by little, and thousands have the same browser: at different addresses it
    says nothing.
    """
    rows = _hashed(study).exclude(device_hash="").values_list("pk", "address_hash", "device_hash")
    yield from _shared(
        study,
        FlawKind.SHARED_DEVICE,
        ((str(pk), f"{address} {device}") for pk, address, device in rows),
        "{n} participations came from one network address by browsers that are the same.",
    )


def _hashed(study: Study) -> QuerySet[Participation]:
    return study.participations.exclude(address_hash="").order_by()


def _shared(
    study: Study, kind: FlawKind, keys: Iterable[tuple[str, str]], evidence: str
) -> Iterator[Finding]:
    least = threshold_of(study, kind, SHARED_BY)
    if least is None:
        return
    for shared in find_shared_keys(keys, more_than=max(1, int(least) - 1)):
        n = len(shared.participations)
        flaw = Flaw(
            kind,
            evidence.format(n=n),
            "find_shared_keys",
            is_strike=False,
            figures={"participations": n},
        )
        # Told again with each doubling, so that its figure never is far from the truth.
        key = f"{kind}:{1 << (n.bit_length() - 1)}"
        for participation in shared.participations:
            yield Finding(int(participation), key, flaw)


# Texts


def find_shared_messages(study: Study) -> Iterator[Finding]:
    """Messages that several raters sent, the same or nearly, and that no task card holds."""
    if threshold_of(study, FlawKind.SHARED_TEXT, 0) is None:
        return
    known = [study.task, *study.tasks.values_list("text", flat=True)]
    messages = _messages(study)
    texts = ((str(pk), text) for pk, _, text in messages)
    shared_texts = find_shared_texts(texts, known=known)
    sharing = {int(rater) for shared in shared_texts for rater in shared.raters}
    # One rater's words in several battles are her own affair: the first is where it is shown.
    written: dict[tuple[str, tuple[str, ...]], tuple[int, str]] = {}
    for pk, battle_id, text in messages:
        if pk in sharing:
            written.setdefault((str(pk), words(text)), (battle_id, text))
    for shared in shared_texts:
        for rater, said in product(shared.raters, map(words, shared.texts)):
            if (rater, said) in written:
                battle_id, text = written[rater, said]
                yield _shared_message(int(rater), battle_id, text, shared)


def _messages(study: Study) -> QuerySet[Turn, tuple[int, int, str]]:
    # A battle that repeats an earlier one holds its words again.
    turns = Turn.objects.filter(
        battle__participation__study=study, battle__repeats=None, is_erased=False
    )
    return turns.order_by("pk").values_list("battle__participation_id", "battle_id", "text")


def _shared_message(rater: int, battle_id: int, text: str, shared: SharedText) -> Finding:
    others = len(shared.raters) - 1
    how = "word for word" if shared.similarity == 1 else "almost word for word"
    whom = "another rater" if others == 1 else f"{others} other raters"
    flaw = Flaw(
        FlawKind.SHARED_TEXT,
        f"{quote(text)} was sent by {whom} too, {how}.",
        "find_shared_texts",
        is_strike=False,
        figures={"raters": len(shared.raters), "similarity": round(shared.similarity, 3)},
    )
    digest = hashlib.sha256(" ".join(words(text)).encode()).hexdigest()[:DIGEST_SIGNS]
    return Finding(rater, f"{FlawKind.SHARED_TEXT}:{digest}", flaw, battle_id)


_SEARCHES: Final[list[Search]] = [
    find_shared_addresses,
    find_shared_devices,
    find_shared_messages,
]
