"""A whole site for a browser: an ASGI server and a worker, each a process, on a database file.

Run as a program it is the worker: it opens the studies, says so, and makes replies until killed.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
STUDIES = ("desktop", "phone", "polled", "plain", "narrow", "beside", "full")
# Here one assistant answers and is rated, about a task.
ALONE = ("alone-desktop", "alone-phone", "alone-plain")
ENDED = "ended"


@contextmanager
def serve_site(home: Path) -> Iterator[str]:
    """The address of a site with an open study of each of these names."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "DEBUG"}
    } | {"HUSTINGS_HOME": str(home), "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    environment["DJANGO_SETTINGS_MODULE"] = "hustings.settings"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=environment, cwd=ROOT, check=True)
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.raters.live_site"],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdout is not None
    assert worker.stdout.readline() == "open\n"
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "hustings.asgi:application", "--port", str(port),
         "--log-level", "warning", "--lifespan", "off"],
        env=environment, cwd=ROOT,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/join/{STUDIES[0]}/")
        yield address
    finally:
        for process in (server, worker):
            process.terminate()
            process.wait(10)
        worker.stdout.close()


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            with urlopen(address):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"Nothing answers at {address}.")


def work() -> None:
    """Open the studies, then make replies."""
    import django

    django.setup()
    from studies.models import Study
    from tests.raters.live_study import add_tasks, make_replies, open_study

    for slug in STUDIES:
        open_study(slug, places=0 if slug == "full" else 10)
    for slug in ALONE:
        add_tasks(open_study(slug, battles_each=1, protocol=Study.Protocol.SINGLE))
    ended = open_study(ENDED)
    ended.state = "closed"
    ended.save()
    sys.stdout.write("open\n")
    sys.stdout.flush()
    while True:
        # Bots answer at once; a page that learns of it by its own answer needs no stream.
        make_replies(after=timedelta(milliseconds=500))
        time.sleep(0.05)


if __name__ == "__main__":
    work()
