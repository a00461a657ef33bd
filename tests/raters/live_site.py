"""A whole site for a browser, as it runs with nothing set: pages, streams and worker on SQLite.

Run as a program it is the site: `python -m tests.raters.live_site PORT MODULE:FUNCTION` calls the
function to fill the empty database of HUSTINGS_HOME, says so, and serves until it is interrupted.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ("desktop", "phone", "polled", "plain", "narrow", "beside", "full")
# Here one assistant answers and is rated, about a task.
ALONE = ("alone-desktop", "alone-phone", "alone-plain")
ENDED = "ended"


@contextmanager
def serve_site(home: Path, *, set_up: Callable[[], None]) -> Iterator[str]:
    """The address of a site in a process of its own, whose database `set_up` has filled there.

    `home` is of `new_home`: it has a database with every table.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "DEBUG"}
    } | {"HUSTINGS_HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    environment["DJANGO_SETTINGS_MODULE"] = "hustings.settings"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = subprocess.Popen(
        [sys.executable, "-m", "tests.raters.live_site", str(port),
         f"{set_up.__module__}:{set_up.__qualname__}"],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert site.stdout is not None
    try:
        assert site.stdout.readline() == "open\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        site.send_signal(signal.SIGINT)
        site.wait(20)
        site.stdout.close()


def serve(port: int, set_up: str) -> None:
    """Fill the database, then be the site."""
    import django

    django.setup()

    from hustings.management.commands import demo

    resolve_name(set_up)()
    with demo.embedded_worker():
        demo.serve(port, when_ready=lambda: print("open", flush=True))  # noqa: T201


def open_studies() -> None:
    """An open study of each of these names, with bots that take their time."""
    from studies.models import ChatModel, Study
    from tests.raters.live_study import add_tasks, open_study

    for slug in STUDIES:
        open_study(slug, places=0 if slug == "full" else 10)
    for slug in ALONE:
        add_tasks(open_study(slug, battles_each=1, protocol=Study.Protocol.SINGLE))
    ended = open_study(ENDED)
    ended.state = "closed"
    ended.save()
    # Bots answer at once; a page that learns of it by its own answer needs no stream.
    ChatModel.objects.update(parameters={"pace_ms": 50})


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
