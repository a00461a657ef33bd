"""Which addresses a chat model may be asked at, when it is entered and when it is connected to."""

import datetime as dt
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studies.providers import (
    AddressRefusedError,
    AddressRules,
    Endpoint,
    EndpointError,
    UnreachableError,
    addresses,
    check_address,
    connection,
    stream_reply,
)
from tests.chat_server import WORDS, ChatServer
from tests.studies.providers.conftest import QUESTION, ask, within

PRIVATE = AddressRules(are_private_addresses_allowed=True)
PLAIN = AddressRules(is_plain_http_allowed=True)
ALL = AddressRules(is_plain_http_allowed=True, are_private_addresses_allowed=True)
REAL_LOOKUP = socket.getaddrinfo

Names = Callable[..., list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[list[str]]]], list[str]]:
    """Lets names resolve to what a test says: each look-up takes the next answer, the last stays.

    Gives back the list of look-ups, which is filled as they happen.
    """

    def install(answers: dict[str, list[list[str]]]) -> list[str]:
        asked: list[str] = []

        def look_up(host, port, *args, **kwargs):
            if host not in answers:
                return REAL_LOOKUP(host, port, *args, **kwargs)
            asked.append(host)
            queue = answers[host]
            found = queue.pop(0) if len(queue) > 1 else queue[0]
            return [
                (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "",
                 (ip, port))
                for ip in found
            ]  # fmt: skip

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return install


@pytest.mark.parametrize(
    "base_url",
    [
        "https://8.8.8.8/v1",
        "https://[2001:4860:4860::8888]:8443/v1",
        "http://127.0.0.1:8000/v1",
        "http://localhost:11434/v1/",
        "http://[::1]:8000",
        "https://127.0.0.1",
        "bot:eliza",
    ],
)
def test_https_to_public_addresses_and_anything_on_loopback_is_fine(base_url: str) -> None:
    check_address(base_url)


@pytest.mark.parametrize("rules", [AddressRules(), ALL])
@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.1.1",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "0.0.0.0",
        "0",
        "[::]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "240.0.0.1",
    ],
)
def test_metadata_and_what_is_no_host_are_refused_whatever_is_allowed(
    host: str, rules: AddressRules
) -> None:
    with pytest.raises(AddressRefusedError):
        check_address(f"https://{host}/v1", rules)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.5", "172.16.0.1", "192.168.1.10", "100.64.0.1", "[fd12:3456::1]", "[::ffff:10.0.0.5]",
     "198.18.0.1", "[64:ff9b::a00:5]"],
)  # fmt: skip
def test_private_addresses_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(AddressRefusedError, match="private address; allow"):
        check_address(f"https://{host}/v1")
    check_address(f"https://{host}/v1", PRIVATE)


def test_plain_http_leaves_the_machine_only_if_allowed() -> None:
    with pytest.raises(AddressRefusedError, match="could read the key"):
        check_address("http://8.8.8.8/v1")
    check_address("http://8.8.8.8/v1", PLAIN)
    with pytest.raises(AddressRefusedError, match="private"):
        check_address("http://10.0.0.5/v1", PLAIN)
    check_address("http://10.0.0.5/v1", ALL)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example.org/v1",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///v1",
        "https://user:secret@8.8.8.8/v1",
        "https://8.8.8.8@169.254.169.254/",
        "https://8.8.8.8/v1?key=secret",
        "https://8.8.8.8/v1#x",
        "https://8.8.8.8:99999/",
        "https://8.8.8.8:0/",
        "https://8.8.8.8:port/",
        "https://8.8.8.8\\@169.254.169.254/",
        "https://8.8.8.8\n.evil.example/",
        "https://8.8.8.8/v 1",
        "https://bücher.example/v1",
        "https://[::1/v1",
        "https://8.8.8.8/v1/chat/completions",
        "https://8.8.8.8/v1/embeddings/",
    ],
)
def test_what_is_no_plain_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        check_address(base_url, ALL)
    assert "secret@" not in str(caught.value)


def test_an_unknown_bot_is_refused_with_those_there_are() -> None:
    with pytest.raises(EndpointError, match=r"no bot bot:elisa; known are bot:helper, .*bot:eliza"):
        check_address("bot:elisa")


