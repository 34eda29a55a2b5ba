"""The variables of the environment that are no settings: the commit, OpenTelemetry's, libpq's, and misspelt ones."""

import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMIT = "SOURCE_COMMIT"  # the image sets it, from its build argument COMMIT
UNKNOWN_COMMIT = "unknown"

EXPORTER = "OTEL_TRACES_EXPORTER"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
PACKAGE = "opentelemetry-exporter-otlp-proto-http"

# The server and its database are named by TICKITI_REPLICA_URL alone, and the session is the service's own. libpq takes
# PGTZ, PGDATESTYLE and PGGEQO as stronger than what a connection asks for. What logs in or protects the link counts.
UNCOUNTED = (
    *("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"),
    *("PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGCONNECT_TIMEOUT"),
    *("PGOPTIONS", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGCLIENTENCODING", "PGAPPNAME"),
)

PREFIX = "TICKITI_"
# The demo's and the tests' own.
OTHERS = (
    *("TICKITI_PG_BINDIR", "TICKITI_INTERLEAVINGS"),
    *("TICKITI_DIFFERENCE_CASES", "TICKITI_HOSTILE_CASES", "TICKITI_SCHEMATHESIS_CASES"),
)
# Kubernetes puts these into pods for each Service whose name begins with tickiti.
INJECTED = re.compile(r"TICKITI_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
INJECTED_URL = re.compile(r"TICKITI_(\w+_)?PORT=(tcp|udp|sctp)://.*")


def read_commit(environ: Mapping[str, str], root: Path = ROOT) -> str:
    """Return the commit that the environment names, else the one that is checked out in `root`, else `unknown`."""
    return environ.get(COMMIT, "").strip() or read_checkout(root / ".git") or UNKNOWN_COMMIT


def read_checkout(folder: Path) -> str | None:
    """Return the commit of git's HEAD, None where there is none to be read."""
    try:
        head = (folder / "HEAD").read_text("utf-8").strip()
        branch = head.removeprefix("ref: ")
        if branch == head:
            commit = head
        elif (folder / branch).is_file():
            commit = (folder / branch).read_text("utf-8").strip()
        else:
            lines = (line.partition(" ") for line in (folder / "packed-refs").read_text("utf-8").splitlines())
            commit = next((commit for commit, _, name in lines if name == branch), "")
    except (OSError, UnicodeDecodeError):
        return None
    return commit if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit) else None


def asks_for_traces(environ: Mapping[str, str]) -> bool:
    """Return True where spans are to be sent. Raise ValueError for another protocol, or where packages are missing."""
    given = {name: text.strip() for name, text in environ.items() if text.strip()}
    exporter = given.get(EXPORTER, "none" if given.keys().isdisjoint(ENDPOINTS) else "otlp")
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none":
        return False
    if exporter != "otlp":
        raise ValueError(f"{EXPORTER} must be otlp or none")
    for name in PROTOCOLS:
        if given.get(name, PROTOCOL) != PROTOCOL:
            raise ValueError(f"{name} must be {PROTOCOL}, which is the one that is spoken here")
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        raise ValueError(
            f"{EXPORTER} is not none, and requirements/tracing.txt is not installed: install it, or say none"
        ) from None
    return True


def drop_uncounted(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Take libpq's variables that must not count out of `environ`. Yield a sentence about each."""
    for name in UNCOUNTED:
        if environ.pop(name, None) is not None:
            yield f"{name} is ignored: TICKITI_REPLICA_URL says which server is read, and sessions are ours."


def describe_misspelt(environ: Mapping[str, str], settings: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each variable that is no setting but was meant to be one. No sentence has a value."""
    for name in sorted(environ.keys() - {*settings, *OTHERS}):
        if INJECTED.fullmatch(name) or INJECTED_URL.fullmatch(f"{name}={environ[name]}"):
            continue
        meant = find_nearest(name, settings)
        if meant is not None:
            yield f"{name} is no setting, and is ignored: did you mean {meant}?"
        elif name.startswith(PREFIX):
            yield f"{name} is no setting, and is ignored"


def find_nearest(name: str, settings: Collection[str]) -> str | None:
    """Return the setting whose name is nearest, None where none is near."""
    upper = name.upper()
    if upper.startswith(PREFIX):
        # Without what all names share, or every name would be near.
        rests = {setting.removeprefix(PREFIX): setting for setting in settings}
        return next((rests[rest] for rest in get_close_matches(upper.removeprefix(PREFIX), rests, 1, 0.65)), None)
    return next(iter(get_close_matches(upper, settings, 1, 0.85)), None) if upper.startswith("T") else None
