"""The seed data: the shop's rows, loaded into the primary once, and again only when they have changed."""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

from demo.loading import create_reader, create_schema, load_world
from demo.pair import Pair
from demo.shop import make_shop


def load_seed_data(pair: Pair, report: Callable[[str], None]) -> None:
    """Load the shop unless it is there already; the schema's comment tells, and is written last."""
    fingerprint = compute_fingerprint()
    if pair.primary.execute("SELECT obj_description(to_regnamespace('reporting'), 'pg_namespace')") == [(fingerprint,)]:
        return
    report("Loading the shop: 5,000 tickets with their conversations")
    world = make_shop()
    # A commit must not wait for a standby that is gone: `wait_replayed` waits for it, with a limit.
    options = "-c synchronous_commit=local"
    with contextlib.closing(pair.primary.connect(options=options)) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS reporting CASCADE")
        create_schema(connection)
        create_reader(connection)
        load_world(connection, world)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("COMMENT ON SCHEMA reporting IS %s", (fingerprint,))


def compute_fingerprint() -> str:
    """Return a hash over everything the demo's rows come from."""
    here = Path(__file__).parent
    sources = sorted([*here.glob("shop*.py"), *here.glob("seed/*.toml"), here / "reporting.sql"])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    return f"tickiti-query demo {digest.hexdigest()[:16]}"
