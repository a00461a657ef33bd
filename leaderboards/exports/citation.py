"""How an export is cited: CITATION.cff, and the metadata that a DOI is registered with.

Citation File Format 1.2.0 (Druskat et al. 2021); DataCite Metadata Schema 4.
"""

import json
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from leaderboards.models import Export

Json = dict[str, Any]
# What the citation file takes for a licence: identifiers of SPDX.
SPDX: Final = {
    "CC0 1.0": "CC0-1.0",
    "CC BY 4.0": "CC-BY-4.0",
    "CC BY-SA 4.0": "CC-BY-SA-4.0",
    "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "ODbL 1.0": "ODbL-1.0",
}
KEYWORDS: Final = ("chat models", "human preferences", "pairwise comparison", "electorate")


def licence_of(export: Export) -> str:
    """Under which licence the export is given, in words."""
    if not export.is_release:
        return "None: for the study's team, not to be published or passed on."
    return settings.DATA_LICENCE or "None is stated: ask those who made the data."


def title_of(export: Export) -> str:
    """What the export is called."""
    kind = "public release" if export.is_release else "full export, not for publication"
    simulated = " of simulated raters" if export.study.is_simulated else ""
    return f"{export.study.title}: data{simulated} ({kind})"


def abstract_of(export: Export) -> str:
    """What is in it, in two sentences."""
    study = export.study
    question = f" {study.question}" if study.question else ""
    whom = f" It speaks for: {study.electorate}." if study.electorate else ""
    return (
        f"What raters of the study {study.slug} said of chat models, with the electorate, the "
        f"boards and a codebook.{question}{whom}"
    )


def citation_cff(export: Export, *, at: datetime) -> str:
    """CITATION.cff; its texts are quoted as in JSON, of which YAML is a superset."""
    lines: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them as below.",
        "type": "dataset",
        "title": title_of(export),
        "abstract": abstract_of(export),
        "authors": [{"name": settings.DATA_PUBLISHER}],
        "version": str(export.pk),
        "date-released": f"{at:%Y-%m-%d}",
        "keywords": list(KEYWORDS),
    }
    if export.is_release and (licence := SPDX.get(settings.DATA_LICENCE)):
        lines["license"] = licence
    return "".join(f"{name}: {_quoted(value)}\n" for name, value in lines.items())


def datacite_json(
    export: Export, *, at: datetime, collected: tuple[datetime, datetime] | None
) -> Json:
    """What a DOI is registered with; the DOI itself is given by whoever registers it."""
    dates = [{"date": f"{at:%Y-%m-%d}", "dateType": "Created"}]
    if collected is not None:
        first, last = collected
        span = f"{first:%Y-%m-%d}/{last:%Y-%m-%d}"
        dates.append({"date": span, "dateType": "Collected"})
    publisher = settings.DATA_PUBLISHER
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Pairwise comparisons"},
        "titles": [{"title": title_of(export)}],
        "creators": [{"name": publisher, "nameType": "Organizational"}],
        "publisher": {"name": publisher},
        "publicationYear": f"{at:%Y}",
        "version": str(export.pk),
        "dates": dates,
        "subjects": [{"subject": word} for word in KEYWORDS],
        "descriptions": [{"description": abstract_of(export), "descriptionType": "Abstract"}],
        "rightsList": [{"rights": licence_of(export)}],
        "formats": ["application/zip"],
        "identifiers": [],
    }


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
