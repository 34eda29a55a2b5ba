"""The rate limit: how often a token may ask, how often an address may fail to show a valid one, and their counters."""

import threading
import time
from collections.abc import Callable
from ipaddress import ip_network
from math import ceil

from cachetools import LRUCache
from limits import RateLimitItemPerSecond, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from tickiti_query.model.request import RateLimitStatus
from tickiti_query.model.token import NO_DIGEST, parse_address

KNOWN_TOKENS = 10_000
IPV6_NETWORK = 64  # one subscriber has a network of this prefix length, and all addresses in it
CLEANUP_SIZE = 1000  # with fewer counters than this, a search for ended ones is not worth its time


class Rate(RateLimitItemPerSecond):
    """A rate whose keys are short: the library writes a key three times for each request."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Return the key of a counter: its kind, and whose it is."""
        return "/".join(map(str, identifiers))


ONCE_A_SECOND = Rate(1)


class RateLimiter:
    """Limits the requests of each token, and the failures of each address.

    An address that has used up its failures is heard with tokens that were valid before. Any other token is looked up
    once a second at the most: a valid one gets in, and a flood of wrong ones does not reach the replica. Tokens are
    known by their digests; no token has NO_DIGEST. `count_limited` is called for each limited request with `token` or
    `address`.
    """

    def __init__(self, rate: str, storage: Storage, count_limited: Callable[[str], None] = lambda _by: None) -> None:
        parsed = parse(rate)
        self._rate = Rate(parsed.amount, parsed.get_expiry())
        self._limiter = FixedWindowRateLimiter(storage)
        self._count_limited = count_limited
        self._known: LRUCache[str, bool] = LRUCache(KNOWN_TOKENS)
        self._lock = threading.Lock()

    def check(self, digest: str, address: str) -> RateLimitStatus | None:
        """Count a request. Return the status of its token, or None for a request without a token.

        Return the status of the address where that has used up its failures and the token is not looked up.
        """
        if digest not in self._known:
            network = normalize_address(address)
            is_heard = self._limiter.test(self._rate, "failures", network)
            if not is_heard and (digest == NO_DIGEST or not self._limiter.hit(ONCE_A_SECOND, "unknown", network)):
                self._count_limited("address")
                return self._read_status("failures", network, is_exceeded=True)
        return None if digest == NO_DIGEST else self._count("token", digest, by="token")

    def remember_valid_token(self, digest: str) -> None:
        """Remember that the replica has found the token valid."""
        with self._lock:
            self._known[digest] = True

    def count_failure(self, digest: str, address: str) -> RateLimitStatus:
        """Count a token that is not valid against its address. Return the status of the address."""
        with self._lock:
            self._known.pop(digest, None)
        return self._count("failures", normalize_address(address), by="address")

    def _count(self, kind: str, key: str, *, by: str) -> RateLimitStatus:
        is_exceeded = not self._limiter.hit(self._rate, kind, key)
        if is_exceeded:
            self._count_limited(by)
        return self._read_status(kind, key, is_exceeded=is_exceeded)

    def _read_status(self, kind: str, key: str, *, is_exceeded: bool) -> RateLimitStatus:
        reset_time, remaining = self._limiter.get_window_stats(self._rate, kind, key)
        # At least one second, so that no caller is told to retry at once.
        seconds_left = max(1, ceil(reset_time - time.time()))
        return RateLimitStatus(self._rate.amount, 0 if is_exceeded else remaining, seconds_left, is_exceeded)


def normalize_address(address: str) -> str:
    """Return the address that failures are counted for: the network of an IPv6 subscriber, or the address itself.

    All that is no address is one caller.
    """
    parsed = parse_address(address)
    if parsed is None:
        return "no address"
    return str(ip_network((parsed.packed, IPV6_NETWORK), strict=False) if parsed.version == 6 else parsed)


class FixedWindowStorage(Storage):
    """Counters of this process by key, in windows that begin with a first count and end by the monotonic clock.

    The MemoryStorage of the limits library starts a thread every 10 ms, and its windows end by the wall clock: a minute
    lasts two hours when that clock is set back.
    """

    STORAGE_SCHEME = None
    base_exceptions = ()  # nothing here can fail

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # the count, and the end on the clock
        self._cleanup_size = CLEANUP_SIZE
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the count of `key`, in a window of `expiry` seconds. Return the new count."""
        now = self._clock()
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                if len(self._windows) >= self._cleanup_size:
                    self._windows = {name: window for name, window in self._windows.items() if window[1] > now}
                    self._cleanup_size = max(CLEANUP_SIZE, 2 * len(self._windows))
            self._windows[key] = (count + amount, end)
        return count + amount

    def get(self, key: str) -> int:
        """Return the count of `key` in its current window."""
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """Return the end of the window of `key`, as seconds since the epoch; now, where there is no window."""
        now = self._clock()
        return time.time() + self._windows.get(key, (0, now))[1] - now

    def check(self) -> bool:
        """Return True: memory always answers."""
        return True

    def reset(self) -> int:
        """Remove all counters. Return how many there were."""
        with self._lock:
            count = len(self._windows)
            self._windows = {}
        return count

    def clear(self, key: str) -> None:
        """Remove the counter of `key`."""
        with self._lock:
            self._windows.pop(key, None)
