"""Many raters at once, each with a connection of her own: on PostgreSQL, and on SQLite in a file.

The tests' own SQLite database lies in memory, where connections wait for each other in another
way than in a file. So this module also runs as a program of its own: it lets the crowd
into the empty database of HUSTINGS_HOME, and prints what became of it as JSON.
"""

import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.models import Study

SIZE = 64
PLACES = 20
CELLS = [{"age": age, "sex": sex} for age in ("18-34", "35-plus") for sex in ("female", "male")]


def somewhere(n: int) -> dict[str, str]:
    """The groups of rater n: at random, the same in each run."""
    return random.Random(n).choice(CELLS)


@dataclass(frozen=True)
class Crowd:
    """How a crowd comes: each rater in so many tabs, and some leave as soon as they are in."""

    name: str
    quota_by: str = "margins"
    places: int = PLACES
    groups_of: Callable[[int], dict[str, str]] = somewhere
    tabs: int = 1
    leaving: float = 0


CROWDS = (
    Crowd("margins"),
    # The first cell is a fifth of the electorate, so it has 20 places.
    Crowd("one-cell", quota_by="cells", places=100, groups_of=lambda _n: CELLS[0]),
    Crowd("two-tabs", tabs=2),
    Crowd("coming-and-going", leaving=0.3),
)


def let_crowds_in() -> dict[str, Any]:
    """What becomes of each crowd."""
    return {crowd.name: _let_in(crowd) for crowd in CROWDS}


def _let_in(crowd: Crowd) -> dict[str, Any]:
    """Let all raters in at once, and if some left, all of them once more."""
    study = _open_study(crowd)
    began = time.perf_counter()
    outcomes = _rush(study, crowd)
    seconds = time.perf_counter() - began
    if crowd.leaving:
        outcomes = _rush(study, replace(crowd, leaving=0))
    return {
        "seconds": round(seconds, 3),
        "outcomes": Counter(outcomes),
        "participations": study.participations.count(),
        "raters": SIZE // crowd.tabs,
        "overfull": _quotas(study, lambda fill: fill.taken > fill.target),
        "places_taken": _places_taken(study),
        "turned_away_for_nothing": _turned_away_for_nothing(study),
    }


def _open_study(crowd: Crowd) -> "Study":
    from studies.models import Study
    from studies.planning import open_study
    from tests.cast import NOW, complete_design, make_study

    study = make_study(crowd.name, raters=0, state="draft", electorate=_electorate())
    Study.objects.filter(pk=study.pk).update(quota_by=crowd.quota_by)
    study.refresh_from_db()
    complete_design(study, raters=crowd.places)
    open_study(study, at=NOW)
    return study


def _electorate() -> Any:
    from studies.models import Electorate
    from tests.cast import make_electorate

    return Electorate.objects.filter(slug="town").first() or make_electorate()


def _rush(study: "Study", crowd: Crowd) -> list[str]:
    """All threads wait at the door, and then go through it together."""
    from django.db import connection

    from raters.errors import QuotaFullError
    from raters.services.panel import reserve_place, return_place
    from tests.cast import NOW

    door = threading.Barrier(SIZE)
    outcomes: list[str] = []
    consent_text = study.consent_texts.get()

    def come(n: int) -> None:
        rater = n // crowd.tabs
        try:
            connection.ensure_connection()
            door.wait(timeout=60)
            participation = reserve_place(
                study,
                recruiting_id=f"rater-{rater}",
                groups=crowd.groups_of(rater),
                consent_text=consent_text,
                at=NOW,
            )
            outcomes.append("admitted")
            if random.Random(-rater).random() < crowd.leaving:
                return_place(participation, at=NOW)
        except QuotaFullError:
            outcomes.append("turned away")
        except Exception as error:  # What goes wrong in a thread has to reach the test.
            outcomes.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=come, args=(n,)) for n in range(SIZE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _quotas(study: "Study", is_meant: Callable[[Any], bool]) -> list[str]:
    from raters.quotas import places

    return [str(fill.quota) for fill in places(study) if is_meant(fill)]


def _places_taken(study: "Study") -> int:
    from studies.planning import TAKES_A_PLACE

    return study.participations.filter(state__in=TAKES_A_PLACE).count()


def _turned_away_for_nothing(study: "Study") -> list[str]:
    """Raters who were turned away although each of their quotas has a place."""
    from raters.quotas import places

    full = [fill.quota for fill in places(study) if fill.is_full]
    groups, cells = {quota.group_id for quota in full}, {quota.cell_id for quota in full}
    return [
        participation.identity.recruiting_id
        for participation in study.participations.filter(state="screened_out")
        if participation.cell_id not in cells
        and groups.isdisjoint(participation.cell.groups.values_list("pk", flat=True))
    ]


def main() -> None:
    """Let the crowds into the database that is there."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")
    import django

    django.setup()
    sys.stdout.write(json.dumps(let_crowds_in()))


if __name__ == "__main__":
    main()
