"""A board's public export: one JSON document from which the board can be computed again.

It holds counts, or sequences of outcomes, or sums of scores, by group: no rater, and no cell of
several groups.
"""

import gzip
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np

from leaderboards.errors import BoardMismatchError
from leaderboards.ranking.boards import (
    BoardInput,
    BoardParameters,
    DimensionInput,
    Engine,
    GroupShare,
    Section,
    axis_of_each,
    rank_board,
)
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.hierarchical import HierarchicalPrior
from leaderboards.ranking.hierarchical_cells import Cells
from leaderboards.ranking.outcomes import OUTCOMES, IntArray, Tally
from leaderboards.ranking.ratings import RatingPrior
from leaderboards.ranking.scores import RatingInput
from leaderboards.ranking.trueskill import TrueSkillParameters

FORMAT: Final = "hustings-board/2"
# The engine davidson merged tournaments of groups then, by regression.
FORMAT_BEFORE: Final = "hustings-board/1"
DECIMALS: Final = 6
# Another machine's linear algebra differs in the last digits; a draw may fall the other way.
TOLERANCE: Final = 5e-6
DRAW_TOLERANCE: Final = 5e-3
DRAWN: Final = frozenset({"p_best"})

Json = dict[str, Any]


@dataclass(frozen=True)
class Verification:
    """What recomputing a board from its export gave. Empty `differences`: it is as published."""

    board: str
    study: str
    input_digest: str
    sections: int
    differences: tuple[str, ...]


def input_json(given: BoardInput, parameters: BoardParameters) -> Json:
    """What the board is computed from, as JSON: this is what the digest is taken of."""
    return {
        "contestants": list(given.contestants),
        "groups": [asdict(group) for group in given.groups],
        "cells": {"groups": given.cells.groups.tolist(), "shares": given.cells.share.tolist()},
        "parameters": asdict(parameters),
        "dimensions": [_dimension_json(dimension) for dimension in given.dimensions],
    }


def digest(part: Json) -> str:
    """SHA-256 of a document, or of its input alone, in its one canonical spelling."""
    return hashlib.sha256(_canonical(part)).hexdigest()


def section_json(section: Section, given: BoardInput) -> Json:
    """A section as JSON, numbers rounded to six decimals."""
    group = None if section.group is None else given.groups[section.group]
    return {
        "dimension": section.dimension,
        "scope": str(section.scope),
        "axis": group.axis if group else "",
        "group": group.key if group else "",
        "raters": section.raters,
        "battles": section.record.battles,
        "fit": {name: round(value, DECIMALS) for name, value in section.fit.items()},
        "refusal": section.record.refusal,
        "rows": _rows_json(section, given.contestants),
    }


def pack(document: Json) -> bytes:
    """The document as it is stored and downloaded: canonical JSON, in gzip without a date."""
    return gzip.compress(_canonical(document), mtime=0)


def unpack(packed: bytes) -> Json:
    """The document that was packed."""
    document: Json = json.loads(gzip.decompress(packed))
    return document


def verify(document: object) -> Verification:
    """Recompute a board from its export alone, and compare digest and numbers.

    Raises BoardMismatchError where the document is none of ours or lacks what is needed.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BoardMismatchError(_unknown_format(document))
    try:
        given, parameters = _parse_input(document["input"])
        published = {_place(section): section for section in document["sections"]}
        stated, board, study = document["input_digest"], document["id"], document["study"]["slug"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BoardMismatchError(f"the export is damaged: {error!r}") from error
    found = digest(document["input"])
    if found == stated:
        differences = _recomputed_differences(given, parameters, published)
    else:
        differences = [f"input digest: published {stated}, its input has {found}"]
    return Verification(board, study, found, len(published), tuple(sorted(differences)))


def _unknown_format(document: object) -> str:
    """Why a document can't be verified."""
    if isinstance(document, dict) and document.get("format") == FORMAT_BEFORE:
        made = document.get("code_version", "an earlier one")
        return f"this board was computed by another model: verify it with Hustings {made}"
    return f'this is no board export: its "format" is not "{FORMAT}"'


def _recomputed_differences(
    given: BoardInput, parameters: BoardParameters, published: dict[str, Json]
) -> list[str]:
    try:
        sections = rank_board(given, parameters)
    except (RankingError, np.linalg.LinAlgError) as error:
        return [f"its input cannot be ranked: {error}"]
    computed = {_place(each): each for each in (section_json(s, given) for s in sections)}
    return [
        difference
        for place in published.keys() | computed.keys()
        for difference in _compare(place, published.get(place), computed.get(place))
    ]


def _compare(place: str, published: Json | None, computed: Json | None) -> list[str]:
    if published is None or computed is None:
        return [f"{place}: only {'computed' if published is None else 'published'}"]
    differences = [
        f"{place}: {key} was published as {published.get(key)!r}, computed as {computed[key]!r}"
        for key in ("raters", "battles", "refusal")
        if published.get(key) != computed[key]
    ]
    differences += _compare_numbers(f"{place}, fit", published.get("fit", {}), computed["fit"])
    rows = {row.get("contestant"): row for row in published.get("rows", [])}
    expected = {row["contestant"]: row for row in computed["rows"]}
    for contestant in rows.keys() | expected.keys():
        differences += _compare_numbers(
            f"{place}, {contestant}", rows.get(contestant, {}), expected.get(contestant, {})
        )
    return differences


