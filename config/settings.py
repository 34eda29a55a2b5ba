"""The settings: read from the environment once, checked all at once, frozen."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_origin, get_type_hints
from urllib.parse import urlsplit

from limits import parse_many
from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn

from config.environment import asks_for_traces

ENCODING = (
    "percent-encode the user name, the password and the database name (@ is %40, : %3A, / %2F, # %23, ? %3F, % %25)"
)


class SettingsError(Exception):
    """Settings that are missing or wrong; the message lists every fault, one a line."""


def read_url(text: str) -> str:
    """Return a libpq URL. It may name several hosts."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a URL, postgresql://user:password@host:5432/database")
    rest = text.partition("://")[2]
    if "@" in re.sub("^[^@/]*@", "", rest).partition("?")[0]:  # libpq's credentials end at the first of them
        raise ValueError(f"has an @ too many: {ENCODING}")
    try:
        parts = parse_dsn(text)
    except ProgrammingError:
        raise ValueError(f"is no URL that libpq understands; {ENCODING}, and parameters as libpq has them") from None
    # libpq itself looks at ports when it connects.
    for port in filter(None, parts.get("port", "").split(",")):
        if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
            raise ValueError(f"has a port that is no whole number from 1 to 65535; {ENCODING}")
    return text


def read_path(text: str) -> str:
    """Return the absolute path of a file, which may come later and be replaced."""
    if not text.startswith("/"):
        raise ValueError("must be the absolute path of a file that holds the password alone")
    return text


def read_identifier(text: str) -> str:
    """Return the name of a schema. It is quoted where it is used, so that case counts."""
    if not text or not text.replace("_", "a").isalnum() or len(text.encode()) > 63:
        raise ValueError("must be the name of a schema: letters, digits and underscores, at most 63 bytes")
    return text


def read_address(text: str) -> str:
    """Return `host:port`, as gunicorn binds it."""
    try:
        parts = urlsplit(f"//{text}")
        if not parts.hostname or not parts.port or parts.netloc != text or parts.username:
            raise ValueError
    except ValueError:
        raise ValueError("must be host:port, such as 0.0.0.0:8080 or [::]:8080") from None
    return text


def split_address(text: str) -> tuple[str, int]:
    """Return the host and the port of `host:port`."""
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or 0


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range, both ends included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Return a reader of a few words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text.lower()

    return read


def read_boolean(text: str) -> bool:
    """Return the truth of `true` or `false`."""
    return one_of("true", "false")(text) == "true"


def read_rate(text: str) -> str:
    """Return a rate, as the limits library writes one."""
    try:
        rates = parse_many(text)
    except ValueError:
        rates = []
    if len(rates) != 1 or rates[0].amount < 1:
        raise ValueError("must be a rate such as 600/minute or 20/second, or empty for none")
    return text


def read_store(text: str) -> str:
    """Return the URL of a Redis."""
    if not text.startswith(("redis://", "rediss://")):
        raise ValueError("must be redis://host:6379 or rediss://…")
    return text


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the service, each with the reader of its variable, which is TICKITI_ and its name in capitals.

    Durations are in the unit of their name; sizes are bytes.
    """

    replica_url: Annotated[str, read_url] = field(repr=False)
    replica_password_file: Annotated[str | None, read_path] = field(default=None, repr=False)
    replica_schema: Annotated[str, read_identifier] = "reporting"
    pooler: Annotated[str, one_of("none", "transaction")] = "none"
    bind: Annotated[str, read_address] = "0.0.0.0:8080"
    admin_bind: Annotated[str, read_address] = "0.0.0.0:9090"
    workers: Annotated[int, whole_number(1, 64)] = 1
    threads: Annotated[int, whole_number(1, 256)] = 8
    freshness: Annotated[str, one_of("exact", "ttl")] = "exact"
    cache_ttl_seconds: Annotated[int, whole_number(0, 86_400)] = 30
    cache_max_bytes: Annotated[int, whole_number(0, 2**40)] = 64 * 1024 * 1024
    answers_max_bytes: Annotated[int, whole_number(16 * 1024 * 1024, 2**40)] = 64 * 1024 * 1024
    default_row_limit: Annotated[int, whole_number(1, 1_000_000)] = 100
    max_row_limit: Annotated[int, whole_number(1, 1_000_000)] = 5000
    statement_timeout_ms: Annotated[int, whole_number(1, 3_600_000)] = 5000
    require_standby: Annotated[bool, read_boolean] = True
    max_replica_lag_seconds: Annotated[int, whole_number(1, 86_400)] = 60
    max_commit_age_seconds: Annotated[int | None, whole_number(1, 86_400)] = None
    rate_limit: Annotated[str | None, read_rate] = "600/minute"
    rate_limit_storage: Annotated[str | None, read_store] = field(default=None, repr=False)
    trusted_proxies: Annotated[int, whole_number(0, 16)] = 0
    keepalive_seconds: Annotated[int, whole_number(1, 86_400)] = 75
    token_expiration_minutes: Annotated[int | None, whole_number(1, 52_596_000)] = None
    log_level: Annotated[str, one_of("debug", "info", "warning", "error")] = "info"
    traces: bool = False

    @property
    def connections(self) -> int:
        """The connections that a worker holds at most: one for each reading, one for proofs, and one for the probes."""
        return self.threads + 2

    @property
    def admin_port(self) -> int:
        """The operations port."""
        return split_address(self.admin_bind)[1]


# variable -> (attribute of Settings, reader)
VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    f"TICKITI_{name.upper()}": (name, hint.__metadata__[0])
    for name, hint in get_type_hints(Settings, include_extras=True).items()
    if get_origin(hint) is Annotated
}
# What an empty variable switches off; any other that is empty counts as absent.
OFF_WHEN_EMPTY = {"TICKITI_RATE_LIMIT"}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`. Raise SettingsError."""
    given: dict[str, Any] = {}
    faults: list[str] = []
    for variable, (attribute, read) in VARIABLES.items():
        text = environ.get(variable, "").strip()
        try:
            if text:
                given[attribute] = read(text)
            elif variable in OFF_WHEN_EMPTY and variable in environ:
                given[attribute] = None
        except ValueError as fault:
            faults.append(f"{variable} {fault}")
    if not environ.get("TICKITI_REPLICA_URL", "").strip():
        faults.insert(0, "TICKITI_REPLICA_URL is required: the URL of the read replica, postgresql://…")
    try:
        given["traces"] = asks_for_traces(environ)
    except ValueError as fault:
        faults.append(str(fault))
    settings = Settings(**{"replica_url": "", **given})
    faults += find_contradictions(settings)
    if faults:
        raise SettingsError("tickiti-query cannot start:\n" + "\n".join(f"  {fault}" for fault in faults))
    return settings


def find_contradictions(settings: Settings) -> Iterator[str]:
    """Yield a fault for each two settings that do not go together."""
    if settings.replica_password_file and "password" in parse_dsn(settings.replica_url):
        yield "TICKITI_REPLICA_PASSWORD_FILE and TICKITI_REPLICA_URL must not both have a password"
    if split_address(settings.bind)[1] == settings.admin_port:
        yield "TICKITI_BIND and TICKITI_ADMIN_BIND must have different ports"
    if settings.default_row_limit > settings.max_row_limit:
        yield "TICKITI_DEFAULT_ROW_LIMIT must not be larger than TICKITI_MAX_ROW_LIMIT"
