"""Entry point for ASGI servers: pages, and streams beside them.

A page is made by one thread from beginning to end, as in a WSGI server, and there are only so many
of them: Django alone would begin as many requests at once as come, each with a connection to the
database of its own, and each hand-over between its middleware and the event loop would wait for
all the others. What a stream is to tell is asked for in the same way; then the event loop sends it.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import django
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

# Few, for they take turns at the interpreter's one lock: whoever holds a study's lock, for which
# others wait in the database, has her turn soon.
PAGES_AT_ONCE: Final = 4


class Application(ASGIHandler):
    """Pages in a few threads that keep their connections. No view of the site is asynchronous.

    More pages than that wait for their turn, and who has gone meanwhile is not served.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pages = BaseHandler()
        self._pages.load_middleware()
        self._threads = ThreadPoolExecutor(PAGES_AT_ONCE, thread_name_prefix="page")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request. Raises ValueError for what is not HTTP.

        Django would begin a thread for each, and all that is left for it is to tell its signals:
        one thread does that for all.
        """
        if scope["type"] != "http":
            raise ValueError(f"Only HTTP is served here, not {scope['type']}.")
        await self.handle(scope, receive, send)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._page, request)

    def _page(self, request: HttpRequest) -> HttpResponseBase:
        close_old_connections()
        try:
            return self._pages.get_response(request)
        finally:
            close_old_connections()


django.setup(set_prefix=False)
application = Application()