def _compare_numbers(place: str, published: Json, computed: Json) -> list[str]:
    def differs(key: str) -> bool:
        one, other = published.get(key), computed.get(key)
        if isinstance(one, float) and isinstance(other, float):
            # Not ">": what is no number is like nothing.
            return not abs(one - other) <= (DRAW_TOLERANCE if key in DRAWN else TOLERANCE)
        if key in {"rank_low", "rank_high"} and isinstance(one, int) and isinstance(other, int):
            return abs(one - other) > 1
        return bool(one != other)

    return [
        f"{place}: {key} was published as {published.get(key)}, computed as {computed.get(key)}"
        for key in sorted(published.keys() | computed.keys())
        if differs(key)
    ]


def _place(section: Json) -> str:
    group = f"{section['axis']}={section['group']}" if section["group"] else section["scope"]
    return f"{section['dimension']}, {group}"


def _rows_json(section: Section, contestants: tuple[str, ...]) -> list[Json]:
    summary = section.summary
    if summary is None:
        return []
    record = section.record
    rows = [
        {
            "contestant": slug,
            "rank": int(summary.rank[k]),
            "rank_low": int(summary.rank_low[k]),
            "rank_high": int(summary.rank_high[k]),
            "score": round(float(summary.mean[k]), DECIMALS),
            "score_low": round(float(summary.low[k]), DECIMALS),
            "score_high": round(float(summary.high[k]), DECIMALS),
            "win_share": round(float(summary.win_share[k]), DECIMALS),
            "p_best": round(float(summary.p_best[k]), DECIMALS),
            "battles": int(record.battles_each[k]),
            **_ended(record.tally, k),
            "is_provisional": record.provisional[k],
        }
        for k, slug in enumerate(contestants)
    ]
    return sorted(rows, key=lambda row: int(str(row["rank"])))


def _ended(tally: Tally | None, k: int) -> Json:
    """How a contestant's battles ended; ratings know no wins, losses or ties."""
    return {
        name: None if tally is None else int(getattr(tally, name)[k])
        for name in ("wins", "losses", "ties")
    }


def _dimension_json(dimension: DimensionInput | RatingInput) -> Json:
    columns = {name: getattr(dimension, name) for name in _columns(type(dimension))}
    return {"key": dimension.key} | {name: column.tolist() for name, column in columns.items()}


def _columns(kind: type[DimensionInput] | type[RatingInput]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name != "key")


def _parse_input(document: Json) -> tuple[BoardInput, BoardParameters]:
    parameters = dict(document["parameters"])
    engine = Engine(parameters.pop("engine"))
    contestants = tuple(document["contestants"])
    groups = tuple(GroupShare(**group) for group in document["groups"])
    size = len(contestants), len(groups)
    cells = Cells(
        axis_of_each(groups),
        np.array(document["cells"]["groups"], np.int64).reshape(
            len(document["cells"]["shares"]), -1
        ),
        np.array(document["cells"]["shares"], float),
    )
    given = BoardInput(
        contestants=contestants,
        groups=groups,
        cells=cells,
        dimensions=tuple(_parse_ratings(each, *size) for each in document["dimensions"])
        if engine is Engine.RATINGS
        else tuple(_parse_verdicts(each, *size) for each in document["dimensions"]),
    )
    return given, BoardParameters(
        engine=engine,
        hierarchical=HierarchicalPrior(**parameters.pop("hierarchical")),
        trueskill=TrueSkillParameters(**parameters.pop("trueskill")),
        ratings=RatingPrior(**parameters.pop("ratings")),
        **parameters,
    )


def _parse_verdicts(document: Json, contestants: int, groups: int) -> DimensionInput:
    columns = dict(document)
    dimension = DimensionInput(
        key=columns.pop("key"),
        **{name: np.array(values, np.int64) for name, values in columns.items()},
    )
    _require_range(dimension, contestants, groups)
    return dimension


def _parse_ratings(document: Json, contestants: int, groups: int) -> RatingInput:
    pairs = contestants, contestants
    shapes: dict[str, tuple[int, ...]] = {
        "crossings": (contestants, groups, groups),
        "sums": (contestants, groups),
        "together": pairs,
        "sums_together": pairs,
        "products": pairs,
        "raters": (1 + groups,),
    }
    # A list without anything in it has lost how many of nothing there were: so it is told.
    columns = {
        name: np.array(document[name], np.int64).reshape(shape) for name, shape in shapes.items()
    }
    for name in ("crossings", "together", "raters"):
        if (columns[name] < 0).any():
            raise ValueError(f"{name} of {document['key']}")
    return RatingInput(key=document["key"], **columns)


def _require_range(dimension: DimensionInput, contestants: int, groups: int) -> None:
    limits: dict[str, tuple[IntArray, int]] = {
        "tournament": (dimension.tournament, 1 + groups),
        "a": (dimension.a, contestants),
        "b": (dimension.b, contestants),
        "outcome": (dimension.outcome, len(OUTCOMES)),
    }
    for name, (column, limit) in limits.items():
        if len(column) != len(dimension.times) or ((column < 0) | (column >= limit)).any():
            raise ValueError(f"{name} of {dimension.key}")
    if dimension.crossings.size == 0:
        object.__setattr__(dimension, "crossings", np.zeros((groups, groups), np.int64))


def _canonical(document: Json) -> bytes:
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
