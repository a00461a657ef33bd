"""`hustings serve`: the web processes, as they run in production."""

import os
import socket
from argparse import ArgumentParser
from typing import Any, Final

import uvicorn
from django.core.management.base import CommandError
from uvicorn.supervisors import Multiprocess

from hustings.management.command import HustingsCommand

# Pages are short. A stream is cut, and the rater's browser begins it anew elsewhere.
GRACE_S: Final = 20
READY_WITHIN_S: Final = 60
# Longer than proxies keep an idle connection (Caddy two minutes, nginx one): whoever closes first
# may cut off what the other is just sending, and a post that is cut off is not sent again.
KEPT_ALIVE_S: Final = 150


class Command(HustingsCommand):
    """Serve until told to end; SIGHUP lets one process after another begin anew."""

    help = (
        "Serve pages, REST and streams. SIGTERM ends it once what is under way is answered; "
        "SIGHUP starts its processes again one by one, with new code, while the others serve."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--workers",
            type=int,
            default=2 * (os.cpu_count() or 1),
            metavar="N",
            help="processes; twice as many as there are cores unless you say otherwise",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["workers"] < 1:
            raise CommandError("There must be one process at least: --workers 1.")
        config = uvicorn.Config(
            "hustings.asgi:application",
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            lifespan="off",
            # Django's settings say how to log, and RequestLog writes a line for each request.
            log_config=None,
            access_log=False,
            # Django reads what the proxy says, and only where it is told to trust it.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEPT_ALIVE_S,
            # A busy machine is slow, and a process that is busy is not dead.
            timeout_worker_healthcheck=READY_WITHIN_S,
        )
        listening = config.bind_socket()
        # What connections inherit. Headers and body are sent one after the other, and the body
        # would wait for the client to acknowledge the headers: some 40 ms for every answer.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Multiprocess(config, sockets=[listening]).run()
