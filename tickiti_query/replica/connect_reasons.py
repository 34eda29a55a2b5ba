"""The reason why no connection to the replica can be made, for operators: one of a closed list of sentences.

libpq's own text may hold a part of the URL, and so a part of a password; it is read here and never repeated.
"""

import re
from collections.abc import Mapping, Sequence

LOGIN = "The server refuses the login: the user name or the password is wrong, or the role may not log in."
NOTHING_TO_LOG_IN = (
    "The server asks for a password, and none was found. A file of PGPASSFILE counts only with a line for this host,"
    " port, database and user, and where its owner alone may read it (mode 0600)."
)
NOT_ADMITTED = "The server's pg_hba.conf does not admit this role, database and encryption from this address."
NO_DATABASE = "The server has no database of the name in TICKITI_REPLICA_URL."
MAY_NOT_CONNECT = "The role may not connect to the database: it needs CONNECT, on a database that takes connections."
HOME_FILE = (
    "A file of the connection may not be read by the user of this process: one that the URL names, or one in"
    " .postgresql under HOME. Where the user was switched and HOME stayed, set HOME to a directory of this user's own."
)
NO_AUTHORITY = "The certificate of the authority is not there: name its file by sslrootcert in TICKITI_REPLICA_URL."
BAD_CERTIFICATE = (
    "The server's certificate is not valid: it was not signed by the authority of sslrootcert, or its time is over."
)
OTHER_CERTIFICATE = "The server's certificate is for another host name than the one in TICKITI_REPLICA_URL."
BAD_KEY = (
    "A certificate or key of the connection cannot be used: sslrootcert, sslcert, sslkey or sslcrl is no such file."
)
NO_TLS = "The server speaks no TLS, and sslmode in TICKITI_REPLICA_URL asks for it."
TLS = "The TLS connection to the server cannot be made: look at sslmode, at the certificates and at the server's log."
NO_NAME = (
    "A host name of TICKITI_REPLICA_URL does not resolve. Percent-encode a user name or password that has one of"
    " @ : / ? # % in it."
)
SLOW_NAME = "The name servers did not resolve a host name of TICKITI_REPLICA_URL in time."
NO_LOCAL_USER = (
    "The URL names no user, and the user of this process is unknown to the system: name a user in TICKITI_REPLICA_URL."
)
REFUSED = "The connection was refused: nothing listens at the host and port of TICKITI_REPLICA_URL."
NO_SOCKET = "There is no socket of a server in the directory that TICKITI_REPLICA_URL names as its host."
NO_SOCKET_RIGHT = "The user of this process may not use the server's socket."
NO_ROUTE = "The host of TICKITI_REPLICA_URL cannot be reached from this network."
TIMEOUT = "The server did not answer in time."
CLOSED = "The server closed the connection."
STARTING = "The server is starting or stopping, or takes no connections yet."
FULL = "The server has no connection left for this role: compare its limits with docs/scaling.md."
NO_POSTGRES = "What answers at the host and port of TICKITI_REPLICA_URL is no PostgreSQL."
STATEMENT_MODE = (
    "The pooler is in statement mode, in which no transaction can be begun: it needs pool_mode = transaction."
)
POOLER_SERVER = "The pooler cannot connect to its server, or does not know the database: its log says why."
PARAMETER = "A parameter of the connection is wrong, in TICKITI_REPLICA_URL or in one of libpq's own variables."
NO_CONVERSION = "The database's encoding cannot be converted to UTF-8: load the data into a database in UTF8."
NO_RIGHT = "The role may not read what identifies the server: run deploy/reader_role.sql."
SERVER_REFUSES = "The server refuses the connection: its log says why."
UNKNOWN = "No connection can be made; the server's log may say why."

STATES: Mapping[str, str] = {
    "28P01": LOGIN,
    "28000": LOGIN,
    "3D000": NO_DATABASE,
    "42501": NO_RIGHT,
    "53300": FULL,
    "57P01": STARTING,
    "57P02": STARTING,
    "57P03": STARTING,
    "57014": TIMEOUT,
}
# What libpq or a server says, in any order of its lines: the first pattern that is found counts. Certificates come
# before refusals, since libpq tries again without them, and logins before the rest of what a server says.
PATTERNS: Sequence[tuple[str, str]] = (
    (r"transaction blocks not allowed in statement pooling", STATEMENT_MODE),
    (r"local user with ID \d+ does not exist|could not look up local user", NO_LOCAL_USER),
    (r"look-up of host name .* took too long", SLOW_NAME),
    (r"could not translate host name|could not parse network address", NO_NAME),
    (r"Permission denied[\s\S]*on that socket|on socket .* failed: Permission denied", NO_SOCKET_RIGHT),
    (r"(file|directory) \".*\": Permission denied|private key file .* must be owned", HOME_FILE),
    (r"root certificate file .* does not exist|could not get home directory", NO_AUTHORITY),
    (r"certificate .*does not match host name|host name must be specified for a verified", OTHER_CERTIFICATE),
    (r"certificate verify failed|self-signed certificate|certificate has expired", BAD_CERTIFICATE),
    (
        r"could not (read|load|open) .*(certificate|key|revocation)|private key file|no certificate or crl found",
        BAD_KEY,
    ),
    (r"does not support SSL|SSL was required", NO_TLS),
    (r"invalid response to SSL negotiation|expected authentication request from server", NO_POSTGRES),
    (r"no password supplied", NOTHING_TO_LOG_IN),
    (r"pg_hba\.conf", NOT_ADMITTED),
    (r"database \".*\" does not exist|no such database", NO_DATABASE),
    (r"permission denied for database|is not currently accepting connections", MAY_NOT_CONNECT),
    (r"too many (clients|connections)|connection slots are reserved|no more connections allowed", FULL),
    (r"database system is|is shutting down|terminating connection due to|server shutting down", STARTING),
    (r"bouncer config error|server_login_retry|server login has been failing|server login failed", POOLER_SERVER),
    (r"pgbouncer cannot connect to server|query_wait_timeout|server conn crashed", POOLER_SERVER),
    (r"authentication failed|auth failed|not permitted to log in|role \".*\" does not exist|no such user", LOGIN),
    (r"conversion between .* is not supported", NO_CONVERSION),
    (r"channel binding required|authentication method requirement|no credential cache", PARAMETER),
    (r"FATAL|PANIC", SERVER_REFUSES),
    (r"did not answer in time|timeout expired|timed out", TIMEOUT),
    (r"Connection refused", REFUSED),
    (r"on socket .* failed: No such file", NO_SOCKET),
    (r"No route to host|Network is unreachable|Host is unreachable|Cannot assign requested", NO_ROUTE),
    (r"closed the connection|Connection reset|Broken pipe|EOF detected", CLOSED),
    (r"SSL error|SSL SYSCALL|tlsv1|certificate", TLS),
    (r"invalid .*(value|option|port|integer)|definition of service|could not match|invalid dsn", PARAMETER),
)


def find_reason(state: str | None, text: str) -> str:
    """Return the sentence for a failed connection, by its SQLSTATE or by what libpq says."""
    if state is not None and state in STATES:
        return STATES[state]
    return next((sentence for pattern, sentence in PATTERNS if re.search(pattern, text)), UNKNOWN)


def join_reasons(reasons: Sequence[str]) -> str:
    """Return the one reason that all hosts of the URL share, or each with the number of its host."""
    if len(set(reasons)) == 1:
        return reasons[0]
    return " ".join(f"Host {number} of {len(reasons)}: {reason}" for number, reason in enumerate(reasons, 1))
