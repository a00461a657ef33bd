"""Everything that writes a study's design."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from studies.census import ElectorateSpec, cell_shares, load_shipped, shipped_electorates
from studies.errors import ElectorateConflictError, StateError
from studies.graph import parts_without
from studies.ledger import By, Kind, changing_rules, record
from studies.models import (
    Axis,
    Cell,
    CellGroup,
    ChatModel,
    ConsentText,
    Contestant,
    Dimension,
    Electorate,
    Group,
    Source,
    Study,
)
from studies.registry import pinned_digest

CELL_SEPARATOR = "|"
# How many of a part are named where it is told.
MAX_NAMES: Final = 5


@transaction.atomic
def create_electorate(
    spec: ElectorateSpec, *, cells: dict[tuple[str, ...], float] | None = None
) -> Electorate:
    """Store an electorate with its groups and cells, or return the one that stands already.

    `cells` are the shares of its cells where they are known to the last digit, as of an export.
    Raises ElectorateConflictError if one of the same slug has other groups or shares: the
    figures of an electorate do not change, since boards speak for them.
    """
    shares = cell_shares(spec) if cells is None else cells
    standing = Electorate.objects.filter(slug=spec.slug).first()
    if standing is not None:
        _require_same_shares(standing, shares)
        return standing
    electorate = Electorate.objects.create(
        slug=spec.slug, name=spec.name, description=spec.description
    )
    sources = {
        source.key: Source.objects.create(
            electorate=electorate,
            key=source.key,
            title=source.title,
            publisher=source.publisher,
            table=source.table,
            year=source.year,
            licence=source.licence,
            url=source.url,
            note=source.note,
        )
        for source in spec.sources
    }
    groups: list[dict[str, Group]] = []
    for position, axis_spec in enumerate(spec.axes):
        axis = Axis.objects.create(
            electorate=electorate, key=axis_spec.key, name=axis_spec.name, position=position
        )
        created = Group.objects.bulk_create(
            Group(
                axis=axis,
                key=group.key,
                name=group.name,
                position=place,
                share=group.share,
                source=sources[group.source],
            )
            for place, group in enumerate(axis_spec.groups)
        )
        groups.append({group.key: group for group in created})
    _create_cells(electorate, shares, groups)
    return electorate


def _create_cells(
    electorate: Electorate, shares: dict[tuple[str, ...], float], groups: list[dict[str, Group]]
) -> None:
    cells = Cell.objects.bulk_create(
        Cell(electorate=electorate, key=CELL_SEPARATOR.join(keys), share=share)
        for keys, share in shares.items()
    )
    CellGroup.objects.bulk_create(
        CellGroup(cell=cell, axis=by_key[key].axis, group=by_key[key])
        for cell, keys in zip(cells, shares, strict=True)
        for by_key, key in zip(groups, keys, strict=True)
    )


def _require_same_shares(standing: Electorate, shares: dict[tuple[str, ...], float]) -> None:
    stored = dict(standing.cells.values_list("key", "share"))
    given = {CELL_SEPARATOR.join(keys): share for keys, share in shares.items()}
    if stored.keys() != given.keys() or any(abs(stored[k] - given[k]) > 1e-9 for k in stored):
        raise ElectorateConflictError(
            _(
                'An electorate "%(slug)s" stands already, with other groups or shares. '
                "Boards speak for its figures, so they do not change: give the new one "
                "another name."
            )
            % {"slug": standing.slug}
        )


def ensure_shipped_electorate(slug: str) -> Electorate | None:
    """The electorate of this slug: from the database, or else one that Hustings ships."""
    standing = Electorate.objects.filter(slug=slug).first()
    if standing is None and slug in shipped_electorates():
        return create_electorate(load_shipped(slug))
    return standing


@transaction.atomic
def give_electorate(study: Study, electorate: Electorate, *, at: datetime) -> None:
    """Say whom the study speaks for; its quotas go with the electorate whose shares they divide.

    Once it has raters this has to extend theirs: the same axes, and every cell that somebody is
    in, with as many more groups as there are. It must not be open then, since nobody can find a
    place in quotas that are gone. Raises StateError where it is not to be.
    """
    # A place is taken under this lock, so nobody comes in between the look and the change.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    study.refresh_from_db()
    if study.electorate_id == electorate.pk:
        return
    before = study.electorate
    moves = _cells_in(study, electorate) if study.participations.exists() else {}
    study.quotas.all().delete()
    study.matchups.all().delete()
    for cell, extended in moves.items():
        study.participations.filter(cell=cell).update(cell=extended)
    Study.objects.filter(pk=study.pk).update(electorate=electorate)
    study.refresh_from_db()
    facts = {
        "electorate": electorate.slug,
        "name": electorate.name,
        "before": before.slug if before else None,
    }
    record(study, Kind.ELECTORATE_GIVEN, facts, by=By.ADMIN, at=at)


def _cells_in(study: Study, electorate: Electorate) -> dict[int, int]:
    """The cell of an electorate for each one that raters of the study are in, by key."""
    lost = _("Their groups would be lost with it: make a new study for it.")
    speaks = _("The study %(slug)s has raters, and speaks for: %(electorate)s.") % {
        "slug": study.slug,
        "electorate": study.electorate or _("no electorate"),
    }
    if study.electorate is None or _axes(study.electorate) != _axes(electorate):
        raise StateError(
            _("%(speaks)s %(electorate)s has other axes. %(lost)s")
            % {"speaks": speaks, "electorate": electorate, "lost": lost}
        )
    taken = dict(
        Cell.objects.filter(participations__study=study).values_list("key", "pk").distinct()
    )
    extended = dict(electorate.cells.filter(key__in=taken).values_list("key", "pk"))
    if missing := sorted(taken.keys() - extended.keys()):
        raise StateError(
            _("%(speaks)s %(electorate)s lacks a cell that raters are in: %(missing)s. %(lost)s")
            % {"speaks": speaks, "electorate": electorate, "missing": missing[0], "lost": lost}
        )
    if study.state == Study.State.OPEN:
        raise StateError(_("Pause the study first: its places have to be divided anew."))
    return {cell: extended[key] for key, cell in taken.items()}


def _axes(electorate: Electorate) -> list[str]:
    return list(electorate.axes.order_by("position").values_list("key", flat=True))


@transaction.atomic
def choose_protocol(study: Study, protocol: str) -> None:
    """Say whether raters compare two models or rate one; StateError once the study has raters."""
    # A place is taken under this lock, so nobody comes in between the look and the change.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    study.refresh_from_db()
    if study.protocol == protocol:
        return
    if study.participations.exists():
        raise StateError(
            _(
                "The study %(slug)s has raters, and shows them %(protocol)s. "
                "Their answers would mean nothing beside others: clone it for the other "
                "protocol."
            )
            % {"slug": study.slug, "protocol": study.get_protocol_display()}
        )
    Study.objects.filter(pk=study.pk).update(protocol=Study.Protocol(protocol))
    study.refresh_from_db()


@transaction.atomic
def enter_contestant(
    study: Study,
    *,
    name: str,
    developer: str = "",
    chat_model: ChatModel | None = None,
    slug: str = "",
) -> Contestant:
    """Enter a chat model in a study under a name; without one, register it under that name.

    Its slug is made of the name, unless it has one from elsewhere.
    """
    # What was queued knows nothing of the newcomer; whoever fills the queue takes the same lock.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    study.matchups.all().delete()
    if chat_model is None:
        chat_model, _is_new = ChatModel.objects.get_or_create(
            name=name, version=1, defaults={"developer": developer}
        )
    contestant = Contestant.objects.create(
        study=study, chat_model=chat_model, name=name, slug=slug or _free_slug(study, name)
    )
    facts = {
        "contestant": contestant.slug,
        "name": name,
        "developer": chat_model.developer,
        "version": chat_model.version,
        "pinned": pinned_digest(chat_model),
    }
    record(study, Kind.CONTESTANT_ENTERED, facts, by=By.ADMIN, at=contestant.entered_at)
    return contestant


def _free_slug(study: Study, name: str) -> str:
    """A slug for a name, unique in the study: two names may differ in case or signs only."""
    base = slugify(name)[:180] or "contestant"
    taken = set(study.contestants.filter(slug__startswith=base).values_list("slug", flat=True))
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


def add_dimension(study: Study, *, key: str) -> Dimension:
    """Add a dimension at the end, named after its key; a person gives it a question later."""
    name = key.replace("-", " ").replace("_", " ").capitalize()
    return Dimension.objects.create(
        study=study, key=key, name=name, position=study.dimensions.count()
    )


def choose_overall_dimension(study: Study) -> None:
    """Make the dimension `overall`, or else the first, the overall one, where none is yet."""
    if not study.dimensions.filter(is_overall=True).exists():
        first = study.dimensions.filter(key="overall").first() or study.dimensions.first()
        if first is not None:
            study.dimensions.filter(pk=first.pk).update(is_overall=True)


@transaction.atomic
def add_consent_text(study: Study, *, summary: str, text: str) -> ConsentText:
    """Add the next version of what raters agree to. Earlier ones stay: raters agreed to them."""
    # Two that are added at once must not get one number.
    Study.objects.select_for_update().get(pk=study.pk)
    last = study.consent_texts.aggregate(last=Max("version"))["last"]
    return ConsentText.objects.create(
        study=study, version=(last or 0) + 1, summary=summary, text=text
    )


def choose_quota_kind(study: Study, *, quota_by: str, at: datetime) -> None:
    """Say whether quotas are divided by groups or by cells; `allocate_quotas` then divides them."""
    with changing_rules(study, at=at):
        Study.objects.filter(pk=study.pk).update(quota_by=Study.QuotaBy(quota_by))
    study.refresh_from_db()


@transaction.atomic
def withdraw_contestant(
    contestant: Contestant, *, reason: str, at: datetime, may_split: bool = False
) -> None:
    """Withdraw a contestant from its study; its battles and past boards stay.

    Raises StateError where only battles with it link others that stand, unless it may split them.
    """
    if not reason.strip():
        raise StateError(
            _("Say why %(contestant)s is withdrawn: boards will show the reason.")
            % {"contestant": contestant}
        )
    # Of two withdrawn at once, each could rely on the other to hold the rest together; and a queue
    # that was planned with this one can't come in after it.
    study = Study.objects.select_for_update(no_key=True).get(pk=contestant.study_id)
    if not may_split and (parts := parts_left_by(contestant)):
        raise StateError(
            _("%(contestant)s Let them meet first, or say that it may be so.")
            % {"contestant": cut_off_by(contestant, parts)}
        )
    withdrawn = Contestant.objects.filter(pk=contestant.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=at, withdrawal_reason=reason.strip()
    )
    if not withdrawn:
        raise StateError(_("%(contestant)s has withdrawn already.") % {"contestant": contestant})
    study.matchups.all().delete()
    contestant.refresh_from_db()
    facts = {
        "contestant": contestant.slug,
        "name": contestant.name,
        "reason": contestant.withdrawal_reason,
    }
    record(study, Kind.CONTESTANT_WITHDRAWN, facts, by=By.ADMIN, at=at)


def parts_left_by(contestant: Contestant) -> tuple[tuple[str, ...], ...]:
    """The names of others that stand, in the parts into which its withdrawal would split them.

    The largest part first; nothing where they would still hang together by battles that were
    judged, or where it has withdrawn already.
    """
    study = contestant.study
    standing = dict(study.contestants.filter(withdrawn_at=None).values_list("pk", "name"))
    if contestant.pk not in standing:
        return ()
    battles = study.participations.exclude(state="withdrawn").filter(
        battles__judged_at__isnull=False,
        battles__attention_check=None,
        battles__side_b__isnull=False,
    )
    links = battles.order_by().values_list("battles__side_a", "battles__side_b").distinct()
    parts = parts_without(contestant.pk, standing, list(links))
    if len(parts) < 2:
        return ()
    return tuple(tuple(sorted(standing[key] for key in part)) for part in parts)


def cut_off_by(contestant: Contestant, parts: Sequence[Sequence[str]]) -> str:
    """Who would be cut off from whom by a withdrawal that leaves these parts, in a sentence."""
    rest, *cut = (_names(part) for part in parts)
    words = {"contestant": contestant, "cut": "; ".join(cut), "rest": rest}
    if len(cut) == 1:
        return (
            _(
                "Without %(contestant)s, %(cut)s would be cut off from %(rest)s: only battles "
                "with it link them."
            )
            % words
        )
    return (
        _(
            "Without %(contestant)s, %(cut)s would be cut off from %(rest)s and from one "
            "another: only battles with it link them."
        )
        % words
    )


def _names(part: Sequence[str]) -> str:
    """The names of a part as a phrase: a long one is cut short."""
    more = len(part) - MAX_NAMES
    names = [*part[:MAX_NAMES], _("%(more)s more") % {"more": more}] if more > 1 else list(part)
    *head, last = names
    return _("%(head)s and %(last)s") % {"head": ", ".join(head), "last": last} if head else last
