"""The checks of the hosts, of the server that is read, and of a pooler before it.

The server is a standby, new enough, close behind its primary, with a link that is watched.
"""

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

import psycopg2

from tickiti_query.cache.snapshot import PROVEN_MAJORS
from tickiti_query.cli.checks import CheckResult, enumerate_some, fault, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import connect
from tickiti_query.replica.database_errors import NoStandbyError, describe_connect_error
from tickiti_query.replica.execution import ReplicaConnection
from tickiti_query.reporting.columns import find_changed_collations

OLDEST_MAJOR = 13  # the first whose snapshots and transaction ids have the form that proofs are made of
SLACK_SECONDS = 2  # the way of a heartbeat, as the statement of the server's state grants it

PROCESS = Statement("SELECT pg_backend_pid()")
ROUNDS = 5  # a pooler that hands out its sessions in turn repeats itself sooner, on a replica that is not busy
SERVER = Statement("""
SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS integer) / 10000,
       pg_is_in_recovery(), current_database(), current_setting('server_encoding')
""")
# Capital letters, and what a fold of case makes of them. All are of one length in all languages' rules but the Turkic.
ALPHABETS = (
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"),
    ("ÀÅÉÑÖÜÞ", "àåéñöüþ"),
    ("ĄŁŘŞŽ", "ąłřşž"),
    ("ΑΒΩΈ", "αβωέ"),
    ("ДЖЯІ", "джяі"),
)
MOST_LETTERS = 5  # that are named
FOLDED = "SELECT lower(CAST(:letters AS text))"
RECEIVER = Statement("SELECT status FROM pg_stat_wal_receiver")
RECEIVER_TIMEOUT = Statement("""
SELECT CAST(EXTRACT(EPOCH FROM CAST(current_setting('wal_receiver_timeout') AS interval)) AS double precision)
""")


def check_hosts(session: Session) -> Iterator[CheckResult]:
    """Yield a result for each of several hosts. Where none is fit, the check of the server has the fault."""
    trials = session.trials
    for number, trial in enumerate(trials if len(trials) > 1 else (), 1):
        subject = f"host {number} of {len(trials)}"
        if trial.error is None:
            is_read = trial.connection is session.connection
            yield ok(subject, "is read" if is_read else "is fit, for when the others fail")
        elif isinstance(trial.error, NoStandbyError):
            yield ok(subject, "is a primary, and passed over")
        else:
            yield warning(subject, describe_connect_error(trial.error))


def check_pooler(session: Session) -> Iterator[CheckResult]:
    """Yield the faults of the pooler that TICKITI_POOLER speaks of. One in transaction mode has none."""
    if session.settings.pooler != "transaction":
        return
    own, other = set(), set()
    try:
        [host] = [trial.host for trial in session.trials if trial.connection is session.connection]
        with closing(connect([host], session.begin_deadline())) as connection:
            connection.ends_at = session.begin_deadline().ends_at
            for _ in range(ROUNDS):
                other.add(read_in_transaction(connection))
                own.add(session.fetch(PROCESS)[0][0])
    except psycopg2.Error as error:
        yield fault("pooler", describe_connect_error(error))
        return
    if len(own) == len(other) == 1 and own != other:
        most = session.settings.connections * session.settings.workers
        yield warning(
            "pooler",
            "each connection keeps a session of its own: pool_mode is session, or there is no pooler. This service"
            f" holds up to {most}; pool_mode = transaction shares them",
        )


def read_in_transaction(connection: ReplicaConnection) -> int:
    """Return the process id of the server's session in a transaction, begun and ended as the service does it."""
    connection.identify(generation=0)
    transaction = connection.begin()
    [(process,)] = transaction.fetch(PROCESS)
    transaction.end()
    return int(process)


def check_server(session: Session) -> Iterator[CheckResult]:
    """Yield the results for the server as a whole."""
    [(version, major, in_recovery, database, encoding)] = session.fetch(SERVER)
    place = session.connection.info
    yield ok("server", f"connected to {place.host}, port {place.port}, database {database}, as {place.user}")
    yield judge_version(version, major)
    yield judge_encoding(encoding)
    yield from judge_folding(session)
    yield judge_collations(find_changed_collations(session))
    if in_recovery:
        yield ok("standby", "the server is a hot standby")
        if major >= OLDEST_MAJOR:
            yield measure_lag(session)
        yield judge_receiver([status for (status,) in session.fetch(RECEIVER)])
        [(seconds,)] = session.fetch(RECEIVER_TIMEOUT)
        yield judge_timeout(seconds, session.settings.max_replica_lag_seconds)
    elif session.settings.require_standby:
        yield fault("standby", "the server is a primary, and TICKITI_REQUIRE_STANDBY asks for a hot standby")
    else:
        yield warning("standby", "the server is a primary; TICKITI_REQUIRE_STANDBY=false allows it")


