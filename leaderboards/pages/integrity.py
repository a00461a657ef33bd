"""Reads what the page of a study's integrity shows: who was tested, what happened since."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from leaderboards.exclusions import KIND_WORDS
from leaderboards.models import Board, BoardRow
from leaderboards.pages.board import read_boards, standing_of
from leaderboards.pages.entries import Change, Changes, EntryLine, changes_of, entry_line, value
from leaderboards.pages.sampling import SamplingPage, sampling_page
from leaderboards.pages.words import percent, rank_text, rated, signed
from leaderboards.ranking.boards import Scope
from leaderboards.sampling import NOT_NAMED, read_sampling
from studies.models import Contestant, LedgerEntry, Study

Kind = LedgerEntry.Kind

ENTRIES_SHOWN: Final = 12
WITHDREW: Final = gettext_noop("raters who withdrew all they had said")


@dataclass(frozen=True)
class DeveloperLine:
    """How many contestants of a developer were tested, and what became of them.

    `share` is the part of all battles that any of them was in; empty before the first battle.
    """

    name: str
    names: str
    tested: int
    on_board: int
    withdrawn: int
    share: str


@dataclass(frozen=True)
class LastStanding:
    """Where a contestant stood on the last board that has it, and that nobody has withdrawn."""

    board: Board
    rank: str
    among: int
    score: str
    is_provisional: bool


@dataclass(frozen=True)
class WithdrawnLine:
    """A contestant that has withdrawn; it was on no board without a standing."""

    contestant: Contestant
    standing: LastStanding | None


@dataclass(frozen=True)
class ExclusionLine:
    """Exclusions of one kind for one reason, added up over all that ever were."""

    words: str
    reason: str
    active: int
    lifted: int


@dataclass(frozen=True)
class SharingLine:
    """That data were given to somebody."""

    recipient: str
    what: str
    on: date


@dataclass(frozen=True)
class IntegrityPage:
    """Everything on the page of a study's integrity; entries and changes are the newest first."""

    tested: int
    withdrawn: tuple[WithdrawnLine, ...]
    developers: tuple[DeveloperLine, ...]
    board: Board | None
    sampling: SamplingPage
    exclusions: tuple[ExclusionLine, ...]
    rules: tuple[Change, ...]
    changes: tuple[Changes, ...]
    sharings: tuple[SharingLine, ...]
    entries: tuple[EntryLine, ...]
    first: LedgerEntry | None

    @property
    def head(self) -> LedgerEntry | None:
        """The newest entry; its number says how many there are."""
        return self.entries[0].entry if self.entries else None

    @property
    def verdict(self) -> str:
        """What became of those that were tested, in a sentence."""
        if not self.tested:
            return _("No contestant has entered yet.")
        makers, gone = len(self.developers), len(self.withdrawn)
        developers = ngettext("%(makers)s developer", "%(makers)s developers", makers) % {
            "makers": makers
        }
        said = ngettext(
            "%(tested)s contestant of %(developers)s was tested",
            "%(tested)s contestants of %(developers)s were tested",
            self.tested,
        ) % {"tested": self.tested, "developers": developers}
        if not gone:
            return _("%(said)s; none have withdrawn.") % {"said": said}
        return ngettext(
            "%(said)s; %(gone)s has withdrawn.", "%(said)s; %(gone)s have withdrawn.", gone
        ) % {"said": said, "gone": gone}


def read_integrity(study: Study) -> IntegrityPage:
    """What happened in a study, as it is on record now."""
    contestants = list(study.contestants.select_related("chat_model").order_by("slug"))
    standing = standing_of(read_boards(study))
    board = standing.board if standing else None
    sampling = read_sampling(study)
    entries = LedgerEntry.objects.filter(study=study).order_by("-number")
    first_opened = entries.filter(kind=Kind.STUDY_OPENED).last()
    changed = entries.filter(kind__in=[Kind.RULES_CHANGED, Kind.ELECTORATE_GIVEN])
    return IntegrityPage(
        tested=len(contestants),
        withdrawn=_withdrawn(study, contestants),
        developers=_developers(
            contestants,
            _on_board(board),
            {each.name: each.share for each in sampling.developers if sampling.battles},
        ),
        board=board,
        sampling=sampling_page(sampling),
        exclusions=_exclusions(study),
        rules=_rules(first_opened),
        changes=tuple(changes_of(entry) for entry in changed),
        sharings=tuple(_sharing(entry) for entry in entries.filter(kind=Kind.DATA_SHARED)),
        entries=tuple(entry_line(entry) for entry in entries[:ENTRIES_SHOWN]),
        first=entries.last(),
    )


