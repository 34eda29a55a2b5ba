"""The work of the standby for one hit, by its own log and statistics."""

from __future__ import annotations

import contextlib
import re
import time

from bench.cases import HEADERS, write_body
from bench.load_world import INDEXED, SCHEMA
from bench.rivals.targets import LoadError, Target, ask
from demo.postgres import PostgresServer

HITS_COUNTED = 20
STATISTICS_SECONDS = 11.0  # an idle session tells what it has read within ten


def count_statements(standby: PostgresServer, target: Target) -> tuple[float, int]:
    """Return the work of the standby for hits: statements of one hit in its log, and scans of tables or indexes."""
    question = write_body(INDEXED).encode()
    with contextlib.closing(target.connect()) as connection:
        time.sleep(STATISTICS_SECONDS)
        ask(connection, HEADERS, question)
        ask(connection, HEADERS, question)
        set_logging(standby, "all")
        try:
            scans = count_scans(standby)
            offset = standby.log.stat().st_size
            for _ in range(HITS_COUNTED):
                reply = ask(connection, HEADERS, question)
                if "hit" not in reply.cache_status:
                    raise LoadError(f"not a hit: {reply.cache_status}")
            with standby.log.open("rb") as log:
                log.seek(offset)
                told = log.read().decode("utf-8", "replace")
        finally:
            set_logging(standby, "none")
        time.sleep(STATISTICS_SECONDS)
        scans = count_scans(standby) - scans
    logged = re.findall(r" LOG:  (?:statement|execute [^:]+): ", told)
    return len(logged) / HITS_COUNTED, scans


def set_logging(standby: PostgresServer, which: str) -> None:
    """Have every session log its statements, or none; sessions follow before their next one."""
    standby.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    standby.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)


def count_scans(standby: PostgresServer) -> int:
    """Scans of the reporting relations since the server's statistics began."""
    sql = "SELECT sum(seq_scan + COALESCE(idx_scan, 0)) FROM pg_stat_user_tables WHERE schemaname = %s"
    return int(standby.execute(sql, (SCHEMA,))[0][0])
