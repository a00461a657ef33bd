"""Judges what pip-audit found: reads its JSON, fails where a vulnerability is known.

Where the database of advisories can't be reached, that is one loud line and no failure: the same
code would else pass on one day and fail on the next.
"""

import json
import sys
from typing import Any


def judge(report: str) -> int:
    """0 or 1, as a process ends; what was found is printed. `report` is empty if nothing came."""
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"] if report.strip() else []
    known = [(each, found) for each in packages for found in each.get("vulns", [])]
    for package, found in known:
        mended = ", ".join(found["fix_versions"]) or "no version yet"
        line = f"{package['name']} {package['version']}: {found['id']}, mended in {mended}"
        print(line)  # noqa: T201
    skipped = sum("skip_reason" in each for each in packages)
    if skipped or not packages:
        which = f"{skipped} OF {len(packages)}" if packages else "ALL"
        line = f"!!! {which} DEPENDENCIES WERE NOT AUDITED: no advisories for them were reached !!!"
        print(line, file=sys.stderr)  # noqa: T201
    elif not known:
        print(f"{len(packages)} dependencies audited: nothing known against them.")  # noqa: T201
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(judge(sys.stdin.read()))
