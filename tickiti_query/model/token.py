"""The caller of a request: its address, its credentials, and the token and user that the replica has for them.

Tokens follow the rules of Laravel Sanctum.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from tickiti_query.model.errors import Forbidden, Unauthenticated
from tickiti_query.model.statement import BIGINT

IpAddress = IPv4Address | IPv6Address
# A digest that no secret has: a request without a secret asks the same question in the same time.
NO_DIGEST = "0" * 64
BEARER = re.compile(r"(?i:bearer) +(?:0*([0-9]{1,19})\|)?(\S+)")  # a number, and a secret behind it
OPENING_ABILITIES = {"tickets:read", "tickets:write", "*"}  # write implies read
MAPPED_BITS = 96  # of ::ffff:0:0/96, where IPv6 has IPv4's addresses


def parse_address(text: str) -> IpAddress | None:
    """Return the address that a server or a proxy has written, or None for any other text.

    A port is dropped: `203.0.113.9:51234`, `[2001:db8::1]:443`. A mapped IPv4 address is returned as IPv4.
    """
    try:
        if text.startswith("["):
            inner, bracket, _port = text[1:].partition("]")
            return unmap(IPv6Address(inner)) if bracket else None
        host, _colon, _port = text.partition(":")
        return unmap(ip_address(host if "." in host else text))
    except ValueError:
        return None


def unmap(address: IpAddress) -> IpAddress:
    """Return the IPv4 address of one that came through an IPv6 socket; any other address as it is."""
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(frozen=True, slots=True)
class User:
    """A Tickiti user. Without an e-mail address, `me` is nobody in the fields that compare addresses."""

    id: int
    email: str | None


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting user of a request: the owner of its token.

    `queues` are the ids of the visible queues in ascending order; None stands for all of them, which only
    `sees_all_queues` grants (docs/access.md).
    """

    user: User
    is_staff: bool
    queues: tuple[int, ...] | None


class Credentials(NamedTuple):
    """The SHA-256 in hex of the secret in a request, and the id of the token where the request names one.

    It is a tuple, because it is a key: a request that reads the replica computes its hash twenty times.
    """

    digest: str
    id: int | None = None


NONE = Credentials(NO_DIGEST, 0)  # with an id, as most requests have one


@dataclass(frozen=True, slots=True)
class AuthenticatedToken:
    """A token that the replica has, and whose owner is active. It may have expired: `authorize` says so."""

    actor: Actor
    abilities: frozenset[str]
    allowed_ip: str | None
    expires_at: datetime | None
    created_at: datetime | None


def read_credentials(authorization: str | None) -> Credentials:
    """Return the credentials in an Authorization header; without any in it, those that no token has."""
    form = BEARER.fullmatch((authorization or "").strip())
    number, secret = (form[1], form[2]) if form else (None, "")
    # Of the bytes that came over the wire, which WSGI hands over as Latin-1. An empty secret is hashed too: same time.
    digest = hashlib.sha256(secret.encode("latin-1", "replace")).hexdigest()
    if not form or (number is None and "|" in secret) or int(number or 0) not in BIGINT:
        return NONE
    return Credentials(digest, None if number is None else int(number))


def is_listed(allowed_ip: str | None, address: str) -> bool:
    """Return True where the token's list has the caller's address. An empty or malformed list has no address."""
    if allowed_ip is None:
        return True
    caller = parse_address(address)
    try:
        networks = [read_network(entry.strip()) for entry in allowed_ip.split(",")]
    except ValueError:
        return False
    return caller is not None and any(caller in network for network in networks)


def read_network(text: str) -> IPv4Network | IPv6Network:
    """Return the network that the text names, which may be one address. Raise ValueError for any other text.

    A network of mapped IPv4 addresses is returned as one of IPv4.
    """
    network = ip_network(text, strict=False)
    first = unmap(network.network_address)
    if first is network.network_address or network.prefixlen < MAPPED_BITS:
        return network
    return ip_network((int(first), network.prefixlen - MAPPED_BITS))


def make_authorizer(
    expiration_minutes: int | None, now: Callable[[], datetime]
) -> Callable[[AuthenticatedToken, str], Actor]:
    """Return `authorize(token, address) -> Actor`, which every answer needs: time passes, and addresses differ.

    `now` tells the time in UTC. `authorize` raises Unauthenticated for an expired token, and Forbidden for a missing
    ability or an address that is not allowed.
    """

    def authorize(token: AuthenticatedToken, address: str) -> Actor:
        moment = now().replace(tzinfo=None)  # the relations have no zone
        if token.expires_at is not None and token.expires_at < moment:
            raise Unauthenticated
        if expiration_minutes is not None and (
            token.created_at is None or token.created_at <= moment - timedelta(minutes=expiration_minutes)
        ):
            raise Unauthenticated
        if not token.abilities & OPENING_ABILITIES:
            raise Forbidden
        if not is_listed(token.allowed_ip, address):
            raise Forbidden("This token may not be used from this address.")
        return token.actor

    return authorize
