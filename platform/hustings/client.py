"""A client of the REST interface for notebooks: `Hustings(site).board("tea")` is a data frame.

Needs the extra `client`. What the server says of an error is what HustingsError says.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import httpx2

if TYPE_CHECKING:
    import pandas as pd

PAGE: Final = 1000
TIMEOUT_S: Final = 60.0
# How often an answer of 429 or 503 is waited for, and no longer than a minute each time.
MOST_WAITS: Final = 5
LONGEST_WAIT_S: Final = 60.0


class HustingsError(Exception):
    """The server refused, in its own words; `status` is HTTP's, `problem` what it answered."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or f"The server answered {status}.")
        self.status = status
        self.problem = problem


class Hustings:
    """A site, asked with a token or without one."""

    def __init__(self, site: str, *, token: str = "") -> None:
        headers = {"Accept": "application/json", "User-Agent": "hustings-client"}
        if token:
            headers["Authorization"] = f"Token {token}"
        self._http = httpx2.Client(
            base_url=f"{site.rstrip('/')}/api/v1/", headers=headers, timeout=TIMEOUT_S
        )

    def close(self) -> None:
        """Hang up. A notebook need not."""
        self._http.close()

    def studies(self) -> "pd.DataFrame":
        """The studies that may be seen, one row each."""
        return _frame(self._list("studies/"))

    def boards(self, study: str) -> "pd.DataFrame":
        """The boards of a study, the newest first."""
        return _frame(self._list(f"studies/{study}/boards/"))

    def board(
        self,
        study: str,
        *,
        board: str = "",
        dimension: str = "",
        group: str = "",
        axis: str = "",
        **filters: str,
    ) -> "pd.DataFrame":
        """Rows of a board, one a contestant and section; the latest that stands, unless named.

        `dimension`, `axis` and `group` are keys; further filters are those of the schema.
        LookupError where the study has no board.
        """
        board = board or self._latest(study)
        given = {"dimension": dimension, "axis": axis, "group": group, **filters}
        asked = {name: value for name, value in given.items() if value}
        return _frame(self._list(f"studies/{study}/boards/{board}/rows/", **asked))

    def comparisons(self, study: str, **filters: str) -> "pd.DataFrame":
        """What raters said, verdict by verdict; for who may see a study's live figures."""
        return _frame(self._list(f"studies/{study}/comparisons/", **filters))

    def get(self, path: str, **parameters: str) -> Any:
        """What any other address answers, below `/api/v1/`; or a whole address of this site."""
        for _ in range(MOST_WAITS):
            response = self._http.get(path, params=parameters or None)
            if response.status_code not in {429, 503}:
                break
            time.sleep(min(float(response.headers.get("Retry-After", 1)), LONGEST_WAIT_S))
        if response.status_code >= 400:
            is_json = "json" in response.headers.get("Content-Type", "")
            raise HustingsError(response.status_code, response.json() if is_json else {})
        return response.json()

    def _latest(self, study: str) -> str:
        for board in self._list(f"studies/{study}/boards/"):
            if board["superseded_by"] is None and board["withdrawal"] is None:
                return str(board["id"])
        raise LookupError(f"The study {study} has no board that stands.")

    def _list(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        page = self.get(path, limit=str(PAGE), **parameters)
        yield from page["results"]
        while page["next"]:
            page = self.get(page["next"])
            yield from page["results"]


def _frame(rows: Iterator[dict[str, Any]]) -> "pd.DataFrame":
    # Here, not above: whoever only reads needs no pandas.
    import pandas as pd

    return pd.DataFrame(list(rows))
