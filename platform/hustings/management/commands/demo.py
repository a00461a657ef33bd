"""`hustings demo`: everything on this machine with nothing to set up."""

import logging
import threading
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from celery.beat import EmbeddedService
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from hustings.celery import app
from hustings.demo import (
    ADMIN,
    LIVE_SLUG,
    RATED_SLUG,
    SLUG,
    ensure_demo_admin,
    ensure_demo_study,
    ensure_live_studies,
)
from hustings.management.command import HustingsCommand
from raters.services.replies import hand_back_replies

REPLIES_AT_ONCE = 16

LINKS = """
Hustings runs on this machine only; its raters are simulated. Stop it with Ctrl-C.

  The board           {site}/studies/{slug}/
  by age              {site}/studies/{slug}/?group=age%3D18-24
  beside a machine    {site}/studies/{slug}/machines/
  Be a rater          {site}/join/{live}/?PROLIFIC_PID=you
  with one at a time  {site}/join/{rated}/?PROLIFIC_PID=you
  Admin               {site}/admin/            user {user}, password {password}
  REST, with docs     {site}/api/v1/docs/
  its board as JSON   {site}/api/v1/studies/{slug}/boards/
"""


class Command(HustingsCommand):
    """Migrate, load the demo study with simulated raters, then serve site and worker."""

    help = "Run the demo: SQLite, a worker in the same process, simulated raters, loopback only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="only set up")
        parser.add_argument("--raters", type=int, default=2000, metavar="N")
        parser.add_argument("--seed", type=int, default=1, metavar="S")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.IS_EMBEDDED:
            raise CommandError(
                "The demo makes an admin whose password it prints, so it runs embedded only: "
                "unset SECRET_KEY, DATABASE_URL and CELERY_BROKER_URL."
            )
        call_command("migrate", verbosity=0)
        ensure_demo_study(raters=options["raters"], seed=options["seed"], at=timezone.now())
        ensure_live_studies(at=timezone.now())
        if options["no_serve"]:
            self.stdout.write("The demo study is set up.")
            return
        links = LINKS.format(
            site=f"http://127.0.0.1:{options['port']}",
            slug=SLUG,
            live=LIVE_SLUG,
            rated=RATED_SLUG,
            user=ADMIN,
            password=ensure_demo_admin(),
        )
        with embedded_worker():
            serve(options["port"], when_ready=lambda: self.stdout.write(links))


@contextmanager
def embedded_worker() -> Iterator[None]:
    """A Celery worker and its beat as threads of this process, while the context lasts."""
    logging.getLogger("celery").setLevel(logging.WARNING)
    # Threads, so that as many replies are written at once; each spends its time waiting.
    worker = app.WorkController(
        pool_cls="threads",
        concurrency=REPLIES_AT_ONCE,
        loglevel="WARNING",
        without_mingle=True,
        without_gossip=True,
    )
    beat = EmbeddedService(app, max_interval=1, thread=True)
    threading.Thread(target=worker.start, name="worker", daemon=True).start()
    beat.start()
    try:
        yield
    finally:
        beat.stop()
        # A reply under way would hold up the end for as long as its chat model talks.
        hand_back_replies()
        worker.stop()


def serve(port: int, *, when_ready: Callable[[], object]) -> None:
    """Serve the site on loopback until interrupted."""
    config = uvicorn.Config(
        "hustings.asgi:application",
        host="127.0.0.1",
        port=port,
        log_level="warning",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    original = server.startup

    async def startup(*args: Any, **kwargs: Any) -> None:
        await original(*args, **kwargs)
        if server.started:
            when_ready()

    server.startup = startup  # type: ignore[method-assign]
    # WhiteNoise reads files synchronously, which is well on one machine and not worth a warning.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
    # After its orderly end, uvicorn raises again the signal that it got.
    with suppress(KeyboardInterrupt):
        server.run()
