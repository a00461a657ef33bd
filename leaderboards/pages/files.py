"""Tables of a board as CSV: numbers as numbers, and nothing that a spreadsheet computes. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from leaderboards.models import BoardRow, BoardSection
from leaderboards.pages.head_to_head import Battles
from leaderboards.pages.tables import rank_distance
from leaderboards.ranking.boards import Scope
from studies.spreadsheets import guarded

ROW_COLUMNS: Final = (
    "rank", "rank_low", "rank_high", "name", "developer", "score", "score_low", "score_high",
    "win_share", "p_best", "battles", "wins", "losses", "ties", "is_provisional",
)  # fmt: skip
HEAT_COLUMNS: Final = (
    "contestant", "scope", "axis", "group", "raters", "battles", "rank", "rank_low", "rank_high",
    "score", "score_low", "score_high", "places_above_overall", "is_provisional",
)  # fmt: skip
DUEL_COLUMNS: Final = (
    "contestant", "against", "battles", "wins", "ties", "losses", "share", "share_low",
    "share_high",
)  # fmt: skip


def table_csv(rows: Iterable[BoardRow]) -> str:
    """One section's rows."""
    return csv_of(ROW_COLUMNS, ([getattr(row, column) for column in ROW_COLUMNS] for row in rows))


def heat_map_csv(
    overall: Sequence[BoardRow],
    sections: Sequence[BoardSection],
    rows_of: dict[int, list[BoardRow]],
) -> str:
    """The rows of sections, one line for each contestant and section.

    Places above overall are 0 where the rank intervals meet. A section without a ranking has no
    line.
    """
    return csv_of(HEAT_COLUMNS, _heat_lines(overall, sections, rows_of))


def _heat_lines(
    overall: Sequence[BoardRow],
    sections: Sequence[BoardSection],
    rows_of: dict[int, list[BoardRow]],
) -> Iterator[Sequence[object]]:
    everybody = {row.contestant_id: row for row in overall}
    for section in sections:
        place = (str(Scope(section.scope)), section.axis_name, section.group_name, section.raters)
        for row in rows_of[section.pk]:
            ranks = (row.battles, row.rank, row.rank_low, row.rank_high)
            scores = (row.score, row.score_low, row.score_high)
            shift = rank_distance(row, everybody[row.contestant_id])
            yield (row.name, *place, *ranks, *scores, shift, row.is_provisional)


def duels_csv(rows: Sequence[BoardRow], battles: Battles) -> str:
    """Who had the better of whom, one line for each contestant and each other that it met."""
    return csv_of(DUEL_COLUMNS, _duel_lines(rows, battles))


def _duel_lines(rows: Sequence[BoardRow], battles: Battles) -> Iterator[Sequence[object]]:
    for row in rows:
        for other in rows:
            record = battles.between(row.contestant.slug, other.contestant.slug)
            if record.battles:
                counts = (record.battles, record.wins, record.ties, record.losses)
                share = record.share
                yield (row.name, other.name, *counts, share.share, share.low, share.high)


def csv_of(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Lines as CSV under the names of their columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([guarded(value) if isinstance(value, str) else value for value in line])
    return buffer.getvalue()
