"""Looking up a host's addresses within a time limit, and without holding up the requests that need no connection.

libpq looks a name up in a call that neither ends by our deadline nor lets gevent's event loop run meanwhile.
"""

import socket
import threading
from collections.abc import Iterator

import psycopg2

from tickiti_query.replica.deadline import DeadlinePassed, remaining_seconds

Host = dict[str, str]  # the connection parameters for one host of the URL

LOOK_UP_SECONDS = 2.0


def list_addresses(host: Host) -> Iterator[Host]:
    """Yield a host once for each address of its name; one that names a socket or an address comes as it is.

    Raises psycopg2.OperationalError where the name has no address, or where the look-up takes too long.
    """
    name = host.get("host", "")
    if not name or name.startswith(("/", "@")) or "hostaddr" in host:
        yield host
        return
    for address in look_up(name):
        yield {**host, "hostaddr": address}


def look_up(name: str) -> list[str]:
    """Return the addresses of a host name, in the system's order. Raises psycopg2.OperationalError."""
    found: list[str] = []
    faults: list[OSError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as fault:
            faults.append(fault)
        else:
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    asking = threading.Thread(target=ask, name="look-up", daemon=True)
    asking.start()
    asking.join(max(0.0, min(LOOK_UP_SECONDS, remaining_seconds())))
    if faults:
        raise psycopg2.OperationalError(
            f'could not translate host name "{name}" to address: {faults[0].strerror}'
        )
    if not found:
        raise DeadlinePassed(f'the look-up of host name "{name}" took too long')
    return found
