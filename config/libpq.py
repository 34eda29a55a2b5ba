"""libpq's own variables: of them, those count that log in or protect the link; no other one decides what is read."""

from collections.abc import Iterator, MutableMapping

# The server and its database are named by TICKITI_REPLICA_URL alone, and the session is the service's own. libpq takes
# PGTZ, PGDATESTYLE and PGGEQO as stronger than what a connection asks for.
UNCOUNTED = (
    *("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"),
    *("PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGCONNECT_TIMEOUT"),
    *("PGOPTIONS", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGCLIENTENCODING", "PGAPPNAME"),
)


def drop_uncounted(environ: MutableMapping[str, str]) -> Iterator[str]:
    """Take the variables that must not count out of `environ`. Yield a sentence about each."""
    for name in UNCOUNTED:
        if environ.pop(name, None) is not None:
            yield f"{name} is ignored: TICKITI_REPLICA_URL says which server is read, and sessions are ours."
