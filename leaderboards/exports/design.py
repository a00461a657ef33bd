"""What a study asks, of which models and of whom: the document by which an export is read back."""

from typing import Any, Final

from leaderboards.models import Export
from studies.models import CellGroup, Electorate

FORMAT: Final = "hustings-export/1"
Json = dict[str, Any]


def design_json(export: Export) -> Json:
    """The study as a document; `raters.imports.archive` reads it."""
    study = export.study
    return {
        "format": FORMAT,
        "export": str(export.pk),
        "is_release": export.is_release,
        "study": {
            "slug": study.slug,
            "title": study.title,
            "question": study.question,
            "language": study.language,
            "protocol": study.protocol,
            "is_simulated": study.is_simulated,
            "task": study.task,
            "min_turns": study.min_turns,
            "max_turns": study.max_turns,
            "battles_each": study.battles_each,
        },
        "dimensions": [
            {
                "key": each.key,
                "name": each.name,
                "question": each.question,
                "help": each.help,
                "weight": each.weight,
                "is_overall": each.is_overall,
            }
            for each in study.dimensions.order_by("position", "key")
        ],
        "contestants": [
            {
                "slug": each.slug,
                "name": each.name,
                "developer": each.chat_model.developer,
                "withdrawn_at": each.withdrawn_at.isoformat() if each.withdrawn_at else None,
                "withdrawal_reason": each.withdrawal_reason,
            }
            for each in study.contestants.select_related("chat_model").order_by("slug")
        ],
        "tasks": [
            {"area": each.area, "category": each.category, "name": each.name, "text": each.text}
            for each in study.tasks.order_by("position", "area", "category", "name")
        ],
        "electorate": _electorate_json(study.electorate) if study.electorate else None,
    }


def _electorate_json(electorate: Electorate) -> Json:
    """Groups and cells with their shares as they are stored, to the last digit."""
    axes = list(electorate.axes.prefetch_related("groups__source").order_by("position"))
    groups = CellGroup.objects.filter(cell__electorate=electorate)
    cells: dict[int, tuple[float, list[str]]] = {}
    for cell, share, key in groups.order_by("cell_id", "axis__position").values_list(
        "cell_id", "cell__share", "group__key"
    ):
        cells.setdefault(cell, (share, []))[1].append(key)
    fields = ("key", "title", "publisher", "table", "year", "licence", "url", "note")
    return {
        "slug": electorate.slug,
        "name": electorate.name,
        "description": electorate.description,
        "sources": list(electorate.sources.order_by("key").values(*fields)),
        "axes": [
            {
                "key": axis.key,
                "name": axis.name,
                "groups": [
                    {
                        "key": group.key,
                        "name": group.name,
                        "share": group.share,
                        "source": group.source.key,
                    }
                    for group in axis.groups.order_by("position")
                ],
            }
            for axis in axes
        ],
        "cells": [{"groups": keys, "share": share} for share, keys in cells.values()],
    }
