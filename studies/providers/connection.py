"""The connection to an endpoint: to checked addresses only, and bounded in time and bytes.

This is the one module that imports httpx2, and it is imported where a call is made: the rest
of the site starts without it. The bounds lie at the socket, below HTTP and TLS, because
neither a timeout for each read nor a look at the clock after each event stops a server that
drips headers, comments or parts of one event. Redirects, proxies of the environment and .netrc
play no role: what is connected to is what was checked.
"""

import functools
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore2
import httpx2

from studies.providers.addresses import Address, AddressRules, resolve
from studies.providers.countdown import Countdown
from studies.providers.errors import (
    MalformedAnswerError,
    OversizedAnswerError,
    ProviderTimeoutError,
    StreamCutError,
    UnreachableError,
)

# A token takes some 300 bytes of events: about 100,000 tokens.
BYTE_LIMIT: Final = 32 * 1024 * 1024


def open_client(address: Address, rules: AddressRules, countdown: Countdown) -> httpx2.Client:
    """A client for one call to `address`. Without a pool: a reply takes seconds, TLS a moment."""
    transport = _Transport(_Backend(address, rules, countdown), is_tls=address.scheme == "https")
    return httpx2.Client(transport=transport, trust_env=False, follow_redirects=False)


@contextmanager
def named_failures(address: Address, countdown: Countdown) -> Iterator[None]:
    """Failures of the network and of HTTP, as the errors of `errors.py`."""
    try:
        yield
    except httpcore2.ConnectError as error:
        raise UnreachableError(f"no connection to {address}: {error}") from error
    except httpcore2.TimeoutException as error:
        countdown.check()
        raise ProviderTimeoutError(f"{address} was silent for too long") from error
    except httpx2.SSEError as error:
        raise OversizedAnswerError(f"{address} sent an event that is too long") from error
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
        raise StreamCutError(f"the connection to {address} was lost: {error}") from error
    except (httpcore2.ProtocolError, httpx2.HTTPError) as error:
        raise MalformedAnswerError(f"{address} does not speak HTTP as it should") from error


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """The system's certificate authorities, or SSL_CERT_FILE's: 50 ms to load, so only once."""
    return httpx2.create_ssl_context()


class _Transport(httpx2.BaseTransport):
    """httpx2's own transport, but over our network backend, which that one does not take."""

    def __init__(self, backend: httpcore2.NetworkBackend, *, is_tls: bool) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trusted_roots() if is_tls else None,
            max_connections=1,
            network_backend=backend,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        response = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            response.status, headers=response.headers, stream=_Body(response), request=request
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore2.NetworkBackend):
    """Opens sockets to addresses that were checked a moment ago, never to a name."""

    def __init__(self, address: Address, rules: AddressRules, countdown: Countdown) -> None:
        self._address = address
        self._rules = rules
        self._countdown = countdown
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        # The host that httpx2 read in the URL, should it ever read it otherwise than we did.
        asked_for = Address(self._address.scheme, host, port)
        addresses = resolve(asked_for, self._rules, timeout=self._countdown.time_left)
        failures = []
        for ip in addresses:
            try:
                stream = self._sockets.connect_tcp(
                    ip,
                    port,
                    timeout=_allowed(self._countdown, timeout, httpcore2.ConnectTimeout),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                # The next one may answer: a name with IPv6 and IPv4 on a host without IPv6.
                failures.append(error)
            else:
                return _BoundedStream(stream, self._countdown)
        raise failures[-1]


class _BoundedStream(httpcore2.NetworkStream):
    """A socket that is read no longer than until the deadline, and no further than BYTE_LIMIT."""

    def __init__(self, stream: httpcore2.NetworkStream, countdown: Countdown) -> None:
        self._stream = stream
        self._countdown = countdown
        self._bytes_read = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        allowed = _allowed(self._countdown, timeout, httpcore2.ReadTimeout)
        data = self._stream.read(max_bytes, timeout=allowed)
        self._bytes_read += len(data)
        if self._bytes_read > BYTE_LIMIT:
            raise OversizedAnswerError(f"the answer is longer than {BYTE_LIMIT:,} bytes")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        allowed = _allowed(self._countdown, timeout, httpcore2.WriteTimeout)
        self._stream.write(buffer, timeout=allowed)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        allowed = _allowed(self._countdown, timeout, httpcore2.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, allowed)
        return _BoundedStream(stream, self._countdown)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _allowed(
    countdown: Countdown, timeout: float | None, late: type[httpcore2.TimeoutException]
) -> float:
    """The shorter of a timeout and what is left, in seconds; `late` if nothing is left."""
    seconds_left = countdown.seconds_left
    if seconds_left <= 0:
        raise late("the deadline has passed")
    return seconds_left if timeout is None else min(timeout, seconds_left)
