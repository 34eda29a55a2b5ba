"""The door: how often a token may ask, and how often an address may fail to show one that is valid."""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Protocol

from cachetools import LRUCache
from limits import parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickiti_query.admission.windows import Windows
from tickiti_query.model.rate_limit_status import RateLimitStatus

STORE_SECONDS = 0.1  # how long a request may wait for the shared store, to connect and for each answer
RETRY_SECONDS = 5.0  # how long a store that failed is left alone
KNOWN_TOKENS = 10_000
IPV6_NETWORK = 64  # what one subscriber has: whoever has one address of it has them all

log = logging.getLogger("tickiti_query.rate_limit")


class Storage(Protocol):
    """What of a storage of the limits library is asked."""

    def incr(self, key: str, expiry: int) -> int: ...
    def get(self, key: str) -> int: ...
    def get_expiry(self, key: str) -> float: ...


class Counts:
    """Counters that begin anew when their window ends: in a store that is shared, or in this process.

    A store that does not answer is left alone for a while, and this process counts for itself meanwhile: a rate is
    no rule of access, and no request waits for it.
    """

    def __init__(
        self,
        store: Storage | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell_fault: Callable[[], None] = lambda: None,
    ) -> None:
        self._own = Windows()
        self._store = store
        self._clock = clock
        self._tell_fault = tell_fault
        self._away_until: float | None = None

    def add(self, key: str, window_seconds: int) -> tuple[int, int]:
        """One more for `key`: its count in the window that is running, and the whole seconds until that ends."""
        if self._store is None:
            return add(self._own, key, window_seconds)
        return self._share(self._store, lambda storage: add(storage, key, window_seconds))

    def read(self, key: str) -> tuple[int, int]:
        """The same, without one more."""
        if self._store is None:
            return read(self._own, key)
        return self._share(self._store, lambda storage: read(storage, key))

    def _share(self, store: Storage, work: Callable[[Storage], tuple[int, int]]) -> tuple[int, int]:
        now = self._clock()
        if self._away_until is None or now >= self._away_until:
            if self._away_until is not None:
                self._away_until = now + RETRY_SECONDS  # this request tries it; the others go on without
            try:
                result = work(store)
            except (StorageError, OSError) as fault:
                self._away_until = now + RETRY_SECONDS
                self._tell_fault()
                log.warning(
                    "the rate limit's store does not answer; each worker counts for itself",
                    extra={"facts": {"fault": type(fault.__cause__ or fault).__name__}},
                )
            else:
                self._away_until = None
                return result
        return work(self._own)


def add(storage: Storage, key: str, window_seconds: int) -> tuple[int, int]:
    """One more for `key`: its count, and the whole seconds until its window ends."""
    count = storage.incr(key, window_seconds)
    return count, measure_rest(storage, key)


def read(storage: Storage, key: str) -> tuple[int, int]:
    """The count of `key`, and the whole seconds until its window ends."""
    return storage.get(key), measure_rest(storage, key)


def measure_rest(storage: Storage, key: str) -> int:
    """The whole seconds until the window of `key` ends, at least one: nobody is told to come back at once."""
    return max(1, ceil(storage.get_expiry(key) - time.time()))


class RateLimiter:
    """Counts what each token asks, and what each address fails at.

    An address that has used up its failures is heard only with a token that this process has let in before. Any other
    is looked up once a second at the most: a valid one gets in, and a flood does not reach the replica.
    """

    def __init__(self, rate: str, counts: Counts, tell: Callable[[str], None] = lambda _by: None) -> None:
        item = parse(rate)
        self._limit = item.amount
        self._window_seconds = item.get_expiry()
        self._counts = counts
        self._tell = tell
        self._known: LRUCache[str | None, bool] = LRUCache(KNOWN_TOKENS)
        self._lock = threading.Lock()

    def check(self, token: str | None, address: str) -> RateLimitStatus | None:
        """Where a request stands by its token (a digest), itself included; None for one that shows no token."""
        if token not in self._known:
            place = name_place(address)
            failures, seconds_left = self._counts.read(f"failures/{place}")
            if failures >= self._limit and (token is None or self._counts.add(f"unknown/{place}", 1)[0] > 1):
                self._tell("address")
                return RateLimitStatus(self._limit, self._limit + 1, seconds_left)
        return None if token is None else self._add(f"token/{token}", "token")

    def remember_valid_token(self, token: str | None) -> None:
        """The replica knows the token."""
        with self._lock:
            self._known[token] = True

    def count_failure(self, token: str | None, address: str) -> RateLimitStatus:
        """The token is not valid: where its address stands by its failures, this one included."""
        with self._lock:
            self._known.pop(token, None)
        return self._add(f"failures/{name_place(address)}", "address")

    def _add(self, key: str, by: str) -> RateLimitStatus:
        status = RateLimitStatus(self._limit, *self._counts.add(key, self._window_seconds))
        if status.is_over:
            self._tell(by)
        return status


def name_place(address: str) -> str:
    """What stands for an address where failures are counted: itself, or the network of an IPv6 subscriber."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed[: IPV6_NETWORK // 8].ljust(16, b"\0"), IPV6_NETWORK)))


def open_store(url: str | None) -> Storage | None:
    """The store that workers share, or None. Nothing is connected yet."""
    if url is None:
        return None
    return storage_from_string(  # type: ignore[return-value]  # the stores that are asked by asyncio have other schemes
        url,
        wrap_exceptions=True,
        key_prefix="tickiti_query",
        socket_connect_timeout=STORE_SECONDS,
        socket_timeout=STORE_SECONDS,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # handed on to the client as it is
    )


def make_rate_limiter(
    rate: str | None,
    store_url: str | None,
    *,
    tell: Callable[[str], None],
    tell_fault: Callable[[], None],
) -> RateLimiter | None:
    """The door for a rate such as `600/minute`; None where there is no rate."""
    return (
        None
        if rate is None
        else RateLimiter(rate, Counts(open_store(store_url), tell_fault=tell_fault), tell)
    )
