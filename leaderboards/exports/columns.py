"""What the files of an export hold: every column with its kind, its meaning and its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from leaderboards.models.boards import SCOPE_NAMES
from studies.models import Axis, Study


class Kind(StrEnum):
    """What the values of a column are, as the codebook says it."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    TRUTH = "true or false"
    INSTANT = "instant in UTC"


@dataclass(frozen=True)
class Column:
    """One column; `values` says what can stand there, where that is a list."""

    name: str
    kind: Kind
    meaning: str
    values: str = ""


@dataclass(frozen=True)
class Table:
    """One file of rows, by its name without an ending."""

    name: str
    columns: tuple[Column, ...]

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


RATER: Final = Column("rater", Kind.TEXT, "The rater's pseudonym.")
BATTLE: Final = Column("battle", Kind.TEXT, "Names the battle among those of its rater.")
MODEL_A: Final = Column("model_a", Kind.TEXT, "The contestant that stood on side A.")
MODEL_B: Final = Column("model_b", Kind.TEXT, "The contestant that stood on side B.")
MARKS: Final = (
    Column("is_check", Kind.TRUTH, "Whether it was an attention check, which no board counts."),
    Column("is_excluded", Kind.TRUTH, "Whether boards leave it out; importing it does so too."),
)
WHEN: Final = (
    Column("created_at", Kind.INSTANT, "When the battle began; in a release only the day."),
    Column(
        "recorded_at",
        Kind.INSTANT,
        "When the platform recorded it; engines that know an order follow this one. Empty in a "
        "release.",
    ),
)
STATES: Final = "reserved, active, completed, returned, timed_out, struck_out, screened_out"
CONVERSATION: Final = Column(
    "conversation",
    Kind.TEXT,
    "Names the conversation where several raters judged the same one; else empty.",
)
WORDS: Final = "In a release only of those who released their words, masked."


def comparisons(study: Study) -> Table:
    """The verdicts of a study that compares two models."""
    outcome = Column("outcome", Kind.TEXT, "Who won, by side.", "a, tie, b")
    return Table(
        "comparisons",
        (RATER, MODEL_A, MODEL_B, outcome, dimension(study), BATTLE, *WHEN, CONVERSATION, *MARKS),
    )


def ratings(study: Study) -> Table:
    """The ratings of a study of one model at a time."""
    model = Column("model", Kind.TEXT, "The contestant that was rated.")
    score = Column("score", Kind.WHOLE, "The rating.", "1 to 7")
    return Table(
        "ratings",
        (RATER, model, score, dimension(study), BATTLE, *WHEN, CONVERSATION, *MARKS),
    )


def dimension(study: Study) -> Column:
    """The column that names a dimension of the study."""
    asked = "; ".join(
        f"{each.key}: {each.question or each.name}"
        for each in study.dimensions.order_by("position", "key")
    )
    return Column("dimension", Kind.TEXT, "What was compared.", asked)


def raters(axes: Sequence[Axis]) -> Table:
    """Who took part: a column for each axis of the electorate."""
    return Table(
        "raters",
        (
            RATER,
            *(_of_axis(axis) for axis in axes),
            Column("state", Kind.TEXT, "What became of the participation.", STATES),
            Column("battles", Kind.WHOLE, "How many battles are in this export."),
            Column("consent_version", Kind.WHOLE, "The version of the text that she agreed to."),
            Column("are_words_released", Kind.TRUTH, "Whether her words may be published."),
        ),
    )


def _of_axis(axis: Axis) -> Column:
    groups = "; ".join(f"{group.key}: {group.name}" for group in axis.groups.all())
    meaning = f"The rater's group of {axis.name}; empty where naming it could tell who she is."
    return Column(axis.key, Kind.TEXT, meaning, groups)


