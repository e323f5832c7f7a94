"""A request goes to where it may, ends in its time, and brings no more than it may."""

import base64
import datetime
import gzip
import re
import socket
import ssl
import time
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rs_pipeline.config import FetchSection
from rs_pipeline.errors import ConfigError, RemoteError
from rs_pipeline.remote import address, connection
from rs_pipeline.remote import ask as module
from rs_pipeline.remote.address import origin
from rs_pipeline.remote.ask import Credentials, ask, parsed
from rs_pipeline.remote.retrying import Later, Refused
from tests.remote.server import always, http

LIMITS = FetchSection(retries=0, timeout_s=1, backoff_s=0.01)


def test_an_answer(serving):
    server = serving(always(http(body=b"hello", ETag='"a"')))
    answer = ask(server.url + "/x?a=1#part", LIMITS, internal=True)
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"hello", '"a"')
    assert server.requests[0].startswith("GET /x?a=1 HTTP/1.1\r\n")


def test_what_is_internal_is_not_asked(serving):
    server = serving(always(http(body=b"secret")))
    for url in (server.url, server.url.replace("127.0.0.1", "localhost"), server.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
        with pytest.raises(RemoteError, match="is internal"):
            ask(url, LIMITS)
    assert server.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/x", "/etc/passwd", "http:///x", "http://[::1", "gopher://127.0.0.1:1/"])
def test_what_is_no_address(url):
    with pytest.raises(RemoteError, match=r"neither https nor http|no address of a server"):
        ask(url, LIMITS, internal=True)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_held_to_the_same_rule(serving, outside, status):
    hidden = serving(always(http(body=b"secret")), host="127.0.0.2")
    server = serving(always(http(status, Location=hidden.url + "/meta-data")))
    with pytest.raises(RemoteError, match=r"the host '127\.0\.0\.2' is internal"):
        ask(server.url, LIMITS)
    assert len(server.requests) == 1 and hidden.requests == []
    assert ask(server.url, LIMITS, internal=True).body == b"secret"


def test_a_name_that_changes_its_address_gains_nothing(serving, monkeypatch):
    """Public when it is looked at, 127.0.0.1 when the connection is made; looked up once, and that is what is judged."""
    server, asked = serving(always(http(body=b"secret"))), []
    real = socket.getaddrinfo

    def rebinding(host, *args, **kwargs):
        if host != "rebinding.example":
            return real(host, *args, **kwargs)
        asked.append(host)
        return real("1.1.1.1" if len(asked) == 1 else "127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(address.socket, "getaddrinfo", rebinding)
    assert address.standing("rebinding.example") == "public"
    with pytest.raises(RemoteError, match="'rebinding.example' is internal"):
        ask(f"http://rebinding.example:{urlsplit(server.url).port}/", LIMITS)
    assert server.requests == [] and len(asked) == 2


def test_a_redirect_does_not_leave_https():
    assert module._target("https://h/a", "/b") == "https://h/b"
    for location in ("http://h/b", "file:///etc/passwd", "https://[::1"):
        with pytest.raises(RemoteError, match="leads from https to"):
            module._target("https://h/a", location)


def test_redirects_end(serving):
    server = serving(always(http("302 Found", Location="/again")))
    with pytest.raises(RemoteError, match="more than 5 redirects"):
        ask(server.url, LIMITS, internal=True)
    assert len(server.requests) == 6


def test_a_search_stays_a_search_through_a_redirect(serving):
    server = serving(lambda c, request, n: c.sendall(http("308 Permanent", Location="/search/") if n == 1 else http(body=b"{}")))
    ask(server.url + "/search", LIMITS, internal=True, method="POST", document={"limit": 7})
    assert [r.split(" HTTP")[0] for r in server.requests] == ["POST /search", "POST /search/"]


@pytest.mark.parametrize("what, answer", [
    ("nothing", lambda c, _, __: time.sleep(9)),
    ("headers drip", lambda c, _, __: [(c.sendall(b"H"), time.sleep(0.2)) for _ in range(60)]),
    ("a header without end", lambda c, _, __: [(c.sendall(b"HTTP/1.1 200 OK\r\nX: " if i == 0 else b"a"), time.sleep(0.2)) for i in range(60)]),
    ("the body drips", lambda c, _, __: [(c.sendall(http(body=b"", Content_Length="60") if i == 0 else b"a"), time.sleep(0.2)) for i in range(60)]),
    ("chunks drip", lambda c, _, __: [(c.sendall(http(Content_Length=None, Transfer_Encoding="chunked") if i == 0 else b"1\r\na\r\n"), time.sleep(0.2)) for i in range(60)]),
])  # fmt: skip
def test_a_request_ends_in_its_time(serving, what, answer):
    server, started = serving(answer), time.monotonic()
    with pytest.raises(Later):
        ask(server.url, LIMITS, internal=True)
    assert time.monotonic() - started < 2.6, what


def test_half_an_answer_is_none(serving):
    with pytest.raises(Later, match="IncompleteRead"):
        ask(serving(always(http(body=b"half", Content_Length="9"))).url, LIMITS, internal=True)


@pytest.mark.parametrize("kind", ["long", "without its length", "packed"])
def test_an_answer_is_limited_as_it_is_unpacked(serving, kind):
    answer = {
        "long": lambda: http(body=bytes(3_000_000)),
        "without its length": lambda: http(Content_Length=None, body=bytes(3_000_000)),
        "packed": lambda: http(body=gzip.compress(bytes(100_000_000), 1), Content_Encoding="gzip"),
    }[kind]()
    with pytest.raises(RemoteError, match="an answer of more than 1 MiB"):
        ask(serving(always(answer)).url, LIMITS, internal=True, most=2**20)


@pytest.mark.parametrize("status, fault, wait_s", [
    ("429 Too Many", Later, 7), ("503 Busy", Later, 7), ("408 Slow", Later, 7), ("500 Oh", Later, 7), ("404 None", Refused, 0), ("403 No", Refused, 0), ("304 Same", Refused, 0),
    ("302 Found", Refused, 0),
])  # fmt: skip
def test_what_servers_refuse(serving, status, fault, wait_s):
    with pytest.raises(fault, match=f"HTTP {status}") as caught:
        ask(serving(always(http(status, Retry_After="7"))).url, LIMITS, internal=True)
    assert caught.value.status == int(status[:3]) and getattr(caught.value, "wait_s", 0) == wait_s


def test_credentials_go_to_their_own_origin_only(serving, outside):
    other = serving(always(http(body=b"{}")))
    server = serving(lambda c, request, n: c.sendall(http("307 Temporary", Location=other.url + "/next") if n == 2 else http(body=b"{}")))
    keys = Credentials(origin(server.url), {"Authorization": "Bearer S3CR3T"}, (("key", "S3CR3T"),))
    for _ in range(2):
        ask(server.url + "/search?limit=1", LIMITS, credentials=keys)
    assert all("Authorization: Bearer S3CR3T" in r and "GET /search?limit=1&key=S3CR3T" in r for r in server.requests)
    assert "S3CR3T" not in other.requests[0] and "S3CR3T" not in repr(keys)


def test_a_password_in_an_address_is_shown_to_its_server_and_nobody_else(serving):
    server = serving(always(http("404 None")))
    with pytest.raises(Refused) as caught:
        ask(server.url.replace("//", "//me:w%40rd@") + "/x", LIMITS, internal=True)
    assert "authorization: Basic bWU6d0ByZA==" in server.requests[0] and "w%40rd" not in server.requests[0] + str(caught.value)


def test_no_netrc(serving, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password S3CR3T\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server = serving(always(http()))
    ask(server.url, LIMITS, internal=True)
    assert "uthorization" not in server.requests[0]


def test_a_proxy_of_the_environment_is_used(serving, monkeypatch):
    proxy = serving(always(http(body=b"by proxy")))
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:word@"))
    assert ask("http://no-such-host.invalid/x", LIMITS).body == b"by proxy"
    assert proxy.requests[0].startswith("GET http://no-such-host.invalid/x HTTP/1.1") and "proxy-authorization: Basic bWU6d29yZA==" in proxy.requests[0]
    with pytest.raises(RemoteError, match="is internal"):
        ask("http://10.0.0.1/x", LIMITS)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert ask(serving(always(http(body=b"direct"))).url, LIMITS, internal=True).body == b"direct"


@pytest.mark.parametrize(("write", "user"), [
    (lambda host: host, ""), (lambda host: f" //{host}/", ""), (lambda host: f"HTTP://{host}", ""), (lambda host: f"me@{host}", "me:"),
    (lambda host: f"http://me:p%40ss%2F@{host}", "me:p@ss/"), (lambda host: f"http://me:%E5%AF%86@{host}", "me:密"),
])  # fmt: skip
def test_a_proxy_is_written_in_many_ways(serving, monkeypatch, write, user):
    proxy = serving(always(http(body=b"by proxy")))
    monkeypatch.setenv("http_proxy", write(proxy.url.removeprefix("http://")))
    assert ask("http://no-such-host.invalid/x", LIMITS).body == b"by proxy"
    sent = re.search(r"(?i)proxy-authorization: basic (\S+)", proxy.requests[0])
    assert (base64.b64decode(sent[1]).decode() if sent else "") == user


@pytest.mark.parametrize(("name", "value", "said"), [
    ("all_proxy", "socks5h://127.0.0.1:9", "the environment variable all_proxy names no proxy of http or https but one of socks5h"),
    ("http_proxy", "http://me:a/b@127.0.0.1:9", "the environment variable http_proxy names no proxy of http or https"),
    ("http_proxy", "127.0.0.1:port", "the environment variable http_proxy names no proxy of http or https"),
    ("http_proxy", "http://", "the environment variable http_proxy names no proxy of http or https"),
])  # fmt: skip
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch, name, value, said):
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as told:
        ask("http://no-such-host.invalid/x", LIMITS)
    assert told.value.what == said and told.value.where == name and "write http://host:port" in told.value.remedy


def test_documents_of_too_many_parts_are_not_made():
    assert parsed(b'{"a": [1, 2]}') == {"a": [1, 2]}
    with pytest.raises(RemoteError, match=r"a document of 3000001 parts, the limit is 1000000"):
        parsed(b"[" + b"{}," * 1_500_000 + b"0]")


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A certificate of archive.example that the environment trusts, whose names all lead to 127.0.0.1: the context of its server."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "archive.example")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(1))
        .not_valid_after(today + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("archive.example")]), False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    real = socket.getaddrinfo
    monkeypatch.setattr(address.socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if host.endswith(".example") else host, *a, **k))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cert.pem"))
    connection._manager.cache_clear()
    yield context
    connection._manager.cache_clear()