def test_a_name_is_refused_for_a_single_one_of_its_addresses(names) -> None:
    names({"mixed.example": [["8.8.8.8", "10.0.0.5"]], "fine.example": [["8.8.8.8", "1.1.1.1"]]})
    check_address("https://fine.example/v1")
    with pytest.raises(AddressRefusedError, match=r"mixed\.example \(10\.0\.0\.5\) is a private"):
        check_address("https://mixed.example/v1")


def test_a_name_that_does_not_resolve_is_told_from_a_refused_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnreachableError, match=r"does not resolve: .*not known"):
        check_address("https://nowhere.example/v1")


def test_a_name_server_that_is_dead_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "RESOLVE_TIMEOUT", dt.timedelta(seconds=0.1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(1) or [])
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="not resolved in time"):
        check_address("https://slow.example/v1")
    assert time.monotonic() - started < 0.8


# When it is connected to


def test_the_connection_goes_to_the_address_that_was_checked(server: ChatServer, names) -> None:
    asked = names({"models.example": [["127.0.0.1"]]})
    base_url = f"http://models.example:{server.port}/v1"
    assert tuple(ask(server, base_url=base_url)) == WORDS
    assert asked == ["models.example"]
    assert server.requests[0].headers["host"] == f"models.example:{server.port}"


def test_a_name_that_changes_between_check_and_call_gets_no_connection(
    server: ChatServer, names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names({"rebound.example": [["8.8.8.8"], ["169.254.169.254"]]})
    connected = []
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *rest, **more: connected.append(address)
    )
    check_address("https://rebound.example/v1")
    with pytest.raises(AddressRefusedError, match="metadata"):
        list(ask(server, base_url="https://rebound.example/v1"))
    assert connected == []


def test_a_name_that_changes_during_the_call_is_not_looked_up_again(
    server: ChatServer, names
) -> None:
    asked = names({"rebound.example": [["127.0.0.1"], ["169.254.169.254"]]})
    base_url = f"http://rebound.example:{server.port}/v1"
    assert tuple(ask(server, base_url=base_url)) == WORDS
    assert asked == ["rebound.example"]


def test_the_next_address_is_tried_where_the_first_does_not_answer(
    server: ChatServer, names
) -> None:
    names({"two.example": [["127.0.0.2", "127.0.0.1"]]})
    base_url = f"http://two.example:{server.port}/v1"
    assert tuple(ask(server, base_url=base_url)) == WORDS


def test_the_rules_hold_for_the_call_as_for_the_check(server: ChatServer) -> None:
    for base_url in ("http://10.0.0.5/v1", "http://8.8.8.8/v1", "https://169.254.169.254/v1"):
        with pytest.raises(AddressRefusedError):
            list(ask(server, base_url=base_url))


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of models.example that signs itself, with its key, in one PEM file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "models.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([
                x509.DNSName("models.example"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "models.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[ChatServer]:
    """A server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ChatServer(tls=context) as running:
        yield running


@pytest.fixture
def _is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The certificate is one of those that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connection._trusted_roots.cache_clear()
    yield
    connection._trusted_roots.cache_clear()


@pytest.mark.usefixtures("_is_trusted")
def test_tls_is_for_the_name_though_the_connection_is_to_the_address(
    tls_server: ChatServer, names
) -> None:
    names({"models.example": [["127.0.0.1"]], "others.example": [["127.0.0.1"]]})
    right = f"https://models.example:{tls_server.port}/v1"
    assert tuple(ask(tls_server, base_url=right)) == WORDS
    wrong = f"https://others.example:{tls_server.port}/v1"
    with pytest.raises(UnreachableError, match=r"[Hh]ostname mismatch"):
        list(ask(tls_server, base_url=wrong))


def test_a_certificate_that_nobody_vouches_for_is_no_connection(tls_server: ChatServer) -> None:
    endpoint = Endpoint(tls_server.base_url, "cedar")
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        list(stream_reply(endpoint, QUESTION, deadline=within(10)))
    assert tls_server.requests == []
