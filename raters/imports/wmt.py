"""Rankings of translation systems, as the Conference on Machine Translation (WMT) publishes them.

A row ranks two systems, or up to five, on one segment: 1 is the best, equal ranks tie, and what is
no rank (below 1) was not ranked. Every two of a row are a comparison. The segment names the
conversation.
"""

from collections import Counter
from itertools import combinations
from typing import Final

from raters.imports.plain import Comparison, Record, Rows
from raters.imports.reading import TableFile

MOST_SYSTEMS: Final = 5
# As in the files since 2010, and as people shorten them.
SEGMENT: Final = ("segmentId", "segment", "srcIndex")
JUDGE: Final = ("judgeId", "judgeID", "judge")
RANKING: Final = ("rankingID", "ranking")


def is_wmt(header: frozenset[str]) -> bool:
    """Whether a file with these columns is one of WMT's."""
    return bool(header & {*SEGMENT} and header & {*JUDGE} and len(_columns(header)) > 1)


def read_wmt(file: TableFile) -> Rows:
    """Line numbers and comparisons. Raises ImportRefusedError for what is no such ranking.

    A judge who ranks the same two systems again on a segment has done so in another battle.
    """
    columns = _columns(frozenset(file.header))
    has_rankings = bool({*RANKING} & {*file.header})
    said = Counter[tuple[str, ...]]()
    for line, values in file.records():
        record = Record(file, line, values)
        judge, segment = record.text(*JUDGE), record.text(*SEGMENT)
        ranking = record.text(*RANKING) if has_rankings else ""
        ranked = [
            (record.text(system), rank)
            for system, column in columns
            if (rank := record.number(column)) >= 1
        ]
        for (a, rank_a), (b, rank_b) in combinations(ranked, 2):
            key = (judge, segment, ranking, a, b)
            said[key] += 1
            again = str(said[key]) if said[key] > 1 else ""
            yield (
                line,
                Comparison(
                    rater=judge,
                    model_a=a,
                    model_b=b,
                    outcome="tie" if rank_a == rank_b else "a" if rank_a < rank_b else "b",
                    battle=" ".join(filter(None, (segment, ranking, a, b, again))),
                    conversation=segment,
                ),
            )


def _columns(header: frozenset[str]) -> list[tuple[str, str]]:
    """The columns of each system and of its rank."""
    spelt = [
        pair
        for n in range(1, MOST_SYSTEMS + 1)
        for pair in ((f"system{n}Id", f"system{n}rank"), (f"system_{n}", f"rank_{n}"))
    ]
    return [pair for pair in spelt if header >= {*pair}]