def test_certificates_are_checked_by_name(serving, certified, outside):
    names = []
    certified.sni_callback = lambda sock, name, context: names.append(name)

    def answer(connection, first, n):
        raise AssertionError("plain text")

    server = serving(answer)
    server._one = lambda plain: _speak(certified, plain, http(body=b"by TLS"))
    port = urlsplit(server.url).port
    assert ask(f"https://archive.example:{port}/", LIMITS).body == b"by TLS"
    with pytest.raises(Later, match="(?i)certificate"):
        ask(f"https://other.example:{port}/", LIMITS)
    assert names == ["archive.example", "other.example"]


def test_a_request_by_tls_ends_in_its_time(serving, certified):
    server, started = serving(always(b"")), time.monotonic()
    server._one = lambda plain: _speak(certified, plain, http(Content_Length="60"), *[b"a"] * 60)
    with pytest.raises(Later, match="no whole answer within 2 s"):
        ask(f"https://archive.example:{urlsplit(server.url).port}/", LIMITS, internal=True)
    assert time.monotonic() - started < 2.6


def _speak(context: ssl.SSLContext, plain: socket.socket, *parts: bytes) -> None:
    """Answer a request over TLS, a part a fifth of a second."""
    try:
        with context.wrap_socket(plain, server_side=True) as secure:
            secure.recv(4096)
            for part in parts:
                secure.sendall(part)
                time.sleep(0.2)
    except OSError:
        pass
