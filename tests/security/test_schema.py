"""Whatever is sent to it, REST answers as its schema says, and never breaks off."""

from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hustings.wsgi import application
from tests.security.every_address import Everybody, taken_back
from tests.security.every_address import everybody as everybody  # a fixture
from tests.studies.test_api import bearer

SCHEMA = schemathesis.openapi.from_path(
    Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml",
    config=schemathesis.Config.from_dict({"generation": {"allow-x00": True}}),
)
SCHEMA.app = application
OPERATIONS = {result.ok().label: result.ok() for result in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
EXAMPLES = 6

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def tokens(everybody: Everybody, settings: Any) -> list[dict[str, str]]:
    """Nobody's headers, and those of a token that may do everything."""
    settings.REST_LIMIT_KNOWN = settings.REST_LIMIT_ANONYMOUS = 1_000_000
    boss = everybody.rich.boss
    return [{}, bearer(boss, may_read_conversations=True, may_manage=True)]


@pytest.mark.parametrize("label", OPERATIONS)
def test_it_answers_as_the_schema_says(
    everybody: Everybody, tokens: list[dict[str, str]], label: str
) -> None:
    rich, operation = everybody.rich, OPERATIONS[label]
    # What is there, for what is not is not found whatever else is asked.
    there = {
        "slug": "town" if "electorates" in label else "tea",
        "board_id": str(rich.board.pk),
        "export_id": str(rich.export.pk),
        "number": 1,
        "pk": rich.report.pk,
    }

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def asked(case: schemathesis.Case) -> None:
        for headers in tokens:
            for known in ({}, there):
                given = dict(case.path_parameters or {})
                case.path_parameters = given | {k: v for k, v in known.items() if k in given}
                with taken_back():
                    response = case.call(headers=headers)
                # What comes packed is unpacked by browsers, and by clients; not by this one.
                is_packed = "content-encoding" in response.headers
                case.validate_response(response, checks=CHECKS[:-1] if is_packed else CHECKS)

    asked()
