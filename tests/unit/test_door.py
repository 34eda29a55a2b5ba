"""The door's rules over counters in this process, and counters whose store goes away and comes back."""

import time

import pytest
from limits.errors import StorageError

from tickiti_query.admission.rate_limit import RETRY_SECONDS, Counts, Door, name_place
from tickiti_query.admission.windows import FEW, Windows


class Store(Windows):
    """A shared store that can be away; it counts how often it was asked."""

    asked = 0
    is_away = False

    def incr(self, key: str, expiry: float) -> int:
        self.asked += 1
        if self.is_away:
            raise StorageError(ConnectionError("no"))
        return super().incr(key, expiry)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_place_is_an_address_or_a_subscribers_network(address: str, place: str) -> None:
    assert name_place(address) == place


def test_a_token_that_was_revoked_is_unknown_again() -> None:
    door = Door("1/hour", Counts())
    door.welcome("a")
    for _ in range(2):
        door.refuse("b", "203.0.113.9")
    assert not over(door, "a")
    door.refuse("a", "203.0.113.9")
    assert not over(door, "c")  # this second's unknown one
    assert over(door, "a")


def over(door: Door, token: str) -> bool:
    standing = door.enter(token, "203.0.113.9")
    assert standing is not None
    return standing.is_over


def test_windows_that_have_ended_begin_anew_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    windows = Windows()
    assert [windows.incr("long", 10 * FEW), windows.incr("long", 10 * FEW)] == [1, 2]
    for number in range(3 * FEW):
        now[0] += 1
        windows.incr(f"short {number}", 10)
        assert len(windows) <= FEW
    assert windows.get("long") == 2
    now[0] = 1000.0 + 10 * FEW
    assert windows.get("long") == 0
    assert windows.incr("long", 5) == 1
    assert 4 < windows.get_expiry("long") - time.time() <= 5


def test_a_window_begins_with_its_first_request_and_ends() -> None:
    counts = Counts()
    assert counts.add("a", 3600) == (1, 3600)
    assert counts.add("a", 3600) == (2, 3600)
    assert counts.read("a") == (2, 3600)
    assert counts.read("b") == (0, 1)


def test_without_its_store_a_worker_counts_for_itself_and_asks_again_later() -> None:
    store, now, faults = Store(), [100.0], [0]

    def tell_fault() -> None:
        faults[0] += 1

    counts = Counts(store, clock=lambda: now[0], tell_fault=tell_fault)
    assert [counts.add("a", 3600)[0] for _ in range(3)] == [1, 2, 3]
    store.is_away = True
    assert [counts.add("a", 3600)[0] for _ in range(3)] == [1, 2, 3]
    assert (store.asked, faults) == (4, [1])
    now[0] += RETRY_SECONDS
    assert counts.add("a", 3600)[0] == 4
    assert (store.asked, faults) == (5, [2])
    store.is_away = False
    assert counts.add("a", 3600)[0] == 5
    now[0] += RETRY_SECONDS
    assert [counts.add("a", 3600)[0] for _ in range(2)] == [4, 5]
    assert faults == [2]
