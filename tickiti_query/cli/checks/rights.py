"""The check of rights: the role can read the contract, and can write, create, own and read nothing else."""

from collections.abc import Iterator

from tickiti_query.cli.checks import CheckResult, enumerate_some, fault, ok, warning
from tickiti_query.cli.session import Session
from tickiti_query.model.statement import Statement
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.rights import MEMBERSHIPS, OWN_NAMESPACES, POWERFUL, WRITABLE, describe_power

MOST_LINES = 20
MOST_NAMES = 5

ATTRIBUTES = """
SELECT rolname, rolsuper,
       array_remove(ARRAY[CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                          CASE WHEN rolreplication THEN 'REPLICATION' END,
                          CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL)
FROM pg_roles
WHERE rolname = current_user
"""
CREATABLE = f"""
SELECT 'schema ' || n.nspname, pg_has_role(n.nspowner, 'MEMBER')
FROM pg_namespace n
WHERE {OWN_NAMESPACES}
  AND (pg_has_role(n.nspowner, 'MEMBER')
       OR EXISTS (SELECT {MEMBERSHIPS} AND has_schema_privilege(r.oid, n.oid, 'CREATE')))
UNION ALL
SELECT 'database ' || d.datname, pg_has_role(d.datdba, 'MEMBER')
FROM pg_database d
WHERE d.datname = current_database()
  AND (pg_has_role(d.datdba, 'MEMBER')
       OR EXISTS (SELECT {MEMBERSHIPS} AND has_database_privilege(r.oid, d.oid, 'CREATE')))
ORDER BY 1
"""
READABLE = f"""
SELECT n.nspname || '.' || c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {OWN_NAMESPACES}
  AND NOT (n.nspname = CAST(:schema AS text) AND c.relname = ANY (:relations))
  AND EXISTS (SELECT {MEMBERSHIPS} AND has_schema_privilege(r.oid, n.oid, 'USAGE'))
  AND EXISTS (SELECT {MEMBERSHIPS} AND has_any_column_privilege(r.oid, c.oid, 'SELECT'))
ORDER BY 1
"""
# The service's sessions set this for themselves; here it is asked what any other session of the role would get.
READ_ONLY = """
SELECT split_part(s.setting, '=', 2)
FROM pg_db_role_setting g
CROSS JOIN LATERAL unnest(g.setconfig) s(setting)
WHERE (g.setrole = 0 OR g.setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user))
  AND (g.setdatabase = 0 OR g.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND split_part(s.setting, '=', 1) = 'default_transaction_read_only'
ORDER BY g.setrole = 0, g.setdatabase = 0
LIMIT 1
"""


def check_rights(session: Session) -> Iterator[CheckResult]:
    """Yield what the role may do beyond reading the contract."""
    [(role, is_super, attributes)] = session.fetch(Statement(ATTRIBUTES))
    subject = f"role {role}"
    if is_super:
        yield fault(subject, "is a superuser: it may read and write everything")
    else:
        if attributes:
            yield fault(subject, f"has {', '.join(attributes)}, and needs none of it")
        yield from judge_writing(session, subject)
        yield from judge_reading(session, subject)
    default = session.fetch(Statement(READ_ONLY))
    if default and default[0][0].lower() in {"on", "true", "yes", "1"}:
        yield ok(subject, "default_transaction_read_only is on")
    else:
        yield warning(
            subject,
            "default_transaction_read_only is not set: on a primary its sessions other than the service's could write"
            " where they may",
        )


def judge_writing(session: Session, subject: str) -> Iterator[CheckResult]:
    """Yield the superusers that the role may become, the relations it could change, and where it could create some."""
    for (name,) in session.fetch(Statement(POWERFUL)):
        yield fault(subject, f"is a member of {name}, a superuser")
    writable = session.fetch(Statement(WRITABLE))
    for row in writable[:MOST_LINES]:
        yield fault(subject, describe_power(*row))
    if len(writable) > MOST_LINES:
        yield fault(subject, f"could change {len(writable) - MOST_LINES} relations more")
    if not writable:
        yield ok(subject, "can change no relation of this database")
    creatable = session.fetch(Statement(CREATABLE))
    for place, owned in creatable:
        yield fault(subject, f"{'owns' if owned else 'may CREATE in'} {place}")
    if not creatable:
        yield ok(subject, "can create nothing in this database")


def judge_reading(session: Session, subject: str) -> Iterator[CheckResult]:
    """Yield a result for the relations that the role can read and the service does not need."""
    binds = (("schema", session.settings.replica_schema), ("relations", tuple(RELATIONS)))
    names = [name for (name,) in session.fetch(Statement(READABLE, binds))]
    if names:
        yield warning(subject, f"can read more than the contract: {enumerate_some(names, MOST_NAMES)}")
    else:
        yield ok(subject, "can read nothing beyond the contract")
