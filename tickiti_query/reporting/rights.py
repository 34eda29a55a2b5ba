"""The rights of the service's role to change something. It has none where it is set up as it should be."""

from itertools import islice

from tickiti_query.model.statement import Source, Statement

MOST_NAMED = 5

# The rights of every role that it is a member of count, also without INHERIT: SET ROLE is one statement away.
MEMBERSHIPS = "FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER')"
OWN_NAMESPACES = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"
POWERFUL = f"SELECT r.rolname {MEMBERSHIPS} AND r.rolsuper"
WRITABLE = f"""
WITH member AS MATERIALIZED (SELECT r.oid {MEMBERSHIPS})
SELECT n.nspname, c.relname, pg_has_role(c.relowner, 'MEMBER') AS owned, p.privileges
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT string_agg(w.privilege, ', ') AS privileges
    FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) w(privilege)
    WHERE EXISTS (
        SELECT
        FROM member r
        WHERE CASE WHEN w.privilege IN ('INSERT', 'UPDATE')
                   THEN has_table_privilege(r.oid, c.oid, w.privilege)
                        OR has_any_column_privilege(r.oid, c.oid, w.privilege)
                   ELSE has_table_privilege(r.oid, c.oid, w.privilege) END
    )
) p
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {OWN_NAMESPACES}
  AND (pg_has_role(c.relowner, 'MEMBER') OR p.privileges IS NOT NULL)
ORDER BY n.nspname, c.relname
"""


def describe_power(schema: str, relation: str, owned: bool, privileges: str | None) -> str:
    """Return the role's rights on a relation: `owns reporting.tickets`, `may INSERT, DELETE on reporting.tickets`."""
    return f"{'owns' if owned else f'may {privileges} on'} {schema}.{relation}"


def find_powers(source: Source) -> list[str]:
    """Return the first few reasons why the role could write; none where it could not.

    Such rights count on a standby too, though it refuses every write: it has the primary's roles, and after a failover
    a host of the URL may be the primary.
    """
    if superusers := [name for (name,) in source.fetch(Statement(POWERFUL))]:
        return [f"is, or may become, the superuser {name}" for name in superusers[:MOST_NAMED]]
    return [describe_power(*row) for row in islice(source.fetch(Statement(WRITABLE)), MOST_NAMED)]
