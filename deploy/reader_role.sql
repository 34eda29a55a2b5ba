-- The role that the service connects as: it may read the reporting contract and nothing else.
--
-- Run on the primary, as a superuser, in Tickiti's database, after the contract's relations are there:
--
--     psql -v ON_ERROR_STOP=1 -d tickiti -f deploy/reader_role.sql
--
-- It sets no password: give the role one (psql: \password tickiti_query), or let pg_hba.conf or your cloud say who
-- may connect as it. The script may be run again at any time; it takes back whatever else the role was granted on
-- relations of this database, and ends with a list of what it can read all the same.
--
-- Options: -v role=… (default tickiti_query), -v schema=… (default reporting), -v sees_replication=off.

\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role tickiti_query
\endif
\if :{?schema}
\else
    \set schema reporting
\endif
\if :{?sees_replication}
\else
    \set sees_replication on
\endif

SET client_min_messages = warning;

BEGIN;

-- The role ------------------------------------------------------------------------------------------------------

SELECT format('CREATE ROLE %I', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec

ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- A second lock on the door: even where it is led to the primary, and whatever it is granted one day.
ALTER ROLE :"role" SET default_transaction_read_only = on;
-- A net for sessions that forget it. The service sets its own, shorter limit (TICKITI_STATEMENT_TIMEOUT_MS).
ALTER ROLE :"role" SET statement_timeout = '60s';
ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '60s';

-- What it must not do -------------------------------------------------------------------------------------------

-- whatever it was granted before, in any schema of this database
SELECT format('REVOKE ALL ON ALL TABLES IN SCHEMA %1$I FROM %2$I;'
              'REVOKE ALL ON ALL SEQUENCES IN SCHEMA %1$I FROM %2$I;'
              'REVOKE ALL ON SCHEMA %1$I FROM %2$I', n.nspname, :'role')
FROM pg_namespace n
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND n.nspname !~ '^pg_(toast_)?temp_'
\gexec

-- what everybody may, and so it may too: first the contract's own schema
REVOKE ALL ON SCHEMA :"schema" FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA :"schema" FROM PUBLIC;

-- Before PostgreSQL 15 everybody may create tables in public. Those who have made something there keep that right
-- by name, as Tickiti's own role needs it for its migrations.
SELECT format('GRANT CREATE ON SCHEMA public TO %I', r.rolname)
FROM pg_roles r
WHERE r.oid IN (SELECT c.relowner FROM pg_class c WHERE c.relnamespace = to_regnamespace('public'))
  AND EXISTS (
      SELECT
      FROM pg_namespace n, aclexplode(n.nspacl) a
      WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
  )
\gexec
SELECT 'REVOKE CREATE ON SCHEMA public FROM PUBLIC' WHERE to_regnamespace('public') IS NOT NULL \gexec

-- What it may do ------------------------------------------------------------------------------------------------

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT SELECT ON
    :"schema".users,
    :"schema".personal_access_tokens,
    :"schema".ticket_queues,
    :"schema".queue_permissions,
    :"schema".teams,
    :"schema".team_members,
    :"schema".tickets,
    :"schema".responses,
    :"schema".ticket_participants,
    :"schema".ticket_hashtags,
    :"schema".watchlists,
    :"schema".watchlist_tickets,
    :"schema".ticket_user_states,
    :"schema".perspectives,
    :"schema".perspective_conditions,
    :"schema".perspective_orders,
    :"schema".perspective_columns
TO :"role";

-- Optional. On a standby, others see of pg_stat_wal_receiver a process id and nothing else; then the service knows
-- how far replay has come with what was received, and cannot tell that the link itself is silent. This membership
-- shows statistics, no rows of any table (pg_monitor has it in it, and more).
\if :sees_replication
GRANT pg_read_all_stats TO :"role";
\else
REVOKE pg_read_all_stats FROM :"role";
\endif

COMMIT;

-- What it can read all the same, because everybody can, or by a membership: no rows is what you want -----------

SELECT n.nspname AS schema, c.relname AS "readable beyond the contract"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', :'schema')
  AND n.nspname !~ '^pg_(toast_)?temp_'
  AND has_schema_privilege(:'role', n.oid, 'USAGE')
  AND (has_table_privilege(:'role', c.oid, 'SELECT') OR has_any_column_privilege(:'role', c.oid, 'SELECT'))
ORDER BY 1, 2;
