"""What the replica shows at one moment, and when two moments show the same: the rule behind every proof.

A validator names a set of finished transactions of one server's one history. An answer that was read under one
is still exactly true while the server's validator is equal.
"""

from dataclasses import dataclass
from datetime import datetime

# The snapshot, and which life of which role of the server it belongs to. Every statement that takes part in a
# proof tells it in these words.
STAMP_SQL = "concat_ws(' ', pg_current_snapshot(), pg_postmaster_start_time(), pg_is_in_recovery())"

# The stress test has shown zero wrong proofs on these; a newer server may keep its snapshots in another way.
NEWEST_PROVEN_MAJOR = 18


@dataclass(frozen=True, slots=True)
class Server:
    """Which server a connection leads to.

    `generation` counts the losses of connections: nothing that was proved before one is compared with what
    comes after it. `system` is the cluster's identifier, `major` the version.
    """

    generation: int
    system: int
    major: int


@dataclass(frozen=True, slots=True)
class Validator:
    """Names what a server shows. Equal validators, equal rows: of every relation, in every statement.

    `running` lists the transactions below the snapshot's end that have not finished, which the text of a
    standby's snapshot leaves out. A validator that data is stored under was read *before* the data, and the
    data's own stamp equals its stamp: transactions only ever leave `running`, so one that finished in between
    makes the next validator differ.
    """

    server: Server
    stamp: str
    running: str


@dataclass(frozen=True, slots=True)
class ServerState:
    """One reading of the server.

    `running` None: the range of possibly running transactions was too wide to look through. `replayed_at`:
    commit time of the newest replayed transaction, None where there is none. `lag_seconds` is an upper bound;
    None where nothing bounds it.
    """

    server: Server
    stamp: str
    running: str | None
    in_recovery: bool
    replayed_at: datetime | None
    lag_seconds: float | None

    @property
    def validator(self) -> Validator | None:
        """What later readings are compared with; None where nothing can be proved."""
        if self.running is None or self.server.major > NEWEST_PROVEN_MAJOR:
            return None
        return Validator(self.server, self.stamp, self.running)

    @property
    def xmax(self) -> int:
        """The first transaction id that the snapshot knows nothing of; it only grows along one history."""
        return int(self.stamp.split(":", 2)[1])
