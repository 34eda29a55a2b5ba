"""The reason of a failed connection: one of our sentences for what libpq and servers say, without a word of theirs."""

import psycopg2
import pytest

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.replica import connect_reasons as reasons
from tickiti_query.replica.connect_reasons import find_reason
from tickiti_query.replica.connection import NO_PASSWORD
from tickiti_query.replica.database_errors import (
    DeadlinePassed,
    NoConnectionError,
    NoStandbyError,
    PoolerError,
    RefusalError,
    to_connect_error,
    to_query_error,
)

SECRET = "HALFASECRET"
SENTENCES = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
PREFIX = f'connection to server at "{SECRET}", port 5432 failed: '
# Taken from libpq 17, PostgreSQL 18 and PgBouncer 1.18.
SAID = [
    (f'FATAL:  password authentication failed for user "{SECRET}"', reasons.LOGIN),
    ('FATAL:  password authentication failed for user "x"\npassword retrieved from file "/x/.pgpass"', reasons.LOGIN),
    (f'FATAL:  Ident authentication failed for user "{SECRET}"', reasons.LOGIN),
    (f'FATAL:  role "{SECRET}" does not exist', reasons.LOGIN),
    (f'FATAL:  role "{SECRET}" is not permitted to log in', reasons.LOGIN),
    ("FATAL:  SASL authentication failed", reasons.LOGIN),
    (f"FATAL:  no such user: {SECRET}", reasons.LOGIN),
    ("fe_sendauth: no password supplied", reasons.NOTHING_TO_LOG_IN),
    (f'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "{SECRET}", database "x"', reasons.NOT_ADMITTED),
    (f'FATAL:  pg_hba.conf rejects connection for host "10.0.0.9", user "{SECRET}"', reasons.NOT_ADMITTED),
    (f'FATAL:  database "{SECRET}@replica" does not exist', reasons.NO_DATABASE),
    (f"FATAL:  no such database: {SECRET}", reasons.NO_DATABASE),
    (
        f'FATAL:  permission denied for database "{SECRET}"\nDETAIL:  User does not have CONNECT.',
        reasons.MAY_NOT_CONNECT,
    ),
    ('FATAL:  database "template0" is not currently accepting connections', reasons.MAY_NOT_CONNECT),
    (f'could not open certificate file "/root/{SECRET}.crt": Permission denied', reasons.HOME_FILE),
    (
        f'could not open certificate file "/root/x.crt": Permission denied\n{PREFIX}FATAL:  no pg_hba.conf entry',
        reasons.HOME_FILE,
    ),
    ('could not read root certificate file "/x/ca.crt": Permission denied', reasons.HOME_FILE),
    (f'root certificate file "/x/{SECRET}" does not exist\nEither provide the file', reasons.NO_AUTHORITY),
    (f'server certificate for "{SECRET}" does not match host name "x"', reasons.OTHER_CERTIFICATE),
    ("SSL error: certificate verify failed", reasons.BAD_CERTIFICATE),
    ('could not read root certificate file "/x": no certificate or crl found', reasons.BAD_KEY),
    ('certificate present, but not private key file "/x"', reasons.BAD_KEY),
    ("server does not support SSL, but SSL was required", reasons.NO_TLS),
    ("SSL error: tlsv1 alert protocol version", reasons.TLS),
    (f'could not translate host name "{SECRET}@replica" to address: Name or service not known', reasons.NO_NAME),
    (f'could not parse network address "{SECRET}": Name or service not known', reasons.NO_NAME),
    (f'the look-up of host name "{SECRET}" took too long', reasons.SLOW_NAME),
    (f"{PREFIX}FATAL:  conversion between UTF8 and MULE_INTERNAL is not supported", reasons.NO_CONVERSION),
    ("local user with ID 12345 does not exist", reasons.NO_LOCAL_USER),
    (f"{PREFIX}Connection refused\n\tIs the server running on that host", reasons.REFUSED),
    ("Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?", reasons.REFUSED),
    ('connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory', reasons.NO_SOCKET),
    ('connection to server on socket "/x/.s.PGSQL.5432" failed: Permission denied', reasons.NO_SOCKET_RIGHT),
    (f"{PREFIX}No route to host", reasons.NO_ROUTE),
    (f"{PREFIX}Network is unreachable", reasons.NO_ROUTE),
    ("timeout expired", reasons.TIMEOUT),
    (f"{PREFIX}Connection timed out", reasons.TIMEOUT),
    ("the server did not answer in time", reasons.TIMEOUT),
    ("server closed the connection unexpectedly\n\tThis probably means", reasons.CLOSED),
    ("could not receive data from server: Connection reset by peer", reasons.CLOSED),
    ("FATAL:  the database system is starting up", reasons.STARTING),
    ("FATAL:  the database system is not yet accepting connections", reasons.STARTING),
    ("FATAL:  sorry, too many clients already", reasons.FULL),
    (f'FATAL:  too many connections for role "{SECRET}"', reasons.FULL),
    ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", reasons.FULL),
    ("FATAL:  no more connections allowed (max_client_conn)", reasons.FULL),
    ("received invalid response to SSL negotiation: H", reasons.NO_POSTGRES),
    ("expected authentication request from server, but received S", reasons.NO_POSTGRES),
    ("FATAL:  transaction blocks not allowed in statement pooling mode\nserver closed", reasons.STATEMENT_MODE),
    ("FATAL:  bouncer config error", reasons.POOLER_SERVER),
    ("FATAL:  server login has been failing, try again later (server_login_retry)", reasons.POOLER_SERVER),
    (f'invalid sslmode value: "{SECRET}"', reasons.PARAMETER),
    (f'{PREFIX}invalid integer value "x" for connection option "keepalives_idle"', reasons.PARAMETER),
    (f'definition of service "{SECRET}" not found', reasons.PARAMETER),
    # A server may speak another language than English.
    (f"FATAL:  Passwort-Authentifizierung für Benutzer »{SECRET}« fehlgeschlagen", reasons.SERVER_REFUSES),
    (f"what nobody foresaw, {SECRET}", reasons.UNKNOWN),
    ("", reasons.UNKNOWN),
]


