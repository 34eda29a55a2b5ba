"""Snapshots for tests: one with a part of it changed, or of its id."""

from dataclasses import fields, replace
from typing import Any

from tickiti_query.cache.snapshot import Snapshot, SnapshotId

PARTS_OF_ID = {field.name for field in fields(SnapshotId)}


def alter(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return the snapshot with the changes; `server`, `position`, `running` and `replayed_at` are changes of its id."""
    of_id = {name: value for name, value in changes.items() if name in PARTS_OF_ID}
    own = {name: value for name, value in changes.items() if name not in PARTS_OF_ID}
    return replace(snapshot, snapshot_id=replace(snapshot.snapshot_id, **of_id), **own)
