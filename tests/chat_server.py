"""A server on loopback that speaks the chat-completions protocol, well or badly, over real sockets.

    with ChatServer() as server:
        server.play(Refuse(429, retry_after="1"), Talk("Hello."))
        ... ask server.base_url twice ...
        assert server.requests[0].body["stream"] is True

Each request plays the next script of its model, then the next of any model, then `default`.
"""

import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, Self

# Endless answers end after all, so that a client without bounds fails its test and hangs nothing.
ENDLESS_SECONDS = 10.0

WORDS = ("Boil ", "the ", "rice ", "in ", "salted ", "water.")


@dataclass(frozen=True)
class Request:
    """What a client sent: path, headers in lower case, and its body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Script(Protocol):
    """One answer of the server."""

    def play(self, line: "Line") -> None:
        """Send it."""


class Line(BaseHTTPRequestHandler):
    """The server's end of a connection, with the few things that scripts do to it."""

    protocol_version = "HTTP/1.1"
    server: "_Listener"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, json.loads(self.rfile.read(length)))
        self.close_connection = True
        self.server.owner.script_for(request).play(self)

    def begin(self, status: int = 200, **headers: str) -> None:
        """The status and headers; underscores in names stand for hyphens."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("connection", "close")
        self.end_headers()

    def begin_stream(self) -> None:
        """The head of a stream in HTTP chunks, whose end a client can tell from a cut."""
        self.begin(content_type="text/event-stream; charset=utf-8", transfer_encoding="chunked")

    def send_chunk(self, data: bytes) -> None:
        """One HTTP chunk; an empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def send_event(self, data: object) -> None:
        """One server-sent event, of JSON unless it is text."""
        text = data if isinstance(data, str) else json.dumps(data)
        self.send_chunk(f"data: {text}\n\n".encode())

    def send_whole(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        """An answer in one piece."""
        self.begin(status, content_type=kind, content_length=str(len(body)), **headers)
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Cut the connection hard: the client gets a reset, not an end."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def log_message(self, *args: Any) -> None:
        """Nothing: a test's output is for what fails."""


def text_event(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    """An event with a piece of text, as most servers send it."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def usage_event(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """The event that counts tokens, after the last piece."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return {"object": "chat.completion.chunk", "choices": [], "usage": usage}


@dataclass(frozen=True)
class Talk:
    """A stream as it should be, or slow: seconds before the first piece and between pieces."""

    pieces: tuple[str, ...] = WORDS
    finish_reason: str | None = "stop"
    seconds_before: float = 0.0
    seconds_between: float = 0.0
    usage: tuple[int, int] | None = (12, 6)
    is_done_sent: bool = True

    def play(self, line: Line) -> None:
        """Send every piece, the finish, the usage, and [DONE]."""
        time.sleep(self.seconds_before)
        line.begin_stream()
        for piece in self.pieces:
            line.send_event(text_event(piece))
            time.sleep(self.seconds_between)
        line.send_event(text_event("", self.finish_reason))
        if self.usage is not None:
            line.send_event(usage_event(*self.usage))
        if self.is_done_sent:
            line.send_event("[DONE]")
        line.send_chunk(b"")


@dataclass(frozen=True)
class Events:
    """A stream of these events, whatever they are; text is sent as it is."""

    events: tuple[object, ...]

    def play(self, line: Line) -> None:
        """Send them, and end the body in good order."""
        line.begin_stream()
        for event in self.events:
            line.send_event(event)
        line.send_chunk(b"")


@dataclass(frozen=True)
class Cut:
    """A stream that breaks off after some events: by a reset, or by a close without an end."""

    events: tuple[object, ...] = (text_event("Boil "), text_event("the "))
    is_reset: bool = False

    def play(self, line: Line) -> None:
        """Send them, and be gone."""
        line.begin_stream()
        for event in self.events:
            line.send_event(event)
        if self.is_reset:
            time.sleep(0.05)  # A reset overtakes what is still on its way.
            line.hang_up()


@dataclass(frozen=True)
class Refuse:
    """A status other than 200, with a body and perhaps Retry-After or a location."""

    status: int
    retry_after: str | None = None
    location: str | None = None
    body: bytes = b'{"error": {"message": "no"}}'

    def play(self, line: Line) -> None:
        """Send it in one piece."""
        headers = {}
        if self.retry_after is not None:
            headers["retry_after"] = self.retry_after
        if self.location is not None:
            headers["location"] = self.location
        line.send_whole(self.status, "application/json", self.body, **headers)


@dataclass(frozen=True)
class Whole:
    """An answer of status 200 in one piece, whatever it is."""

    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def play(self, line: Line) -> None:
        """Send it."""
        line.send_whole(200, self.kind, self.body, **self.headers)


@dataclass(frozen=True)
class Drip:
    """A little at a time while the client listens: of a header, or comments in a stream."""

    is_in_headers: bool = False
    seconds_between: float = 0.05

    def play(self, line: Line) -> None:
        """Send until nobody listens."""
        if self.is_in_headers:
            line.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        else:
            line.begin_stream()
        until = time.monotonic() + ENDLESS_SECONDS
        while time.monotonic() < until:
            if self.is_in_headers:
                line.wfile.write(b"a")
            else:
                line.send_chunk(b": still here\n\n")
            time.sleep(self.seconds_between)


@dataclass(frozen=True)
class Flood:
    """A stream that never ends, as fast as it goes."""

    event: bytes

    def play(self, line: Line) -> None:
        """Send until nobody listens."""
        line.begin_stream()
        until = time.monotonic() + ENDLESS_SECONDS
        while time.monotonic() < until:
            line.send_chunk(self.event)


class ChatServer:
    """The server, from entering the context to leaving it. Safe for many requests at once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, default: Script | None = None) -> None:
        self.requests: list[Request] = []
        self.default: Script = default or Talk()
        self._scripts: defaultdict[str | None, deque[Script]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._listener = _Listener(self, tls)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.server_address[1])

    @property
    def base_url(self) -> str:
        """What an endpoint is told."""
        scheme = "http" if self._listener.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/v1"

    def play(self, *scripts: Script, model: str | None = None) -> None:
        """Answer the next requests so, one after the other: those for `model`, or any."""
        with self._lock:
            self._scripts[model].extend(scripts)

    def script_for(self, request: Request) -> Script:
        """The script of a request, which is then used up."""
        with self._lock:
            self.requests.append(request)
            for model in (request.body.get("model"), None):
                if self._scripts[model]:
                    return self._scripts[model].popleft()
            return self.default


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # A drip would wait for ever for a client that has long gone.
    request_queue_size = 256

    def __init__(self, owner: ChatServer, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.tls = tls
        super().__init__(("127.0.0.1", 0), Line)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, so that a slow handshake holds up nobody else."""
        try:
            if self.tls is None:
                super().finish_request(request, client_address)
            else:
                with self.tls.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)
        except (OSError, ValueError):
            return  # The client has hung up, or we did.