CONVERSATIONS: Final = Table(
    "conversations",
    (
        RATER,
        BATTLE,
        Column("task", Kind.TEXT, "What the battle was about, where the study has several tasks."),
        Column("turn", Kind.WHOLE, "Counts the rater's messages from 1; empty for a reason."),
        Column(
            "kind",
            Kind.TEXT,
            "What the text is: her message, one side's reply to it, or why she judged so.",
            "message, reply, reason",
        ),
        Column("side", Kind.TEXT, "The side that replied.", "a, b, or empty"),
        Column("model", Kind.TEXT, "The contestant that replied; else empty."),
        Column("text", Kind.TEXT, f"The words. {WORDS}"),
    ),
)
JUDGEMENTS_OPENING: Final = (
    Column("judge", Kind.TEXT, "The machine rater."),
    Column("run", Kind.WHOLE, "The number of the judge's run in the study."),
    Column("protocol", Kind.TEXT, "How the judge is asked."),
    RATER,
    BATTLE,
    CONVERSATION,
    MODEL_A,
    MODEL_B,
)
JUDGEMENTS_SAID: Final = (
    Column(
        "outcome", Kind.TEXT, "Who won; empty where the judge abstained.", "a, tie, b, or empty"
    ),
    Column("certainty", Kind.NUMBER, "How sure the judge said it was.", "0 to 1"),
    Column("p_a", Kind.NUMBER, "Probability that A wins.", "0 to 1"),
    Column("p_tie", Kind.NUMBER, "Probability of a tie.", "0 to 1"),
    Column("p_b", Kind.NUMBER, "Probability that B wins.", "0 to 1"),
    Column("score_a", Kind.NUMBER, "The judge's score of side A, where it gave one."),
    Column("score_b", Kind.NUMBER, "The judge's score of side B, where it gave one."),
    Column("do_orders_agree", Kind.TRUTH, "Whether both orders of the sides had the same winner."),
    Column("reason", Kind.TEXT, f"Why, in the judge's words, which may quote the rater. {WORDS}"),
)


def judgements(study: Study) -> Table:
    """What machine raters said of the same battles."""
    return Table("judgements", (*JUDGEMENTS_OPENING, dimension(study), *JUDGEMENTS_SAID))


BOARDS: Final = Table(
    "boards",
    (
        Column("board", Kind.TEXT, "The board's id; boards/ID.json computes it again."),
        Column("taken_at", Kind.INSTANT, "When it was published."),
        Column("engine", Kind.TEXT, "What computed it.", "davidson, trueskill, ratings"),
        Column("input_digest", Kind.TEXT, "SHA-256 of what it was computed from."),
        Column("is_superseded", Kind.TRUTH, "Whether a newer board took its place."),
        Column("withdrawal_reason", Kind.TEXT, "Why it was withdrawn; empty while it stands."),
        Column("dimension", Kind.TEXT, "The dimension's key."),
        Column("scope", Kind.TEXT, "Whom the section speaks for.", ", ".join(SCOPE_NAMES)),
        Column("axis", Kind.TEXT, "The axis of the group; empty for everybody."),
        Column("group", Kind.TEXT, "The group; empty for everybody."),
        Column("contestant", Kind.TEXT, "The contestant's slug."),
        Column("name", Kind.TEXT, "The contestant's name when the board was taken."),
        Column("developer", Kind.TEXT, "Who made it."),
        Column("rank", Kind.WHOLE, "Its place; 1 is the first."),
        Column("rank_low", Kind.WHOLE, "Lower end of the 95 % interval of the rank."),
        Column("rank_high", Kind.WHOLE, "Upper end of it."),
        Column("score", Kind.NUMBER, "Skill in the engine's unit, or the mean rating."),
        Column("score_low", Kind.NUMBER, "Lower end of the score's 95 % interval."),
        Column("score_high", Kind.NUMBER, "Upper end of it."),
        Column("win_share", Kind.NUMBER, "Expected share of wins against the others."),
        Column("p_best", Kind.NUMBER, "Probability of being the best.", "0 to 1"),
        Column("battles", Kind.WHOLE, "How many battles, or ratings, it was in."),
        Column("wins", Kind.WHOLE, "Empty on boards of ratings."),
        Column("losses", Kind.WHOLE, "Empty on boards of ratings."),
        Column("ties", Kind.WHOLE, "Empty on boards of ratings."),
        Column("is_provisional", Kind.TRUTH, "Whether it rests on few battles."),
    ),
)
CODEBOOK: Final = Table(
    "codebook",
    (
        Column("file", Kind.TEXT, "The file that has the column."),
        Column("column", Kind.TEXT, "The column's name."),
        Column("kind", Kind.TEXT, "What its values are."),
        Column("meaning", Kind.TEXT, "What they say."),
        Column("values", Kind.TEXT, "What can stand there, where that is a list."),
    ),
)
