"""Freshness: what the replica shows now, read from a server that is fit to answer. Every answer starts here."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tickiti_query.cache.single_flight import SingleFlight
from tickiti_query.cache.snapshot import Server, Snapshot, SnapshotId, is_behind, is_older
from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.request import Deadline

UNPROVED_SECONDS = 1.0  # how old a reading may be that says the replica is fit, where it proves nothing
LAG_SECONDS = 0.5  # how often the lag is asked for; in between it is taken to grow


class Observe(Protocol):
    """Reads what the server shows now. Raises ReplicaUnavailable."""

    def __call__(self, deadline: Deadline, *, with_lag: bool) -> Snapshot: ...


@dataclass(kw_only=True, eq=False)
class Freshness:
    """Readings of what the server shows, shared by the requests that wait for one.

    Raises ReplicaUnavailable where the server is no standby though one is required, where it is too far behind, or
    where it is behind an answer that was given already.
    """

    observe: Observe
    is_exact: bool
    require_standby: bool
    max_lag_seconds: float
    max_commit_age_seconds: float | None = None
    leave: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.lag_seconds = self.major = math.nan  # of the last reading: an upper bound, PostgreSQL's major version
        self._newest: dict[int, SnapshotId] = {}  # that was read or answered, by cluster
        self._lag: tuple[Server | None, float, float] = (None, 0.0, 0.0)  # an upper bound, and when it was one
        self._lag_due = float("-inf")
        self._latest: tuple[float, Snapshot] | None = None  # when its reading began
        self._single_flight = SingleFlight(self.clock)
        self._lock = threading.Lock()

    def read_snapshot(self, since: float, deadline: Deadline) -> Snapshot:
        """Return what the replica shows now, or in a reading that began after `since`.

        `since` is when the request was received, on the monotonic clock.
        """
        if not self.is_exact:
            return self._share(self.clock() - UNPROVED_SECONDS, deadline)
        snapshot = self._share(since, deadline)
        # Though the reading began after the request had come, a later answer may have been given meanwhile.
        return self._share(self.clock(), deadline) if self._is_outdated(snapshot.snapshot_id) else snapshot

    def accept(self, snapshot_id: SnapshotId, snapshot: Snapshot, deadline: Deadline) -> None:
        """Note the snapshot of rows that are about to be answered, and that were read after `snapshot`.

        Raises ReplicaUnavailable where the rows are behind `snapshot`, or of a server that is not fit: the connection
        may have been lost, and the rows read on the next one. Without proofs, `snapshot` may be a second old.
        """
        self._refuse_unfit(snapshot_id, snapshot.snapshot_id)
        server = snapshot_id.server
        if server != snapshot.snapshot_id.server and self._share(self.clock(), deadline).snapshot_id.server != server:
            raise ReplicaUnavailable
        with self._lock:
            self._note(snapshot_id)

    def _share(self, since: float, deadline: Deadline) -> Snapshot:
        """Return a reading that began after `since`: the latest, or one that is shared with all who need one."""
        latest = self._latest
        if latest is not None and latest[0] > since:
            return latest[1]
        try:
            return self._single_flight.share("snapshot", lambda: self._read(deadline), since=since, deadline=deadline)
        except TimeoutError:
            raise ReplicaUnavailable from None

    def _read(self, deadline: Deadline) -> Snapshot:
        began_at = self.clock()
        answered = self._newest.copy()
        snapshot = self._observe_fitness(deadline)
        with self._lock:
            self._refuse_late(snapshot)
            # `answered` is of before the reading began: what another thread has answered meanwhile may well be later.
            self._refuse_unfit(snapshot.snapshot_id, answered.get(snapshot.snapshot_id.server.system))
            self._note(snapshot.snapshot_id)
            self._latest = began_at, snapshot
        return snapshot

    def _observe_fitness(self, deadline: Deadline) -> Snapshot:
        now = self.clock()
        server, bound, when = self._lag
        if self.max_commit_age_seconds is None and now < self._lag_due and bound + now - when <= self.max_lag_seconds:
            snapshot = self.observe(deadline, with_lag=False)
            if snapshot.snapshot_id.server == server:  # what is known of one server's lag says nothing of another's
                return snapshot
        self._lag_due = now + LAG_SECONDS
        return self.observe(deadline, with_lag=True)

    def _refuse_late(self, snapshot: Snapshot) -> None:
        # Lag grows no faster than time does: an earlier, better bound and the time since then is a bound too. So
        # a link that is down for a moment over an idle primary is no lag of hours.
        server, bound, when = self._lag
        now = self.clock()
        bounds = [] if snapshot.lag_seconds is None else [snapshot.lag_seconds]
        if server == snapshot.snapshot_id.server:
            bounds.append(bound + now - when)
        lag = min(bounds, default=None)
        if lag is not None:
            self._lag = (snapshot.snapshot_id.server, lag, now)
        self.lag_seconds = math.inf if lag is None else lag
        self.major = snapshot.snapshot_id.server.major
        if lag is None or lag > self.max_lag_seconds:
            raise ReplicaUnavailable("The read replica is too far behind; please try again.", check="lag")
        # Behind another standby that has lost the primary, the link is alive and nothing is to be replayed: no lag.
        longest, age = self.max_commit_age_seconds, snapshot.commit_age_seconds
        if longest is not None and snapshot.snapshot_id.in_recovery and (age is None or age > longest):
            raise ReplicaUnavailable("The read replica has replayed no commit for too long.", check="lag")

    def _refuse_unfit(self, snapshot_id: SnapshotId, answered: SnapshotId | None) -> None:
        if snapshot_id == answered:  # which was fit, and its role is a part of the position
            return
        if self.require_standby and not snapshot_id.in_recovery:
            self.leave()
            raise ReplicaUnavailable("The server is no read replica any more; please try again.", check="standby")
        # A standby that crashed, or another host of the URL, may show an earlier moment than an answer did.
        if answered is not None and is_behind(snapshot_id, answered):
            raise ReplicaUnavailable("The read replica is behind an earlier answer; please try again.", check="lag")

    def _is_outdated(self, snapshot_id: SnapshotId) -> bool:
        """Return True where the server has shown a later snapshot since, in a reading or in an answer."""
        newest = self._newest.get(snapshot_id.server.system)
        return newest is not None and newest != snapshot_id and is_older(snapshot_id, newest)

    def _note(self, snapshot_id: SnapshotId) -> None:
        if not self._is_outdated(snapshot_id):
            self._newest[snapshot_id.server.system] = snapshot_id