@pytest.mark.parametrize(("said", "sentence"), SAID)
def test_what_libpq_says_becomes_a_sentence_of_ours(said: str, sentence: str) -> None:
    found = to_connect_error(psycopg2.OperationalError(f"{said}\n"))
    assert found.reason == sentence
    assert found.reason in SENTENCES
    assert SECRET not in found.reason
    assert found.message == ReplicaUnavailable.default_message


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("28P01", reasons.LOGIN), ("3D000", reasons.NO_DATABASE), ("53300", reasons.FULL), ("57P03", reasons.STARTING)],
)
def test_a_sqlstate_counts_in_every_language(state: str, sentence: str) -> None:
    assert find_reason(state, f"FATAL:  {SECRET}") == sentence


def test_each_host_has_its_reason() -> None:
    errors = [psycopg2.OperationalError("timeout expired"), NoStandbyError()]
    found = to_connect_error(NoConnectionError(errors))
    assert found.check == "standby"
    assert found.reason == f"Host 1 of 2: {reasons.TIMEOUT} Host 2 of 2: {NoStandbyError()}"
    assert to_connect_error(
        NoConnectionError([errors[0], DeadlinePassed("the server did not answer in time")])
    ).reason == (reasons.TIMEOUT)


def test_errors_of_our_own_say_why_themselves() -> None:
    for error in (RefusalError(NO_PASSWORD), PoolerError()):
        assert to_connect_error(error).reason == str(error)


def test_a_connection_that_is_lost_has_a_reason_too() -> None:
    found = to_query_error(psycopg2.OperationalError("server closed the connection unexpectedly"))
    assert isinstance(found, ReplicaUnavailable)
    assert (found.message, found.reason) == (ReplicaUnavailable.default_message, reasons.CLOSED)
