"""The rate limit: how often a token may ask, and how often an address may fail to show a valid token."""

import threading
from collections.abc import Callable
from ipaddress import IPv4Address, ip_network

from cachetools import LRUCache
from limits import RateLimitItemPerSecond, parse

from tickiti_query.admission.rate_limit_storage import StorageFallback, open_shared_storage
from tickiti_query.model.request import RateLimitStatus
from tickiti_query.model.token import parse_address

KNOWN_TOKENS = 10_000
IPV6_NETWORK = 64  # one subscriber has a network of this prefix length, and all addresses in it
ONCE_A_SECOND = RateLimitItemPerSecond(1)


class RateLimiter:
    """Limits the requests of each token, and the failures of each address.

    An address that has used up its failures is heard with tokens that were valid before. Any other token is looked up
    once a second at the most: a valid one gets in, and a flood of wrong ones does not reach the replica. A token is
    known by its digest. `count_limited` is called for each limited request with `token` or `address`.
    """

    def __init__(
        self, rate: str, windows: StorageFallback, count_limited: Callable[[str], None] = lambda _by: None
    ) -> None:
        self._rate = parse(rate)
        self._windows = windows
        self._count_limited = count_limited
        self._known: LRUCache[str | None, bool] = LRUCache(KNOWN_TOKENS)
        self._lock = threading.Lock()

    def check(self, token: str | None, address: str) -> RateLimitStatus | None:
        """Count a request. Return the status of its token, or None for a request without a token.

        Return the status of the address where that has used up its failures and the token is not looked up.
        """
        if token not in self._known:
            network = normalize_address(address)
            if not self._windows.allows(self._rate, "failures", network) and not self._may_look_up(token, network):
                self._count_limited("address")
                return self._windows.read_exceeded(self._rate, "failures", network)
        return None if token is None else self._count("token", token, by="token")

    def remember_valid_token(self, token: str | None) -> None:
        """Remember that the replica has found the token valid."""
        with self._lock:
            self._known[token] = True

    def count_failure(self, token: str | None, address: str) -> RateLimitStatus:
        """Count a token that is not valid against its address. Return the status of the address."""
        with self._lock:
            self._known.pop(token, None)
        return self._count("failures", normalize_address(address), by="address")

    def _may_look_up(self, token: str | None, network: str) -> bool:
        return token is not None and self._windows.hit(ONCE_A_SECOND, "unknown", network)

    def _count(self, kind: str, key: str, *, by: str) -> RateLimitStatus:
        status = self._windows.count(self._rate, kind, key)
        if status.is_exceeded:
            self._count_limited(by)
        return status


def normalize_address(address: str) -> str:
    """Return the address that failures are counted for: the network of an IPv6 subscriber, or the address itself.

    All that is no address is one caller.
    """
    parsed = parse_address(address)
    if parsed is None:
        return "no address"
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed.packed[: IPV6_NETWORK // 8].ljust(16, b"\0"), IPV6_NETWORK)))


def make_rate_limiter(
    rate: str | None,
    storage_url: str | None,
    *,
    count_limited: Callable[[str], None],
    count_fault: Callable[[], None],
) -> RateLimiter | None:
    """Return the limiter for a rate such as `600/minute`, or None without a rate."""
    if rate is None:
        return None
    return RateLimiter(rate, StorageFallback(open_shared_storage(storage_url), count_fault=count_fault), count_limited)
