"""Which addresses the server may reach when it asks a chat model.

Admins enter addresses, and the server stands where they don't: beside a cloud's metadata
service, inside a private network. So an address is checked when it is entered, for the
admin's sake, and again by what opens the connection (`connection.py`), which connects to the
very addresses that were checked: a name may resolve to something else the next time.
"""

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from studies.providers.bots import BOT_SCHEME, find_bot
from studies.providers.errors import AddressRefusedError, UnreachableError

IPAddress = IPv4Address | IPv6Address

# What is added to a base URL.
CHAT_PATH: Final = "/chat/completions"
EMBEDDINGS_PATH: Final = "/embeddings"

# Where clouds hand out credentials. Most are link-local too; these are refused wherever they lie.
METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal",
     "instance-data", "instance-data.ec2.internal", "metadata.platformequinix.com"}
)  # fmt: skip
METADATA_ADDRESSES: Final = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",  # Amazon's containers
        "fd00:ec2::254",
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure, an address that looks public
        "192.0.0.192",  # Oracle
    )
)
THIS_NETWORK: Final = ip_network("0.0.0.0/8")
NAT64: Final = IPv6Network("64:ff9b::/96")

RESOLVE_TIMEOUT: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class AddressRules:
    """What a site allows besides https to public addresses, and anything on loopback."""

    is_plain_http_allowed: bool = False
    are_private_addresses_allowed: bool = False
    is_loopback_allowed: bool = True


STRICT: Final = AddressRules()


@dataclass(frozen=True)
class Address:
    """Scheme, host name or literal without brackets, and port, taken from a base URL."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def check_address(base_url: str, rules: AddressRules = STRICT) -> None:
    """Raise if a chat model may not be asked at `base_url`, such as `https://host/v1`.

    Resolves host names. AddressRefusedError says what is wrong and what to do about it,
    UnreachableError that the name does not resolve. `bot:NAME` is fine if there is such a bot.
    """
    if base_url.startswith(BOT_SCHEME):
        find_bot(base_url)
        return
    resolve(parse_address(base_url), rules, timeout=RESOLVE_TIMEOUT)


def parse_address(base_url: str) -> Address:
    """The address in a base URL; AddressRefusedError for whatever else the URL may hide."""
    # Signs that two parsers of URLs may read in two ways, or drop without a word.
    if not base_url.isascii() or not base_url.isprintable() or set(base_url) & set(' \\"<>^`{|}'):
        raise AddressRefusedError(
            f"{base_url!r} has signs that no address has; write names of other scripts as xn--…"
        )
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise AddressRefusedError(f"{base_url} is not an address: {error}") from error
    _check_parts(base_url, parts)
    host = (parts.hostname or "").rstrip(".")
    if not host or port == 0:
        raise AddressRefusedError(f"{base_url} names no host, or no port")
    return Address(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def _check_parts(base_url: str, parts: SplitResult) -> None:
    if parts.scheme not in ("http", "https"):
        raise AddressRefusedError(f"{base_url} does not begin with https://")
    if "@" in parts.netloc:
        # Not repeated in the message, which may be logged: it holds somebody's password.
        raise AddressRefusedError(
            "an address must not hold a user or a password; name the environment variable "
            "that holds the key"
        )
    if parts.query or parts.fragment:
        raise AddressRefusedError(f"{base_url} goes on after its path; leave out ? and #")
    for path in (CHAT_PATH, EMBEDDINGS_PATH):
        if parts.path.rstrip("/").endswith(path):
            raise AddressRefusedError(
                f"{base_url} goes too far; {path} is added to it, so end it before that"
            )


def resolve(address: Address, rules: AddressRules, *, timeout: timedelta) -> tuple[str, ...]:
    """The IP addresses of a host, all of them checked, in the resolver's order.

    Raises AddressRefusedError if a single one is refused: a name that stands for a public
    and a private address is how one gets past such a check. UnreachableError if there is none.
    """
    if address.host.lower() in METADATA_NAMES:
        raise AddressRefusedError(f"{address.host} is a cloud's metadata service")
    found = _look_up(address, timeout)
    for ip in found:
        if reason := _refusal(ip, rules):
            raise AddressRefusedError(f"{_named(address, ip)} is {reason}")
        is_plain = address.scheme == "http" and not rules.is_plain_http_allowed
        if is_plain and not _plain(ip).is_loopback:
            raise AddressRefusedError(
                f"{address.host} is asked over http, and anyone on the way could read the key; "
                "use https, or allow plain http in the settings"
            )
    return tuple(str(ip) for ip in found)


def _look_up(address: Address, timeout: timedelta) -> Sequence[IPAddress]:
    """The addresses of a host, by the system's resolver in a thread.

    The resolver takes no timeout, and with a dead name server it takes half a minute. A thread
    that comes too late is a daemon, and its answer is dropped.
    """
    answers: list[Sequence[IPAddress] | OSError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.append(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            answers.append([ip_address(row[4][0]) for row in rows])

    thread = threading.Thread(target=ask, name="hustings-resolver", daemon=True)
    thread.start()
    thread.join(max(0.0, timeout.total_seconds()))
    if not answers:
        raise UnreachableError(f"{address.host} was not resolved in time")
    answer = answers[0]
    if isinstance(answer, OSError):
        raise UnreachableError(f"{address.host} does not resolve: {answer}") from answer
    return list(dict.fromkeys(answer))


def _refusal(ip: IPAddress, rules: AddressRules) -> str:
    """Why an address is refused, "" if it is not."""
    for each in {ip, _plain(ip)}:
        if each in METADATA_ADDRESSES:
            return "a cloud's metadata service"
        if each.is_link_local:
            return "a link-local address"
        if each.is_multicast:
            return "a multicast address"
        if each.is_unspecified or (each.version == 4 and each in THIS_NETWORK):
            return "no address of a host"
    plain = _plain(ip)
    if plain.is_loopback:
        return "" if rules.is_loopback_allowed else "this server itself"
    if plain.is_reserved:
        return "a reserved address"
    if not plain.is_global and not rules.are_private_addresses_allowed:
        return "a private address; allow these in the settings if it is meant"
    return ""


def _plain(ip: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, where it does; else itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _named(address: Address, ip: IPAddress) -> str:
    return address.host if address.host == str(ip) else f"{address.host} ({ip})"
