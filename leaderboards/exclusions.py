"""What exclusions leave out of boards, and how boards say it: never of whom."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext_lazy

from leaderboards import document
from leaderboards.document import Json
from leaderboards.models import Board
from raters.models import Exclusion, Rating, Verdict
from raters.querysets import NAMED, RatingQuerySet, VerdictQuerySet
from studies.models import Study

# What is left out, by the kind of the exclusions: a rule, or what they name.
KIND_WORDS: Final = {rule.value: rule.label for rule in Exclusion.Rule} | {
    "participation": gettext_lazy("raters named one by one"),
    "battle": gettext_lazy("battles named one by one"),
}
BOARDS_KEPT: Final = 256


@dataclass(frozen=True)
class LeftOut:
    """An exclusion that applied to a board, with what it left out as the board was taken.

    `kind` is "participation", "battle" or "rule", and `of` what it is in words. `verdicts` counts
    the verdicts, or ratings, that it left out by itself, whether or not others did so too, and
    `participations` whose they were; both are None on boards from before they were counted.
    """

    kind: str
    rule: str
    of: str
    reason: str
    created_at: str
    verdicts: int | None
    participations: int | None

    @property
    def words(self) -> str:
        """What is left out by exclusions like this one."""
        return str(KIND_WORDS.get(self.rule or self.kind, self.of))


@dataclass(frozen=True)
class LeftOutTogether:
    """Exclusions of one kind for one reason, added up; None where a board did not count."""

    words: str
    reason: str
    exclusions: int
    verdicts: int | None
    participations: int | None


def read_left_out(study: Study) -> list[LeftOut]:
    """The exclusions that apply to a study now, oldest first, and what each leaves out."""
    active = study.exclusions.active()
    count = {kind: _counter(study, kind) for kind in active.kinds()}
    return [
        LeftOut(
            kind="rule" if exclusion.rule else exclusion.kind,
            rule=exclusion.rule,
            of=exclusion.get_rule_display() or f"a {exclusion.kind}",
            reason=exclusion.reason,
            created_at=exclusion.created_at.isoformat(),
            verdicts=verdicts,
            participations=participations,
        )
        for exclusion in active.order_by("created_at", "pk")
        for verdicts, participations in [count[exclusion.kind](exclusion)]
    ]


def left_out_json(left_out: list[LeftOut]) -> list[Json]:
    """Exclusions as a board's document holds them."""
    return [asdict(each) for each in left_out]


def left_out_of(board: Board) -> tuple[LeftOut, ...]:
    """The exclusions that applied to a published board, as its document says it."""
    # Boards never change: of a large document this little part is unpacked once.
    return _published(board.pk) if board.exclusions else ()


def together(left_out: tuple[LeftOut, ...]) -> tuple[LeftOutTogether, ...]:
    """Added up over exclusions of the same kind for the same reason, in the order they came."""
    alike: dict[tuple[str, str], list[LeftOut]] = {}
    for each in left_out:
        alike.setdefault((each.words, each.reason), []).append(each)
    return tuple(
        LeftOutTogether(
            words=words,
            reason=reason,
            exclusions=len(those),
            verdicts=_sum([each.verdicts for each in those]),
            participations=_sum([each.participations for each in those]),
        )
        for (words, reason), those in alike.items()
    )


def left_out_by_rule(study: Study, rule: Exclusion.Rule) -> tuple[int, int]:
    """How many verdicts, or ratings, a rule leaves out or would, and of how many raters."""
    return _count_rule(_answers(study).left_out(rule, study.exclusions.none()))


def _answers(study: Study) -> VerdictQuerySet | RatingQuerySet:
    is_single = study.protocol == Study.Protocol.SINGLE
    return (Rating if is_single else Verdict).objects.countable(study)


def _counter(study: Study, kind: str) -> Callable[[Exclusion], tuple[int, int]]:
    """What tells of each exclusion of a kind how many answers it leaves out, of how many raters."""
    answers = _answers(study).left_out(kind, study.exclusions.active()).order_by()
    if kind not in NAMED:
        counted = _count_rule(answers)
        return lambda _exclusion: counted
    path = "battle__participation_id" if kind == "participation" else "battle_id"
    each = dict(answers.values_list(path).annotate(n=Count("pk")))

    def count(exclusion: Exclusion) -> tuple[int, int]:
        verdicts = each.get(getattr(exclusion, f"{kind}_id"), 0)
        return verdicts, min(verdicts, 1)

    return count


def _count_rule(answers: VerdictQuerySet | RatingQuerySet) -> tuple[int, int]:
    counted = answers.order_by().aggregate(
        verdicts=Count("pk"), participations=Count("battle__participation", distinct=True)
    )
    return counted["verdicts"], counted["participations"]


@lru_cache(maxsize=BOARDS_KEPT)
def _published(board_id: UUID) -> tuple[LeftOut, ...]:
    packed = Board.objects.values_list("document", flat=True).get(pk=board_id)
    told = document.unpack(bytes(packed))["exclusions"]
    # Boards from before tell what an exclusion is of in words alone, and count nothing.
    unsaid = {"kind": "", "rule": "", "verdicts": None, "participations": None}
    return tuple(LeftOut(**unsaid | each) for each in told)


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
