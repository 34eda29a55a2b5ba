"""Keys of cached answers, and about how many bytes they take."""

from typing import Any

from tickiti_query.cache.snapshot import SnapshotId
from tickiti_query.model.token import AuthenticatedToken

# What a key holds beside its fixed parts; `python -m bench.memory` measures it.
BYTES_PER_QUEUE = 40
BYTES_PER_CRITERION = 400


class CacheKey(tuple[Any, ...]):
    """A key that computes its hash once: a look-up asks for it several times."""

    _hash: int

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = super().__hash__()
            return self._hash


def estimate_key_bytes(token: AuthenticatedToken, snapshot_id: SnapshotId) -> int:
    """Return the bytes that the visible queues and the running transactions add to an entry."""
    return BYTES_PER_QUEUE * len(token.actor.queues or ()) + len(snapshot_id.running or "")
