"""`check`: a line for each thing that the service needs of a replica, and for each that it must not have."""

import argparse
import sys
from collections import Counter

from tickiti_query.cli.checks import Level
from tickiti_query.cli.checks.contract import check_cacheable, check_columns, check_nulls
from tickiti_query.cli.checks.indexes import check_indexes
from tickiti_query.cli.checks.rights import check_rights
from tickiti_query.cli.checks.server import check_hosts, check_pooler, check_server
from tickiti_query.cli.session import Arguments, open_session, read_settings

CHECKS_OF_SERVER = (check_hosts, check_server, check_pooler)
CHECKS_OF_DATABASE = (check_columns, check_nulls, check_cacheable, check_indexes, check_rights)
HELP = "say what a replica lacks, and what its role could write"
DESCRIPTION = """
Reads the replica of TICKITI_REPLICA_URL as the service would, and prints one line a result: `ok`, `warning` or
`fault`, what it is about, and what is the matter. Looks at each host of the URL, at the server that is read (version,
standby, lag, the link to the primary), at a pooler, at the reporting contract in TICKITI_REPLICA_SCHEMA (what is
missing, unreadable, NULL or of a wrong type), its indexes, and what the role could write. Changes nothing.
"""
EPILOG = "Exit code: 0 without faults, 1 with faults, 2 where the settings are wrong or nothing can be connected to."
ARGUMENTS: Arguments = {}


def run(_args: argparse.Namespace) -> int:
    """Print the results and their count; 1 where there is a fault, else 0. CommandError without a replica."""
    counts: Counter[Level] = Counter()
    with open_session(read_settings()) as session:
        for check in CHECKS_OF_SERVER + CHECKS_OF_DATABASE:
            for result in check(session):
                counts[result.level] += 1
                sys.stdout.write(f"{result}\n")
    warnings, faults = counts[Level.WARNING], counts[Level.FAULT]
    counted = f"{warnings} warning{'s' * (warnings != 1)}, {faults} fault{'s' * (faults != 1)}"
    sys.stdout.write(f"{counts[Level.OK]} ok, {counted}\n")
    return 1 if faults else 0
