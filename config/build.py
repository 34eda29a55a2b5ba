"""The commit that the running code is of."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIABLE = "SOURCE_COMMIT"  # the image sets it, from its build argument COMMIT
UNKNOWN = "unknown"


def read_commit(environ: Mapping[str, str], root: Path = ROOT) -> str:
    """Return the commit that the environment names, else the one that is checked out in `root`, else `unknown`."""
    return environ.get(VARIABLE, "").strip() or read_checkout(root / ".git") or UNKNOWN


def read_checkout(folder: Path) -> str | None:
    """Return the commit of git's HEAD, None where there is none to be read."""
    try:
        head = (folder / "HEAD").read_text("utf-8").strip()
        branch = head.removeprefix("ref: ")
        if branch == head:
            return read_hash(head)
        loose = folder / branch
        if loose.is_file():
            return read_hash(loose.read_text("utf-8").strip())
        packed = (folder / "packed-refs").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines = (line.partition(" ") for line in packed.splitlines())
    return next((read_hash(commit) for commit, _, name in lines if name == branch), None)


def read_hash(text: str) -> str | None:
    """Return a text that is a commit's hash, None for any other."""
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else None
