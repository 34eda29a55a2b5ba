"""Is the replica fit to answer, and what does it show now? Every answer starts here."""

import threading
import time
from collections.abc import Callable

from tickiti_query.cache.sharing import SharedReading
from tickiti_query.cache.snapshot_ids import Server, ServerState, Sight, is_behind, is_older
from tickiti_query.model.errors import ReplicaUnavailable

UNPROVED_SECONDS = 1.0  # how old a reading may be that says the replica is fit, where it proves nothing
WAIT_SECONDS = (
    7.0  # for another thread's reading: the rest of one and the next, three seconds each, and one more
)
LAG_SECONDS = 0.5  # how often the lag is asked for; in between it is taken to grow


class Freshness:
    """Readings of the server's state, shared by the requests that wait for one, and judged.

    ReplicaUnavailable where the server is no standby though one is required, where it is too far behind, or
    where it is behind an answer that was given already. `tell` hears of each reading's lag, and of PostgreSQL's
    major version.
    """

    def __init__(
        self,
        observe: Callable[..., ServerState],
        *,
        exact: bool,
        require_standby: bool,
        max_lag_seconds: float,
        leave: Callable[[], None] = lambda: None,
        tell: Callable[[float | None, int], None] = lambda _lag_seconds, _major: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observe = observe
        self._max_age = 0.0 if exact else UNPROVED_SECONDS
        self._require_standby = require_standby
        self._max_lag_seconds = max_lag_seconds
        self._leave = leave
        self._tell = tell
        self._clock = clock
        self._newest: dict[int, tuple[Sight, Server]] = {}
        self._lag: tuple[Server | None, float, float] = (None, 0.0, 0.0)
        self._lag_due = float("-inf")
        self._lock = threading.Lock()
        self._readings: SharedReading[ServerState] = SharedReading(clock, wait_seconds=WAIT_SECONDS)

    def prove(self, received_at: float | None = None) -> ServerState:
        """Return the state now, or one whose reading began after `received_at`, of a server that is fit to answer."""
        state = self._take(self._max_age, received_at)
        # Though the reading began after this request had come, a later answer may have been given meanwhile.
        if not self._max_age and self.is_overtaken(state.sight, state.server):
            return self._take()
        return state

    def is_overtaken(self, sight: Sight, server: Server) -> bool:
        """Whether the server has shown something later meanwhile, in a reading of its state or in an answer."""
        newest = self._newest.get(server.system)
        if newest is None or newest == (sight, server):
            return False
        return is_older(sight, newest[0]) if server == newest[1] else is_behind(sight, server, *newest)

    def _take(self, max_age: float = 0.0, came_at: float | None = None) -> ServerState:
        try:
            return self._readings.take(self._read, max_age, came_at)
        except TimeoutError:
            raise ReplicaUnavailable from None

    def _read(self) -> ServerState:
        answered = self._newest.copy()
        state = self._observe_fitness()
        with self._lock:
            self._refuse_promoted(state.sight)
            self._refuse_late(state)
            self._refuse_past(state, answered.get(state.server.system))
            self._note(state.sight, state.server)
        return state

    def _observe_fitness(self) -> ServerState:
        now = self._clock()
        server, bound, when = self._lag
        if now < self._lag_due and bound + now - when <= self._max_lag_seconds:
            state = self._observe(with_lag=False)
            if state.server == server:  # what is known of one server's lag says nothing of another's
                return state
        self._lag_due = now + LAG_SECONDS
        return self._observe(with_lag=True)

    def _refuse_promoted(self, sight: Sight) -> None:
        if self._require_standby and not sight.in_recovery:
            self._leave()
            raise ReplicaUnavailable(
                "The server is no read replica any more; please try again.", check="standby"
            )

    def _refuse_late(self, state: ServerState) -> None:
        # Lag grows no faster than time does: an earlier, better bound and the time since then is a bound too. So
        # a link that is down for a moment over an idle primary is no lag of hours.
        server, bound, when = self._lag
        now = self._clock()
        bounds = [] if state.lag_seconds is None else [state.lag_seconds]
        if server == state.server:
            bounds.append(bound + now - when)
        lag = min(bounds, default=None)
        if lag is not None:
            self._lag = (state.server, lag, now)
        self._tell(lag, state.server.major)
        if lag is None or lag > self._max_lag_seconds:
            raise ReplicaUnavailable("The read replica is too far behind; please try again.", check="lag")

    @staticmethod
    def _refuse_past(state: ServerState, newest: tuple[Sight, Server] | None) -> None:
        # A standby that crashed, or another host of the URL, may show an earlier moment than an answer did. `newest` is
        # of before the reading began: what another thread has answered meanwhile may well be later.
        if newest and is_behind(state.sight, state.server, *newest):
            raise ReplicaUnavailable(
                "The read replica is behind an earlier answer; please try again.", check="lag"
            )

    def _note(self, sight: Sight, server: Server) -> None:
        if not self.is_overtaken(sight, server):
            self._newest[server.system] = (sight, server)

    def accept(self, sight: Sight, server: Server, state: ServerState) -> None:
        """Take note of data that is about to be answered, which was read after `state`.

        ReplicaUnavailable where it is behind that state, or of a server that is not fit: its connection may have
        been lost, and the data read on the next one; and a state that need prove nothing may be of a second ago.
        """
        self._refuse_promoted(sight)
        if is_behind(sight, server, state.sight, state.server):
            raise ReplicaUnavailable(
                "The read replica is behind an earlier answer; please try again.", check="lag"
            )
        if server != state.server and self._take().server != server:
            raise ReplicaUnavailable
        with self._lock:
            self._note(sight, server)
