"""Everything that writes a study's ledger, and how it is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from studies import chain
from studies.errors import LedgerError
from studies.models import ChatModel, LedgerEntry, Study
from studies.providers import BOT_SCHEME
from studies.registry import pinned_digest
from studies.rules import differences, rules_of

By = LedgerEntry.By
Kind = LedgerEntry.Kind


@transaction.atomic
def record(
    study: Study, kind: LedgerEntry.Kind, facts: Mapping[str, Any], *, by: By, at: datetime
) -> LedgerEntry | None:
    """Append a fact to a study's ledger, in the transaction of the service that writes the fact.

    `facts` are public: no person, nothing secret, no fraction (`studies.chain`). A preview has no
    ledger, and None is returned.
    """
    # Two entries that are written at once must not follow the same one.
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if locked.preview_of_id is not None:
        return None
    last = head(study)
    number, previous = (last.number + 1, last.digest) if last else (1, chain.NOTHING)
    said = {"by": by.value, **facts}
    digest = chain.digest_of(
        locked.slug,
        number=number,
        kind=kind.value,
        at=chain.instant(at),
        facts=said,
        previous=previous,
    )
    return LedgerEntry.objects.create(
        study=locked,
        number=number,
        kind=kind,
        at=at,
        facts=said,
        previous=previous,
        digest=digest,
    )


@contextmanager
def changing_rules(study: Study, *, at: datetime) -> Iterator[None]:
    """Record what of a study's rules an admin changes within the context, once it has opened."""
    with transaction.atomic():
        locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        if locked.opened_at is None:
            yield
            return
        before = rules_of(locked)
        yield
        changes = differences(before, rules_of(Study.objects.get(pk=study.pk)))
        if changes:
            record(study, Kind.RULES_CHANGED, {"changes": changes}, by=By.ADMIN, at=at)


@contextmanager
def changing_chat_model(chat_model: ChatModel, *, at: datetime) -> Iterator[None]:
    """Record where an admin changes, within the context, how a study's contestant is asked.

    Only until its first battle can she, and each study says that it is another one now; how it
    was asked and is asked stays secret.
    """
    with transaction.atomic():
        before = pinned_digest(ChatModel.objects.get(pk=chat_model.pk))
        yield
        after = pinned_digest(ChatModel.objects.get(pk=chat_model.pk))
        if before == after:
            return
        for contestant in chat_model.contestants.select_related("study").order_by("study_id"):
            what = f"SHA-256 of how {contestant.name} is asked"
            changes = [{"what": what, "from": before, "to": after}]
            study = contestant.study
            record(study, Kind.RULES_CHANGED, {"changes": changes}, by=By.ADMIN, at=at)


def record_sharing(
    study: Study, *, recipient: str, what: str, shared_on: date, at: datetime
) -> None:
    """Record that data of a study were given to somebody: nobody but an admin can know it.

    Raises LedgerError where it is not said to whom or what, or for a day that is yet to come.
    """
    if not (recipient.strip() and what.strip()):
        raise LedgerError(_("Say with whom data were shared, and which data."))
    if shared_on > at.date():
        raise LedgerError(_("The ledger holds what has happened: record it once it has."))
    facts = {"with": recipient.strip(), "what": what.strip(), "on": shared_on.isoformat()}
    record(study, Kind.DATA_SHARED, facts, by=By.ADMIN, at=at)


def record_shared_with(
    study: Study, chat_model: ChatModel, *, what: str, by: By, at: datetime
) -> None:
    """Record that a chat model is given data of a study; a built-in bot gets them nowhere."""
    if chat_model.base_url.startswith(BOT_SCHEME):
        return
    named = ", ".join(filter(None, (str(chat_model), chat_model.developer)))
    facts = {"with": named, "what": what, "on": at.date().isoformat()}
    record(study, Kind.DATA_SHARED, facts, by=by, at=at)


def head(study: Study) -> LedgerEntry | None:
    """The newest entry of a study's ledger, if it has any."""
    return LedgerEntry.objects.filter(study=study).order_by("-number").first()


def export_ledger(study: Study) -> chain.Json:
    """The public export, which `hustings verify_ledger` verifies."""
    entries = LedgerEntry.objects.filter(study=study).order_by("number")
    return chain.export(
        study.slug,
        (
            chain.Entry(
                each.number,
                each.kind,
                chain.instant(each.at),
                each.facts,
                each.previous,
                each.digest,
            )
            for each in entries.iterator()
        ),
    )
