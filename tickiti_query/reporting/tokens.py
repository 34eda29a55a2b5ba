"""Bearer tokens by Laravel Sanctum's rules, read on the replica."""

import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from tickiti_query.model.actor import Actor, User
from tickiti_query.model.address import parse_address, unmap
from tickiti_query.model.errors import Forbidden, Unauthenticated
from tickiti_query.model.numbers import BIGINT, read_digits
from tickiti_query.model.source import Source
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import NO_DIGEST, AuthenticatedToken, Credentials

OPENING_ABILITIES = {"tickets:read", "tickets:write", "*"}  # write implies read
# What no token has, for a secret without an id: a number like all others takes as long as they do.
ANY_ID = -1
MAPPED_BITS = 96  # of ::ffff:0:0/96, where IPv6 has IPv4's addresses

# Python has no time beyond this one, and it is as far away as any later one. LEAST would make a time of none.
BOUNDED = "CASE WHEN {0} > timestamp '9999-12-31' THEN timestamp '9999-12-31' ELSE {0} END"

SQL = f"""
SELECT p.token, p.abilities, p.allowed_ip, {BOUNDED.format("p.expires_at")}, {BOUNDED.format("p.created_at")},
       u.id, u.email, u.is_staff, u.is_active, u.sees_all_queues,
       ARRAY(SELECT v.queue_id FROM queue_permissions v WHERE v.user_id = u.id AND v.can_view ORDER BY v.queue_id)
FROM personal_access_tokens p
JOIN users u ON u.id = p.tokenable_id
WHERE p.token = CAST(:digest AS text)
  AND (CAST(:id AS bigint) = {ANY_ID} OR p.id = CAST(:id AS bigint))
"""
NONE = Credentials(NO_DIGEST, 0)  # with a number, as most have: it asks in the same words


def read_credentials(authorization: str | None) -> Credentials:
    """Return the credentials in an Authorization header; without any in it, those that no token has."""
    form = re.fullmatch(r"(?i:bearer) +(\S+)", (authorization or "").strip())
    head, bar, tail = (form[1] if form else "").partition("|")
    # Of nothing, too: what carries no secret, or no number, takes as long.
    digest = digest_secret(tail or head)
    number = read_digits(head if bar else "123456")
    found = Credentials(digest, number if bar else None)
    is_sound = form and (not bar or (tail and number is not None and number in BIGINT))
    return found if is_sound else NONE


def digest_secret(secret: str) -> str:
    """Return the SHA-256 in hex of the bytes that came over the wire (WSGI hands them over as Latin-1)."""
    return hashlib.sha256(secret.encode("latin-1", "replace")).hexdigest()


def find_token(source: Source, credentials: Credentials) -> AuthenticatedToken:
    """Return the token of the credentials. Raise Unauthenticated where there is none.

    For an unknown id and for a wrong secret the same index is read, and no row is found. So the time does not tell
    which of the two was wrong.
    """
    number = ANY_ID if credentials.id is None else credentials.id
    rows = source.fetch(Statement(SQL, (("digest", credentials.digest), ("id", number)), is_repeated=True))
    if not rows or not hmac.compare_digest(str(rows[0][0]), credentials.digest):
        raise Unauthenticated
    _, abilities, allowed_ip, expires_at, created_at, user_id, email, is_staff, is_active, sees_all, queues = rows[0]
    if not is_active:
        raise Unauthenticated
    actor = Actor(User(user_id, email), is_staff, None if sees_all else tuple(queues))
    return AuthenticatedToken(actor, read_abilities(abilities), allowed_ip, expires_at, created_at)


def read_abilities(text: str | None) -> frozenset[str]:
    """Return the abilities in a JSON array of strings; none for any other text."""
    try:
        abilities = json.loads(text or "")
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(abilities, list) or not all(isinstance(ability, str) for ability in abilities):
        return frozenset()
    return frozenset(abilities)


def is_listed(allowed_ip: str | None, address: str) -> bool:
    """Return True where the token's list has the caller's address. An empty or malformed list has no address."""
    if allowed_ip is None:
        return True
    caller = parse_address(address)
    if caller is None:
        return False
    try:
        networks = [read_network(entry.strip()) for entry in allowed_ip.split(",")]
    except ValueError:
        return False
    return any(caller in network for network in networks)


def read_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network that the text names, which may be one address. Raise ValueError for any other text.

    A network of mapped IPv4 addresses is returned as one of IPv4.
    """
    network = ipaddress.ip_network(text, strict=False)
    first = unmap(network.network_address)
    if first is network.network_address or network.prefixlen < MAPPED_BITS:
        return network
    return ipaddress.ip_network((int(first), network.prefixlen - MAPPED_BITS))


def make_authorizer(
    expiration_minutes: int | None, now: Callable[[], datetime]
) -> Callable[[AuthenticatedToken, str], Actor]:
    """Return `authorize(token, address) -> Actor`, which is called for every answer: time passes, and addresses differ.

    It raises Unauthenticated for an expired token, Forbidden for a missing ability or an address that is not allowed.
    """

    def authorize(token: AuthenticatedToken, address: str) -> Actor:
        moment = now()
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