def _on_board(board: Board | None) -> frozenset[int]:
    rows = BoardRow.objects.filter(section__board=board) if board else BoardRow.objects.none()
    return frozenset(rows.order_by().values_list("contestant_id", flat=True).distinct())


def _developers(
    contestants: Sequence[Contestant], on_board: Collection[int], shares: dict[str, float]
) -> tuple[DeveloperLine, ...]:
    of: dict[str, list[Contestant]] = {}
    for contestant in contestants:
        of.setdefault(contestant.chat_model.developer or NOT_NAMED, []).append(contestant)
    return tuple(
        DeveloperLine(
            name=_(name) if name == NOT_NAMED else name,
            names=", ".join(contestant.name for contestant in theirs),
            tested=len(theirs),
            on_board=sum(contestant.pk in on_board for contestant in theirs),
            withdrawn=sum(contestant.withdrawn_at is not None for contestant in theirs),
            share=percent(shares[name]) if name in shares else "",
        )
        # Who tested most comes first: of many variants the best is partly the luckiest.
        for name, theirs in sorted(of.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _withdrawn(study: Study, contestants: Sequence[Contestant]) -> tuple[WithdrawnLine, ...]:
    gone = [contestant for contestant in contestants if contestant.withdrawn_at]
    overall = study.dimensions.filter(is_overall=True).values_list("key", flat=True)
    rows = (
        BoardRow.objects.filter(
            contestant__in=gone,
            section__board__withdrawal=None,
            section__dimension_key__in=list(overall),
            section__scope__in=[Scope.ELECTORATE, Scope.SAMPLE],
        )
        .select_related("section__board")
        .defer("section__board__document")
        .annotate(among=Count("section__rows"))
        .order_by("-section__board__taken_at", "section_id")
    )
    last: dict[int, LastStanding] = {}
    for row in rows if gone else ():
        if row.contestant_id not in last:
            last[row.contestant_id] = _standing(row, row.among)
    return tuple(WithdrawnLine(contestant, last.get(contestant.pk)) for contestant in gone)


def _standing(row: BoardRow, among: int) -> LastStanding:
    interval = _("%(score_low)s to %(score_high)s") % {
        "score_low": signed(row.score_low),
        "score_high": signed(row.score_high),
    }
    return LastStanding(
        board=row.section.board,
        rank=rank_text(row.rank_low, row.rank_high),
        among=among,
        score=f"{rated(row) if row.is_rating else signed(row.score)} ({interval})",
        is_provisional=row.is_provisional,
    )


def _exclusions(study: Study) -> tuple[ExclusionLine, ...]:
    active: Counter[tuple[str, str]] = Counter()
    lifted: Counter[tuple[str, str]] = Counter()
    for exclusion in study.exclusions.order_by("created_at", "pk"):
        words = _(WITHDREW) if exclusion.actor_id is None else str(KIND_WORDS[exclusion.kind])
        alike = words, exclusion.reason
        active[alike] += exclusion.lifted_at is None
        lifted[alike] += exclusion.lifted_at is not None
    return tuple(
        ExclusionLine(words, reason, active[words, reason], lifted[words, reason])
        for words, reason in active
    )


def _rules(opened: LedgerEntry | None) -> tuple[Change, ...]:
    """The rules with which the study opened; a change from nothing."""
    rules = opened.facts.get("rules", []) if opened else []
    return tuple(Change(rule["what"], "", value(rule["is"])) for rule in rules)


def _sharing(entry: LedgerEntry) -> SharingLine:
    facts = entry.facts
    return SharingLine(facts["with"], facts["what"], date.fromisoformat(facts["on"]))
