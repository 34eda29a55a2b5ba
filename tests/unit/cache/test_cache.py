"""The cache: what it keeps is proved or in time, and bounded in bytes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tickiti_query.cache.cache import OVERHEAD_BYTES, Cache
from tickiti_query.cache.snapshot import Server, Snapshot, SnapshotId

SERVER = Server(generation=1, system=77, major=18)
NOW = SnapshotId(SERVER, "10:20: since true", "")
LATER = SnapshotId(SERVER, "10:21: since true", "")
UNPROVABLE = SnapshotId(SERVER, "10:21: since true", None)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_cache(*, ttl: float = 30, size: int = 1_000_000, exact: bool = True) -> tuple[Cache, Clock]:
    clock = Clock()
    return Cache(ttl_seconds=ttl, max_bytes=size, exact=exact, clock=clock), clock


def find(cache: Cache, key: str, snapshot_id: SnapshotId = NOW) -> object:
    entry = cache.find(key, Snapshot(snapshot_id, lag_seconds=0.0))
    return None if entry is None else entry.value


def test_an_exact_entry_counts_while_its_validator_is_current() -> None:
    cache, _ = make_cache()
    assert cache.store("key", "value", 10, NOW, cache.clock())
    assert find(cache, "key") == "value"
    assert find(cache, "another key") is None
    assert find(cache, "key", LATER) is None
    assert find(cache, "key", UNPROVABLE) is None
    assert find(cache, "key") == "value"
    assert cache.events == {"store": 1, "evict": 0, "hit": 2, "miss": 1, "stale": 1, "unprovable": 1}


def test_what_nothing_proves_is_kept_in_ttl_mode_alone() -> None:
    exact, _ = make_cache()
    ttl, _ = make_cache(exact=False)
    assert not exact.store("key", "value", 10, None, exact.clock())
    assert ttl.store("key", "value", 10, None, ttl.clock())
    assert find(exact, "key", UNPROVABLE) is None
    assert [find(ttl, "key", each) for each in (UNPROVABLE, NOW, LATER)] == ["value"] * 3


@pytest.mark.parametrize("exact", [True, False])
def test_an_entry_lives_for_the_ttl_and_not_longer_when_it_is_read(exact: bool) -> None:
    cache, clock = make_cache(exact=exact)
    cache.store("key", "value", 10, NOW, cache.clock())
    entry = cache.find("key", Snapshot(NOW, lag_seconds=0.0))
    assert entry is not None
    assert cache.seconds_left(entry) == 30
    clock.now += 29.5
    assert cache.seconds_left(entry) == 0
    assert find(cache, "key") == "value"
    clock.now += 0.5
    assert find(cache, "key") is None
    assert cache.seconds_left(entry) == 0


def test_the_bytes_are_bounded_and_the_least_recently_used_goes_first() -> None:
    cache, _ = make_cache(size=8 * (OVERHEAD_BYTES + 100))
    for key in "abcdefgh":
        assert cache.store(key, key, 100, NOW, cache.clock())
    assert find(cache, "a") == "a"
    assert cache.store("i", "i", 100, NOW, cache.clock())
    assert [find(cache, key) for key in "abci"] == ["a", None, "c", "i"]
    assert cache.held_bytes == 8 * (OVERHEAD_BYTES + 100)
    assert cache.events["evict"] == 1
    assert cache.store("j", "j", 2 * (OVERHEAD_BYTES + 100) - OVERHEAD_BYTES, NOW, cache.clock())
    assert cache.held_bytes <= 8 * (OVERHEAD_BYTES + 100)
    assert cache.events["evict"] == 3


def test_an_empty_payload_costs_what_an_entry_costs() -> None:
    cache, _ = make_cache(size=10 * OVERHEAD_BYTES)
    for key in range(100):
        assert cache.store(str(key), "", 0, NOW, cache.clock())
    assert cache.held_bytes == 10 * OVERHEAD_BYTES


def test_a_newer_value_takes_the_place_of_the_older() -> None:
    cache, _ = make_cache()
    cache.store("key", "old", 500, NOW, cache.clock())
    cache.store("key", "new", 100, LATER, cache.clock())
    assert find(cache, "key", LATER) == "new"
    assert cache.held_bytes == OVERHEAD_BYTES + 100
    assert cache.events["evict"] == 0


def test_what_is_larger_than_a_quarter_of_the_cache_is_not_kept_and_pushes_nothing_out() -> None:
    cache, _ = make_cache(size=4 * (OVERHEAD_BYTES + 100))
    assert cache.store("key", "value", 100, NOW, cache.clock())
    assert not cache.store("large", "value", 101, NOW, cache.clock())
    assert find(cache, "key") == "value"


@pytest.mark.parametrize(("ttl", "size"), [(0, 1000), (30, 0)])
def test_a_cache_without_time_or_room_is_off(ttl: float, size: int) -> None:
    cache, _ = make_cache(ttl=ttl, size=size)
    assert not cache.enabled
    assert not cache.store("key", "value", 0, NOW, cache.clock())
    assert find(cache, "key") is None
    assert cache.held_bytes == 0


def test_threads_may_use_it_at_once() -> None:
    cache, _ = make_cache(size=20 * OVERHEAD_BYTES)

    def work(seed: int) -> None:
        for number in range(500):
            key = str((seed * 7 + number) % 40)
            cache.store(key, key, 0, NOW, cache.clock())
            assert find(cache, key) in {key, None}

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert cache.held_bytes <= 20 * OVERHEAD_BYTES
    assert cache.events["store"] == 4000
