"""Host name resolution (DNS) until a deadline, without blocking the requests that need no connection.

libpq resolves a name in a call that ignores our deadline and blocks gevent's event loop.
"""

import socket
import threading
from collections.abc import Iterator

import psycopg2

from tickiti_query.model.deadline import Deadline
from tickiti_query.replica.waiting import DeadlinePassed

Host = dict[str, str]  # the connection parameters for one host of the URL

RESOLVE_SECONDS = 2.0


def list_addresses(host: Host, deadline: Deadline) -> Iterator[Host]:
    """Yield a host once for each address of its name. A host that names a socket or an address is yielded unchanged.

    Raise psycopg2.OperationalError where the name has no address, or where resolving it takes too long.
    """
    name = host.get("host", "")
    if not name or name.startswith(("/", "@")) or "hostaddr" in host:
        yield host
        return
    for address in resolve_host(name, deadline):
        yield {**host, "hostaddr": address}


def resolve_host(name: str, deadline: Deadline) -> list[str]:
    """Return the addresses of a host name, in the system's order. Raise psycopg2.OperationalError."""
    found: list[str] = []
    errors: list[OSError] = []

    def resolve() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as error:
            errors.append(error)
        else:
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    resolver = threading.Thread(target=resolve, name="resolve-host", daemon=True)
    resolver.start()
    resolver.join(deadline.within(RESOLVE_SECONDS).remaining_seconds)
    if errors:
        raise psycopg2.OperationalError(f'could not translate host name "{name}" to address: {errors[0].strerror}')
    if not found:
        raise DeadlinePassed(f'the look-up of host name "{name}" took too long')
    return found