def judge_version(version: str, major: int) -> CheckResult:
    """Return a result for the version: the server can be read, and cached answers can be proved on it."""
    if major < OLDEST_MAJOR:
        return fault("server", f"PostgreSQL {version} is too old: {OLDEST_MAJOR} is the oldest that can be read")
    if major not in PROVEN_MAJORS:
        return warning(
            "server",
            f"on PostgreSQL {version} no cached answer can be proved fresh, only from {PROVEN_MAJORS[0]} to"
            f" {PROVEN_MAJORS[-1]}: with TICKITI_FRESHNESS=exact every answer will be read anew",
        )
    return ok("server", f"PostgreSQL {version}: cached answers can be proved fresh")


def judge_encoding(encoding: str) -> CheckResult:
    """Return a result for the encoding of the database: it says which bytes are which character."""
    if encoding == "SQL_ASCII":
        return warning(
            "encoding",
            "the database is in SQL_ASCII, which takes any bytes: they are read as UTF-8, and what is none is shown as"
            " U+FFFD and not found; load the data into a database in UTF8",
        )
    lacking = "" if encoding == "UTF8" else "; a search for a character that it lacks finds nothing"
    return ok("encoding", f"the database is in {encoding}{lacking}")


def judge_folding(session: Session) -> Iterator[CheckResult]:
    """Yield a warning where texts that differ in case alone count as different."""
    unfolded = []
    for capitals, small in ALPHABETS:
        # As a bind: where the database's encoding lacks a letter, it is NULL, and nothing is said of its alphabet.
        [(folded,)] = session.fetch(Statement(FOLDED, (("letters", capitals),)))
        triples = zip(capitals, small, folded or small, strict=False)
        unfolded += [(capital, found) for capital, wanted, found in triples if found != wanted]
    if unfolded and all(capital == found and not capital.isascii() for capital, found in unfolded):
        letters = enumerate_some([capital for capital, _ in unfolded], MOST_LETTERS)
        yield warning(
            "server", f"the database's lower() leaves {letters} as they are: to it, É and é are different letters"
        )
    elif unfolded:
        given = ", ".join(f"{found} for {capital}" for capital, found in unfolded)
        yield warning(
            "server",
            f"the database's lower() gives {given}: an address or text with such a capital is not found by its small"
            " letter; a database with another locale finds it",
        )


def judge_collations(changed: list[str]) -> CheckResult:
    """Return a result for the versions of collations: an index that another version has sorted lacks rows."""
    if not changed:
        return ok("collations", "the server has the versions that the database was made with")
    return warning(
        "collations",
        f"{'; '.join(changed)}: an index on texts may lack rows, unless it is in the order of bytes, as those of"
        " deploy/ are. REINDEX the others with the version of the standby, then ALTER DATABASE … REFRESH COLLATION"
        " VERSION",
    )


def measure_lag(session: Session) -> CheckResult:
    """Return a result for the lag, measured as the service does."""
    session.connection.ends_at = monotonic() + session.settings.statement_timeout_ms / 1000
    session.connection.identify(generation=0)
    state = session.connection.read_state(with_lag=True)
    limit = f"TICKITI_MAX_REPLICA_LAG_SECONDS is {session.settings.max_replica_lag_seconds}"
    if state.lag_seconds is None:
        return fault("lag", "nothing tells how far behind the standby is: it has replayed no transaction yet")
    if state.lag_seconds > session.settings.max_replica_lag_seconds:
        return fault("lag", f"{state.lag_seconds:.0f} s behind, and {limit}: every request is answered 503")
    oldest, age = session.settings.max_commit_age_seconds, state.commit_age_seconds
    if oldest is not None and (age is None or age > oldest):
        found = "no commit was replayed yet" if age is None else f"the newest commit is {age:.0f} s old"
        limit = f"TICKITI_MAX_COMMIT_AGE_SECONDS is {oldest}"
        return fault("lag", f"{found}, and {limit}: every request is answered 503")
    return ok("lag", f"at most {state.lag_seconds:.1f} s behind; {limit}")


def judge_receiver(statuses: list[str | None]) -> CheckResult:
    """Return a result for the link to the primary. `statuses`: pg_stat_wal_receiver, as far as it shows."""
    if not statuses:
        return warning(
            "link", "no WAL receiver runs: the standby has no link to its primary, or is fed from an archive"
        )
    if statuses[0] is None:
        return warning(
            "link",
            "the role may not see pg_stat_wal_receiver, so the link itself is not watched: a silent one counts as no"
            " lag; grant it pg_read_all_stats, or pg_monitor",
        )
    return ok("link", f"the link itself is watched; the WAL receiver is {statuses[0]}")


def judge_timeout(seconds: float, max_lag_seconds: int) -> CheckResult:
    """Return a result for wal_receiver_timeout: a dead link must be noticed before the lag is over its limit."""
    limit = f"TICKITI_MAX_REPLICA_LAG_SECONDS = {max_lag_seconds}"
    if seconds == 0:
        return warning("link", "wal_receiver_timeout is 0: a link that is dead is never noticed")
    noticed = seconds / 2 + SLACK_SECONDS
    if noticed > max_lag_seconds:
        return warning(
            "link",
            f"with wal_receiver_timeout = {seconds:g} s a dead link is noticed after {noticed:g} s, later than {limit}:"
            f" set it to {max(1, 2 * (max_lag_seconds - SLACK_SECONDS))} s or less on the standby",
        )
    return ok("link", f"a dead link is noticed after {noticed:g} s, in time for {limit}")
