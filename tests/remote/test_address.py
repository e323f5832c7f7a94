"""Which hosts are public: none that leads into this machine or its network, however it is written."""

import socket

import pytest

from rs_pipeline.remote import address as module
from rs_pipeline.remote.address import is_internal_itself, is_public_number, origin, standing


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "::ffff:127.0.0.1",
     "10.1.2.3", "192.168.0.7", "172.16.5.4", "169.254.169.254", "100.64.0.1", "0.0.0.0", "fe80::1", "metadata.google.internal", "nas.lan"],
)  # fmt: skip
def test_internal_hosts(host):
    assert standing(host) == "internal"


@pytest.mark.parametrize("number", [
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:808:808::1", "2001::1", "::127.0.0.1", "::ffff:10.0.0.1",
    "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1", "0.0.0.0", "::", "fec0::1", "fd00::1", "fe80::1%eth0", "192.0.2.1", "198.18.0.1",
    "192.88.99.1", "2001:db8::1", "192.0.0.192", "168.63.129.16", "3fff::1", "2606:4700::5efe:7f00:1", "100::1",
])  # fmt: skip
def test_numbers_that_are_not_public(number):
    assert not is_public_number(number)


@pytest.mark.parametrize("number", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_numbers(number):
    assert is_public_number(number) and standing(number) == "public"


def test_a_name_that_nobody_knows_is_neither():
    assert standing("no-such-host.invalid") == standing("a" * 70 + ".org") == standing("") == "unknown"


def test_one_internal_address_among_public_ones_is_enough(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (n, 0)) for n in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: found)
    assert standing("mixed.example") == "internal"


def test_a_name_is_not_internal_by_itself_because_a_name_server_says_so(monkeypatch):
    """Then the owner of a name outside could give its catalog the rights of one inside."""

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (n, 0)) for n in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: found)
    assert standing("catalog.example") == "internal" and not is_internal_itself("catalog.example")


@pytest.mark.parametrize(
    "host, itself", [("127.1", True), ("0x7f.1", True), ("[fe80::1]", True), ("stac.lan", True), ("1.1.1.1", False), ("example.org", False), ("", False)]
)
def test_internal_by_name_or_number(host, itself):
    assert is_internal_itself(host) is itself


def test_origins():
    assert origin("https://Host.org./a") == origin("https://host.org:443/b") == ("https", "host.org", 443)
    assert len({origin(u) for u in ("https://h/", "http://h/", "https://h:8443/", "https://g/")}) == 4
