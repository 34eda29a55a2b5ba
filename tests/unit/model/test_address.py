"""Addresses as servers and proxies write them."""

import pytest

from tickiti_query.model.address import parse_address

ADDRESSES: list[tuple[str, str | None]] = [
    ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9:51234", "203.0.113.9"),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::ffff:cb00:7109", "203.0.113.9"),
    ("[::ffff:203.0.113.9]", "203.0.113.9"),
    ("[::ffff:203.0.113.9]:443", "203.0.113.9"),
    ("0.0.0.0", "0.0.0.0"),
    ("::", "::"),
    ("fe80::1%eth0", "fe80::1%eth0"),
    ("", None),
    ("unknown", None),
    ("unix:", None),
    ("_hidden:443", None),
    ("shop.example:443", None),
    ("203.0.113.009", None),
    ("203.0.113", None),
    ("3405803785", None),
    ("[203.0.113.9]:443", None),
    ("[2001:db8::1", None),
    ("2001:db8::1]:443", None),
    ("[]:443", None),
    ("::ffff:203.0.113.9:443", None),
    ('"[2001:db8::1]:443"', None),
    ("203.0.113.0/24", None),
    ("203.0.113.9\xa0", None),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES)
def test_an_address_is_read_without_its_port(text: str, address: str | None) -> None:
    read = parse_address(text)
    assert (None if read is None else str(read)) == address
