"""What raters answer: who of two is better, or how good one is; and where the database keeps it."""

from dataclasses import dataclass
from typing import Final

from raters.models import Outcome, Rating, Verdict
from studies.models import Study


@dataclass(frozen=True)
class Kind:
    """A kind of answer: `column` names what was said, in a file as in the model's table.

    `rows` is what a file of such answers holds, and is called. `known` lists all that can be said.
    `as_kept` is SQL that turns the text of a staged answer `i` into what the table holds.
    """

    protocol: Study.Protocol
    asks: str
    noun: str
    rows: str
    of_another: str
    model: type[Verdict] | type[Rating]
    column: str
    known: tuple[str, ...]
    as_kept: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table


VERDICTS: Final = Kind(
    protocol=Study.Protocol.PAIRWISE,
    asks="compares two models",
    noun="verdict",
    rows="comparisons",
    of_another="between other models",
    model=Verdict,
    column="outcome",
    known=tuple(Outcome.values),
    as_kept="i.said",
)
RATINGS: Final = Kind(
    protocol=Study.Protocol.SINGLE,
    asks="rates one model at a time",
    noun="rating",
    rows="ratings",
    of_another="of another model",
    model=Rating,
    column="score",
    known=tuple(map(str, range(Rating.LOWEST, Rating.HIGHEST + 1))),
    as_kept="CAST(i.said AS smallint)",
)
KINDS: Final[dict[str, Kind]] = {kind.protocol: kind for kind in (VERDICTS, RATINGS)}
