"""A disk that is full, told from other failures."""

import shutil
from pathlib import Path

WORDS = ("No space left on device", "Disk quota exceeded")
SEGMENT_BYTES = 16 * 1024 * 1024  # PostgreSQL writes its log in files of this size


def is_full(directory: Path, error: Exception) -> bool:
    """Return true where the failure, or the room that is left, says that the disk of a directory is full."""
    if any(word in str(error) for word in WORDS):
        return True
    there = next((place for place in (directory, *directory.resolve().parents) if place.is_dir()), Path("/"))
    return shutil.disk_usage(there).free < SEGMENT_BYTES
