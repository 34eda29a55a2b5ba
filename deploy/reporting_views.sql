-- The reporting contract as views over Tickiti's own tables.
--
-- Run on the primary, as a superuser, in Tickiti's database; replication carries the views to the replica:
--
--     psql -v ON_ERROR_STOP=1 -d tickiti -f deploy/reporting_views.sql
--
-- Tickiti does not publish its tables' names. Those below follow Laravel's conventions; correct what differs in
-- your install, there and nowhere else. A name that does not exist stops the script, and nothing has changed then.
-- The script may be run again at any time: what is granted on the views stays granted.
--
-- Options: -v schema=… (default reporting), -v owner=… (default tickiti_reporting), -v indexes=off to leave out
-- the second half, which creates indexes on the tables; -v long_texts=on to index texts that have no length of
-- their own too, where Tickiti itself keeps them below 300 characters.

\set ON_ERROR_STOP on

-- Every assumed name ----------------------------------------------------------------------------------------
-- A table: its name, with its schema. A column: its name, or any expression over that table's columns, such as
-- false, 'disabled_at IS NULL', or 'updated_at AT TIME ZONE ''UTC''' for a column that is timestamptz.
-- What is a name and not an expression is indexed best; see "Indexes" for what is left out otherwise.

-- the class name in personal_access_tokens.tokenable_type; a backslash is written twice
\set user_model                                'App\\Models\\User'

\set users                                     public.users
\set users_id                                  id
\set users_name                                name
\set users_email                               email
\set users_is_staff                            is_staff
\set users_is_active                           'email_verified_at IS NOT NULL AND disabled_at IS NULL'
\set users_sees_all_queues                     sees_all_queues

\set personal_access_tokens                    public.personal_access_tokens
\set personal_access_tokens_id                 id
\set personal_access_tokens_tokenable_type     tokenable_type
\set personal_access_tokens_tokenable_id       tokenable_id
\set personal_access_tokens_token              token
\set personal_access_tokens_abilities          abilities
\set personal_access_tokens_allowed_ip         allowed_ip
\set personal_access_tokens_expires_at         expires_at
\set personal_access_tokens_created_at         created_at

\set ticket_queues                             public.ticket_queues
\set ticket_queues_id                          id
\set ticket_queues_name                        name
\set ticket_queues_is_parked                   is_parked

\set queue_permissions                         public.ticket_queue_user
\set queue_permissions_user_id                 user_id
\set queue_permissions_queue_id                ticket_queue_id
\set queue_permissions_can_view                can_view
\set queue_permissions_can_manage              can_manage
\set queue_permissions_can_delete              can_delete
\set queue_permissions_treat_as_inbox          treat_as_inbox

\set teams                                     public.teams
\set teams_id                                  id
\set teams_name                                name

\set team_members                              public.team_user
\set team_members_team_id                      team_id
\set team_members_user_id                      user_id

\set tickets                                   public.tickets
\set tickets_id                                id
\set tickets_number                            number
\set tickets_subject                           subject
\set tickets_status                            status
\set tickets_priority                          priority
\set tickets_queue_id                          ticket_queue_id
\set tickets_assigned_to_email                 assigned_to_email
\set tickets_originator_email                  originator_email
\set tickets_resolution                        resolution
\set tickets_on_hold_until                     on_hold_until
\set tickets_last_responder_email              last_responder_email
\set tickets_last_response_at                  last_response_at
\set tickets_response_count                    response_count
\set tickets_is_draft                          is_draft
\set tickets_created_at                        created_at
\set tickets_updated_at                        updated_at
\set tickets_deleted_at                        deleted_at

\set responses                                 public.ticket_responses
\set responses_id                              id
\set responses_ticket_id                       ticket_id
\set responses_plain_text                      plain_text
\set responses_is_internal                     is_internal
\set responses_created_by_email                created_by_email
\set responses_created_at                      created_at
\set responses_deleted_at                      deleted_at

\set ticket_participants                       public.ticket_participants
\set ticket_participants_ticket_id             ticket_id
\set ticket_participants_email                 email

\set ticket_hashtags                           public.ticket_hashtags
\set ticket_hashtags_ticket_id                 ticket_id
\set ticket_hashtags_tag                       tag

\set watchlists                                public.watchlists
\set watchlists_id                             id
\set watchlists_name                           name
\set watchlists_owner_id                       user_id
\set watchlists_shared                         is_shared

\set watchlist_tickets                         public.ticket_watchlist
\set watchlist_tickets_watchlist_id            watchlist_id
\set watchlist_tickets_ticket_id               ticket_id
\set watchlist_tickets_position                position

\set ticket_user_states                        public.ticket_user
\set ticket_user_states_ticket_id              ticket_id
\set ticket_user_states_user_id                user_id
\set ticket_user_states_last_read_at           last_read_at
\set ticket_user_states_is_retained            is_retained
\set ticket_user_states_unacknowledged_tags    unacknowledged_tags

\set perspectives                              public.perspectives
\set perspectives_id                           id
\set perspectives_name                         name
\set perspectives_description                  description
\set perspectives_display_mode                 display_mode
\set perspectives_is_builtin                   is_builtin
\set perspectives_owner_id                     user_id
\set perspectives_shared                       is_shared
\set perspectives_impersonate_user_id          impersonate_user_id
\set perspectives_show_in_crm                  show_in_crm

\set perspective_conditions                    public.perspective_conditions
\set perspective_conditions_perspective_id     perspective_id
\set perspective_conditions_position           position
\set perspective_conditions_field              field
\set perspective_conditions_operator           operator
\set perspective_conditions_value              value

\set perspective_orders                        public.perspective_orders
\set perspective_orders_perspective_id         perspective_id
\set perspective_orders_position               position
\set perspective_orders_field                  field
\set perspective_orders_ascending              ascending

\set perspective_columns                       public.perspective_columns
\set perspective_columns_perspective_id        perspective_id
\set perspective_columns_position              position
\set perspective_columns_field                 field

-- End of the assumed names ----------------------------------------------------------------------------------

\if :{?schema}
\else
    \set schema reporting
\endif
\if :{?owner}
\else
    \set owner tickiti_reporting
\endif
\if :{?indexes}
\else
    \set indexes on
\endif
\if :{?long_texts}
\else
    \set long_texts off
\endif

SET client_min_messages = warning;

BEGIN;

-- The owner ---------------------------------------------------------------------------------------------------
-- A view reads its tables with its owner's rights, so the service's role needs none on them. The owner cannot
-- log in, and may read those tables and do nothing else.

SELECT format('CREATE ROLE %I NOLOGIN', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec

CREATE SCHEMA IF NOT EXISTS :"schema";
ALTER SCHEMA :"schema" OWNER TO :"owner";
REVOKE ALL ON SCHEMA :"schema" FROM PUBLIC;

GRANT SELECT ON
    :users, :personal_access_tokens, :ticket_queues, :queue_permissions, :teams, :team_members, :tickets, :responses,
    :ticket_participants, :ticket_hashtags, :watchlists, :watchlist_tickets, :ticket_user_states, :perspectives,
    :perspective_conditions, :perspective_orders, :perspective_columns
TO :"owner";

SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, :'owner')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid IN (
    CAST(:'users' AS regclass), CAST(:'personal_access_tokens' AS regclass), CAST(:'ticket_queues' AS regclass),
    CAST(:'queue_permissions' AS regclass), CAST(:'teams' AS regclass), CAST(:'team_members' AS regclass),
    CAST(:'tickets' AS regclass), CAST(:'responses' AS regclass), CAST(:'ticket_participants' AS regclass),
    CAST(:'ticket_hashtags' AS regclass), CAST(:'watchlists' AS regclass), CAST(:'watchlist_tickets' AS regclass),
    CAST(:'ticket_user_states' AS regclass), CAST(:'perspectives' AS regclass),
    CAST(:'perspective_conditions' AS regclass), CAST(:'perspective_orders' AS regclass),
    CAST(:'perspective_columns' AS regclass)
) \gexec

SET LOCAL ROLE :"owner";

-- The views -----------------------------------------------------------------------------------------------------
-- Each is one table's columns under the contract's names and types. The planner looks through such views, as it
-- would not through DISTINCT, aggregates or a security barrier; and a cast to the type a column has anyway costs
-- nothing and hides no index. Laravel's timestamps are timestamp(0), so that is what is cast to.

CREATE OR REPLACE VIEW :"schema".users AS
SELECT CAST(:users_id AS bigint) AS id,
       CAST(:users_name AS text) AS name,
       CAST(:users_email AS text) AS email,
       CAST(:users_is_staff AS boolean) AS is_staff,
       CAST(:users_is_active AS boolean) AS is_active,
       CAST(:users_sees_all_queues AS boolean) AS sees_all_queues
FROM :users;

CREATE OR REPLACE VIEW :"schema".personal_access_tokens AS
SELECT CAST(:personal_access_tokens_id AS bigint) AS id,
       CAST(:personal_access_tokens_tokenable_id AS bigint) AS tokenable_id,
       CAST(:personal_access_tokens_token AS varchar(64)) AS token,
       CAST(:personal_access_tokens_abilities AS text) AS abilities,
       CAST(:personal_access_tokens_allowed_ip AS text) AS allowed_ip,
       CAST(:personal_access_tokens_expires_at AS timestamp(0)) AS expires_at,
       CAST(:personal_access_tokens_created_at AS timestamp(0)) AS created_at
FROM :personal_access_tokens
WHERE :personal_access_tokens_tokenable_type = :'user_model';

CREATE OR REPLACE VIEW :"schema".ticket_queues AS
SELECT CAST(:ticket_queues_id AS bigint) AS id,
       CAST(:ticket_queues_name AS text) AS name,
       CAST(:ticket_queues_is_parked AS boolean) AS is_parked
FROM :ticket_queues;

CREATE OR REPLACE VIEW :"schema".queue_permissions AS
SELECT CAST(:queue_permissions_user_id AS bigint) AS user_id,
       CAST(:queue_permissions_queue_id AS bigint) AS queue_id,
       CAST(:queue_permissions_can_view AS boolean) AS can_view,
       CAST(:queue_permissions_can_manage AS boolean) AS can_manage,
       CAST(:queue_permissions_can_delete AS boolean) AS can_delete,
       CAST(:queue_permissions_treat_as_inbox AS boolean) AS treat_as_inbox
FROM :queue_permissions;

CREATE OR REPLACE VIEW :"schema".teams AS
SELECT CAST(:teams_id AS bigint) AS id,
       CAST(:teams_name AS text) AS name
FROM :teams;

CREATE OR REPLACE VIEW :"schema".team_members AS
SELECT CAST(:team_members_team_id AS bigint) AS team_id,
       CAST(:team_members_user_id AS bigint) AS user_id
FROM :team_members;

CREATE OR REPLACE VIEW :"schema".tickets AS
SELECT CAST(:tickets_id AS bigint) AS id,
       CAST(:tickets_number AS integer) AS number,
       CAST(:tickets_subject AS text) AS subject,
       CAST(:tickets_status AS text) AS status,
       CAST(:tickets_priority AS smallint) AS priority,
       CAST(:tickets_queue_id AS bigint) AS queue_id,
       CAST(:tickets_assigned_to_email AS text) AS assigned_to_email,
       CAST(:tickets_originator_email AS text) AS originator_email,
       CAST(:tickets_resolution AS text) AS resolution,
       CAST(:tickets_on_hold_until AS date) AS on_hold_until,
       CAST(:tickets_last_responder_email AS text) AS last_responder_email,
       CAST(:tickets_last_response_at AS timestamp(0)) AS last_response_at,
       CAST(:tickets_response_count AS integer) AS response_count,
       CAST(:tickets_is_draft AS boolean) AS is_draft,
       CAST(:tickets_created_at AS timestamp(0)) AS created_at,
       CAST(:tickets_updated_at AS timestamp(0)) AS updated_at,
       CAST(:tickets_deleted_at AS timestamp(0)) AS deleted_at
FROM :tickets;

CREATE OR REPLACE VIEW :"schema".responses AS
SELECT CAST(:responses_id AS bigint) AS id,
       CAST(:responses_ticket_id AS bigint) AS ticket_id,
       CAST(:responses_plain_text AS text) AS plain_text,
       CAST(:responses_is_internal AS boolean) AS is_internal,
       CAST(:responses_created_by_email AS text) AS created_by_email,
       CAST(:responses_created_at AS timestamp(0)) AS created_at,
       CAST(:responses_deleted_at AS timestamp(0)) AS deleted_at
FROM :responses;

CREATE OR REPLACE VIEW :"schema".ticket_participants AS
SELECT CAST(:ticket_participants_ticket_id AS bigint) AS ticket_id,
       CAST(:ticket_participants_email AS text) AS email
FROM :ticket_participants;

CREATE OR REPLACE VIEW :"schema".ticket_hashtags AS
SELECT CAST(:ticket_hashtags_ticket_id AS bigint) AS ticket_id,
       CAST(:ticket_hashtags_tag AS text) AS tag
FROM :ticket_hashtags;

CREATE OR REPLACE VIEW :"schema".watchlists AS
SELECT CAST(:watchlists_id AS bigint) AS id,
       CAST(:watchlists_name AS text) AS name,
       CAST(:watchlists_owner_id AS bigint) AS owner_id,
       CAST(:watchlists_shared AS boolean) AS shared
FROM :watchlists;

CREATE OR REPLACE VIEW :"schema".watchlist_tickets AS
SELECT CAST(:watchlist_tickets_watchlist_id AS bigint) AS watchlist_id,
       CAST(:watchlist_tickets_ticket_id AS bigint) AS ticket_id,
       CAST(:watchlist_tickets_position AS integer) AS position
FROM :watchlist_tickets;

CREATE OR REPLACE VIEW :"schema".ticket_user_states AS
SELECT CAST(:ticket_user_states_ticket_id AS bigint) AS ticket_id,
       CAST(:ticket_user_states_user_id AS bigint) AS user_id,
       CAST(:ticket_user_states_last_read_at AS timestamp(0)) AS last_read_at,
       CAST(:ticket_user_states_is_retained AS boolean) AS is_retained,
       CAST(:ticket_user_states_unacknowledged_tags AS integer) AS unacknowledged_tags
FROM :ticket_user_states;

CREATE OR REPLACE VIEW :"schema".perspectives AS
SELECT CAST(:perspectives_id AS bigint) AS id,
       CAST(:perspectives_name AS text) AS name,
       CAST(:perspectives_description AS text) AS description,
       CAST(:perspectives_display_mode AS text) AS display_mode,
       CAST(:perspectives_is_builtin AS boolean) AS is_builtin,
       CAST(:perspectives_owner_id AS bigint) AS owner_id,
       CAST(:perspectives_shared AS boolean) AS shared,
       CAST(:perspectives_impersonate_user_id AS bigint) AS impersonate_user_id,
       CAST(:perspectives_show_in_crm AS boolean) AS show_in_crm
FROM :perspectives;

CREATE OR REPLACE VIEW :"schema".perspective_conditions AS
SELECT CAST(:perspective_conditions_perspective_id AS bigint) AS perspective_id,
       CAST(:perspective_conditions_position AS integer) AS position,
       CAST(:perspective_conditions_field AS text) AS field,
       CAST(:perspective_conditions_operator AS text) AS operator,
       CAST(:perspective_conditions_value AS jsonb) AS value
FROM :perspective_conditions;

CREATE OR REPLACE VIEW :"schema".perspective_orders AS
SELECT CAST(:perspective_orders_perspective_id AS bigint) AS perspective_id,
       CAST(:perspective_orders_position AS integer) AS position,
       CAST(:perspective_orders_field AS text) AS field,
       CAST(:perspective_orders_ascending AS boolean) AS ascending
FROM :perspective_orders;

CREATE OR REPLACE VIEW :"schema".perspective_columns AS
SELECT CAST(:perspective_columns_perspective_id AS bigint) AS perspective_id,
       CAST(:perspective_columns_position AS integer) AS position,
       CAST(:perspective_columns_field AS text) AS field
FROM :perspective_columns;

COMMIT;

-- Indexes ---------------------------------------------------------------------------------------------------------
-- The list of reporting_indexes.sql, on the tables beneath, and made of the views' own expressions, so that the
-- planner finds them through the views. CONCURRENTLY: the tables stay writable. Each begins with reporting_, in
-- the schema of its table.
--
-- Each index is first made on an empty copy of its table. It is left out where PostgreSQL does not allow it there (a
-- column after INCLUDE has to be a name, an expression has to be immutable), and where it could make a write of
-- Tickiti's fail: by an expression that fails on some value, such as a cast of text to integer, or by a text that is
-- too long for an index. The end of the output lists what was left out.

\if :indexes

-- The tables, and an empty copy of each, trial_….
CREATE TEMP TABLE trial_tables AS
SELECT relation, place, CAST(place AS regclass) AS id
FROM (VALUES
    ('users', :'users'), ('personal_access_tokens', :'personal_access_tokens'), ('ticket_queues', :'ticket_queues'),
    ('queue_permissions', :'queue_permissions'), ('team_members', :'team_members'), ('tickets', :'tickets'),
    ('responses', :'responses'), ('ticket_participants', :'ticket_participants'),
    ('ticket_hashtags', :'ticket_hashtags'), ('watchlists', :'watchlists'), ('watchlist_tickets', :'watchlist_tickets'),
    ('ticket_user_states', :'ticket_user_states'), ('perspectives', :'perspectives'),
    ('perspective_conditions', :'perspective_conditions'), ('perspective_orders', :'perspective_orders'),
    ('perspective_columns', :'perspective_columns')
) t(relation, place);
SELECT format('CREATE TEMP TABLE %I (LIKE %s)', 'trial_' || relation, place) FROM trial_tables \gexec

-- An index that is not valid is what an interrupted run left behind. Writes go into it all the same.
CREATE TEMP VIEW trial_leftovers AS
SELECT format('DROP INDEX CONCURRENTLY %s', CAST(i.indexrelid AS regclass)) AS statement
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid
  AND starts_with(c.relname, 'reporting_')
  AND i.indrelid IN (SELECT id FROM trial_tables);
SELECT statement FROM trial_leftovers \gexec

-- Every index that is wanted, without its reporting_; the keys among them come from the next statement.
CREATE TEMP TABLE trial_wanted AS
SELECT name
FROM regexp_split_to_table(
    'tickets_updated tickets_queue_updated tickets_unclosed_updated tickets_unclosed_priority tickets_assignee_bytes
    tickets_unclosed_assignee_bytes tickets_originator_bytes tickets_resolution_bytes tickets_priority
    ticket_participants_email_bytes ticket_hashtags_tag_bytes responses_ticket watchlist_tickets_ticket
    ticket_user_states_flagged ticket_user_states_read_last ticket_user_states_read_first users_email_bytes
    tokens_token_bytes ticket_queues_name_bytes watchlists_name_bytes perspectives_name_bytes team_members_user
    tickets_created tickets_subject_order tickets_originator_order tickets_queue_order tickets_status_first
    tickets_status_last tickets_priority_first tickets_priority_last tickets_assignee_first tickets_assignee_last
    tickets_on_hold_first tickets_on_hold_last tickets_last_response_first tickets_last_response_last
    tickets_response_count_first tickets_response_count_last tickets_subject_trgm tickets_originator_trgm
    responses_text_trgm', '\s+'
) name;

-- 0. Keys: by what a row is looked up; only where no index of Tickiti's begins with these columns. An index on an
--    integer does not serve a view's bigint, so the type counts where one is named.
CREATE TEMP TABLE trial_keys AS
SELECT k.name, format(
    'CREATE INDEX %I ON %I (%s)',
    'reporting_' || k.name,
    (SELECT 'trial_' || min(t.relation) FROM trial_tables t WHERE t.place = k.relation),
    (SELECT string_agg(
                CASE WHEN k.type IS NULL THEN format('(%s)', e) ELSE format('(CAST(%s AS %s))', e, k.type) END, ', '
                ORDER BY n
            )
     FROM unnest(k.expressions) WITH ORDINALITY u(e, n))
) AS statement
FROM (VALUES
    ('users_key', :'users', 'bigint', ARRAY[:'users_id']),
    ('tokens_token', :'personal_access_tokens', NULL, ARRAY[:'personal_access_tokens_token']),
    ('ticket_queues_key', :'ticket_queues', 'bigint', ARRAY[:'ticket_queues_id']),
    ('queue_permissions_key', :'queue_permissions', 'bigint',
     ARRAY[:'queue_permissions_user_id', :'queue_permissions_queue_id']),
    ('team_members_key', :'team_members', 'bigint', ARRAY[:'team_members_team_id', :'team_members_user_id']),
    ('tickets_key', :'tickets', 'bigint', ARRAY[:'tickets_id']),
    ('tickets_number', :'tickets', 'integer', ARRAY[:'tickets_number']),
    ('ticket_participants_ticket', :'ticket_participants', 'bigint', ARRAY[:'ticket_participants_ticket_id']),
    ('ticket_hashtags_ticket', :'ticket_hashtags', 'bigint', ARRAY[:'ticket_hashtags_ticket_id']),
    ('watchlists_key', :'watchlists', 'bigint', ARRAY[:'watchlists_id']),
    ('watchlist_tickets_key', :'watchlist_tickets', 'bigint',
     ARRAY[:'watchlist_tickets_watchlist_id', :'watchlist_tickets_ticket_id']),
    ('ticket_user_states_key', :'ticket_user_states', 'bigint',
     ARRAY[:'ticket_user_states_ticket_id', :'ticket_user_states_user_id']),
    ('perspectives_key', :'perspectives', 'bigint', ARRAY[:'perspectives_id']),
    ('perspective_conditions_key', :'perspective_conditions', 'bigint',
     ARRAY[:'perspective_conditions_perspective_id']),
    ('perspective_orders_key', :'perspective_orders', 'bigint', ARRAY[:'perspective_orders_perspective_id']),
    ('perspective_columns_key', :'perspective_columns', 'bigint', ARRAY[:'perspective_columns_perspective_id'])
) k(name, relation, type, expressions)
WHERE NOT EXISTS (
    SELECT
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = CAST(k.relation AS regclass)
      AND NOT starts_with(c.relname, 'reporting_')
      AND i.indisvalid
      AND i.indpred IS NULL
      AND k.expressions = ARRAY(
          SELECT pg_get_indexdef(i.indexrelid, a.attnum, true)
          FROM pg_attribute a
          WHERE a.attrelid = i.indexrelid
            AND a.attnum <= cardinality(k.expressions)
            AND (k.type IS NULL OR format_type(a.atttypid, NULL) = k.type)
          ORDER BY a.attnum
      )
);
INSERT INTO trial_wanted SELECT name FROM trial_keys;

\set ON_ERROR_STOP off

SELECT statement FROM trial_keys \gexec

-- 1. Scope and default order

-- default order for users who see many queues; every condition that matches often. The queue and the creation time
-- ride along so that a ticket outside the scope or the time asked for is passed over without reading it
CREATE INDEX reporting_tickets_updated ON trial_tickets
    ((CAST(:tickets_updated_at AS timestamp(0))) DESC, (CAST(:tickets_id AS bigint)) DESC,
     (CAST(:tickets_queue_id AS bigint)), (CAST(:tickets_created_at AS timestamp(0))));
-- users who see few tickets; queue conditions, inbox; queue name order followed by updated_at
CREATE INDEX reporting_tickets_queue_updated ON trial_tickets
    ((CAST(:tickets_queue_id AS bigint)), (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC);
-- status conditions but closed, for_attention, and any list of unclosed tickets, in default order
CREATE INDEX reporting_tickets_unclosed_updated ON trial_tickets
    ((CAST(:tickets_updated_at AS timestamp(0))) DESC, (CAST(:tickets_id AS bigint)) DESC,
     (CAST(:tickets_queue_id AS bigint)))
    WHERE CAST(:tickets_status AS text) <> 'closed';
-- the same, most urgent first: "for my attention" as it is usually saved
CREATE INDEX reporting_tickets_unclosed_priority ON trial_tickets
    ((CAST(:tickets_priority AS smallint)) DESC, (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC, (CAST(:tickets_queue_id AS bigint)))
    WHERE CAST(:tickets_status AS text) <> 'closed';

-- 2. Conditions on tickets

-- assignee is, Unassigned
CREATE INDEX reporting_tickets_assignee_bytes ON trial_tickets
    (lower(CAST(:tickets_assigned_to_email AS text)) COLLATE "C", (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC);
-- the same among unclosed tickets: "mine", for_attention
CREATE INDEX reporting_tickets_unclosed_assignee_bytes ON trial_tickets
    (lower(CAST(:tickets_assigned_to_email AS text)) COLLATE "C", (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC)
    WHERE CAST(:tickets_status AS text) <> 'closed';
-- originator is, criteria raised
CREATE INDEX reporting_tickets_originator_bytes ON trial_tickets
    (lower(CAST(:tickets_originator_email AS text)) COLLATE "C", (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC);
-- resolution is
CREATE INDEX reporting_tickets_resolution_bytes ON trial_tickets
    (lower(CAST(:tickets_resolution AS text)) COLLATE "C", (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC);
-- priority is; order by priority descending, then updated_at descending
CREATE INDEX reporting_tickets_priority ON trial_tickets
    ((CAST(:tickets_priority AS smallint)) DESC, (CAST(:tickets_updated_at AS timestamp(0))) DESC,
     (CAST(:tickets_id AS bigint)) DESC);

-- 3. Conditions on what belongs to a ticket

-- participant, participating, for_attention; email is included so that the table itself is not read
CREATE INDEX reporting_ticket_participants_email_bytes ON trial_ticket_participants
    (lower(CAST(:ticket_participants_email AS text)) COLLATE "C", (CAST(:ticket_participants_ticket_id AS bigint)))
    INCLUDE (:ticket_participants_email);
-- hashtag
CREATE INDEX reporting_ticket_hashtags_tag_bytes ON trial_ticket_hashtags
    (lower(CAST(:ticket_hashtags_tag AS text)) COLLATE "C", (CAST(:ticket_hashtags_ticket_id AS bigint)))
    INCLUDE (:ticket_hashtags_tag);
-- content where most tickets match; does not contain
CREATE INDEX reporting_responses_ticket ON trial_responses
    ((CAST(:responses_ticket_id AS bigint)));
-- the watchlists column; the watchlist condition is served by the key
CREATE INDEX reporting_watchlist_tickets_ticket ON trial_watchlist_tickets
    ((CAST(:watchlist_tickets_ticket_id AS bigint)));
-- retained, for_attention
CREATE INDEX reporting_ticket_user_states_flagged ON trial_ticket_user_states
    ((CAST(:ticket_user_states_user_id AS bigint)), (CAST(:ticket_user_states_ticket_id AS bigint)))
    INCLUDE (:ticket_user_states_is_retained, :ticket_user_states_unacknowledged_tags)
    WHERE CAST(:ticket_user_states_is_retained AS boolean)
       OR CAST(:ticket_user_states_unacknowledged_tags AS integer) > 0;
-- recently_read, unread is false; order by last_read_at descending, ascending
CREATE INDEX reporting_ticket_user_states_read_last ON trial_ticket_user_states
    ((CAST(:ticket_user_states_user_id AS bigint)),
     (CAST(:ticket_user_states_last_read_at AS timestamp(0))) DESC NULLS LAST,
     (CAST(:ticket_user_states_ticket_id AS bigint)) DESC);
CREATE INDEX reporting_ticket_user_states_read_first ON trial_ticket_user_states
    ((CAST(:ticket_user_states_user_id AS bigint)), (CAST(:ticket_user_states_last_read_at AS timestamp(0))),
     (CAST(:ticket_user_states_ticket_id AS bigint)) DESC);

-- 4. Who is asking

-- an e-mail to its user; the columns assignee_name, originator_name
CREATE INDEX reporting_users_email_bytes ON trial_users (lower(CAST(:users_email AS text)) COLLATE "C");
-- a token to its user; a queue, a watchlist and a perspective by its name
CREATE INDEX reporting_tokens_token_bytes ON trial_personal_access_tokens
    ((CAST(:personal_access_tokens_token AS text)) COLLATE "C");
CREATE INDEX reporting_ticket_queues_name_bytes ON trial_ticket_queues
    ((CAST(:ticket_queues_name AS text)) COLLATE "C");
CREATE INDEX reporting_watchlists_name_bytes ON trial_watchlists
    ((CAST(:watchlists_name AS text)) COLLATE "C");
CREATE INDEX reporting_perspectives_name_bytes ON trial_perspectives
    ((CAST(:perspectives_name AS text)) COLLATE "C");
-- a person's teams
CREATE INDEX reporting_team_members_user ON trial_team_members
    ((CAST(:team_members_user_id AS bigint)));

-- 5. Orders: leave out those of fields by which no perspective orders. Two indexes where one cannot be read
--    backwards: NULL comes last and the id falls in both directions.

-- created_at, both ways; criteria created_from and created_to
CREATE INDEX reporting_tickets_created ON trial_tickets
    ((CAST(:tickets_created_at AS timestamp(0))) DESC, (CAST(:tickets_id AS bigint)) DESC);
-- subject, both ways
CREATE INDEX reporting_tickets_subject_order ON trial_tickets
    (lower(CAST(:tickets_subject AS text)) COLLATE "C", (CAST(:tickets_id AS bigint)) DESC);
-- originator, both ways
CREATE INDEX reporting_tickets_originator_order ON trial_tickets
    (lower(CAST(:tickets_originator_email AS text)) COLLATE "C", (CAST(:tickets_id AS bigint)) DESC);
-- queue: each queue's newest
CREATE INDEX reporting_tickets_queue_order ON trial_tickets
    ((CAST(:tickets_queue_id AS bigint)), (CAST(:tickets_id AS bigint)) DESC);
-- status ascending, descending
CREATE INDEX reporting_tickets_status_first ON trial_tickets
    (array_position(ARRAY['open', 'on-hold', 'closed'], CAST(:tickets_status AS text)),
     (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_status_last ON trial_tickets
    (array_position(ARRAY['open', 'on-hold', 'closed'], CAST(:tickets_status AS text)) DESC NULLS LAST,
     (CAST(:tickets_id AS bigint)) DESC);
-- priority ascending, descending
CREATE INDEX reporting_tickets_priority_first ON trial_tickets
    ((CAST(:tickets_priority AS smallint)), (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_priority_last ON trial_tickets
    ((CAST(:tickets_priority AS smallint)) DESC, (CAST(:tickets_id AS bigint)) DESC);
-- assignee ascending, descending
CREATE INDEX reporting_tickets_assignee_first ON trial_tickets
    (lower(CAST(:tickets_assigned_to_email AS text)) COLLATE "C", (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_assignee_last ON trial_tickets
    (lower(CAST(:tickets_assigned_to_email AS text)) COLLATE "C" DESC NULLS LAST,
     (CAST(:tickets_id AS bigint)) DESC);
-- on_hold_until ascending, descending
CREATE INDEX reporting_tickets_on_hold_first ON trial_tickets
    ((CAST(:tickets_on_hold_until AS date)), (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_on_hold_last ON trial_tickets
    ((CAST(:tickets_on_hold_until AS date)) DESC NULLS LAST, (CAST(:tickets_id AS bigint)) DESC);
-- last_response_at ascending, descending
CREATE INDEX reporting_tickets_last_response_first ON trial_tickets
    ((CAST(:tickets_last_response_at AS timestamp(0))), (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_last_response_last ON trial_tickets
    ((CAST(:tickets_last_response_at AS timestamp(0))) DESC NULLS LAST, (CAST(:tickets_id AS bigint)) DESC);
-- response_count ascending, descending
CREATE INDEX reporting_tickets_response_count_first ON trial_tickets
    ((CAST(:tickets_response_count AS integer)), (CAST(:tickets_id AS bigint)) DESC);
CREATE INDEX reporting_tickets_response_count_last ON trial_tickets
    ((CAST(:tickets_response_count AS integer)) DESC, (CAST(:tickets_id AS bigint)) DESC);

-- 6. Search in texts: "contains" on subject, content and originator; needs CREATE EXTENSION pg_trgm, in whatever
--    schema. Without it such searches read whole tables.

SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') AS has_trgm \gset
\if :has_trgm
SELECT n.nspname AS trgm FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_trgm' \gset
CREATE INDEX reporting_tickets_subject_trgm ON trial_tickets
    USING gin (lower(CAST(:tickets_subject AS text)) :"trgm".gin_trgm_ops);
CREATE INDEX reporting_tickets_originator_trgm ON trial_tickets
    USING gin (lower(CAST(:tickets_originator_email AS text)) :"trgm".gin_trgm_ops);
CREATE INDEX reporting_responses_text_trgm ON trial_responses
    USING gin (lower(CAST(:responses_plain_text AS text)) :"trgm".gin_trgm_ops);
\else
DELETE FROM trial_wanted WHERE name LIKE '%_trgm';
\echo 'pg_trgm is not installed: searches in texts will read whole tables'
\endif

-- 7. What is safe is made, on the tables themselves; the rest is listed

-- Functions that fail on no value; and comparisons, by which an index can be sorted.
CREATE TEMP VIEW trial_safe_functions AS
SELECT oid
FROM pg_proc
WHERE CAST(CAST(oid AS regprocedure) AS text) IN (
    'lower(text)', 'upper(text)', 'text(character)', 'text(boolean)', 'int4(smallint)', 'int8(smallint)',
    'int8(integer)', 'bool(integer)', 'date(timestamp without time zone)', '"timestamp"(timestamp without time zone,integer)',
    'array_position(anyarray,anyelement)', 'array_position(anycompatiblearray,anycompatible)'
)
UNION
SELECT o.oprcode FROM pg_amop a JOIN pg_operator o ON a.amopopr IN (o.oid, o.oprnegate) WHERE a.amopmethod = 403;

-- Of each trial index: its expressions as PostgreSQL keeps them, without `AT TIME ZONE '…'`, which fails on no value
-- where the zone is a constant; and how long its texts can be.
CREATE TEMP VIEW trial_indexes AS
SELECT c.relname AS name, t.place, t.id AS table_id, pg_get_indexdef(i.indexrelid) AS definition,
       regexp_replace(
           concat(i.indexprs, i.indpred), ':funcid 1159 ([^{(]*:args \(\{CONST)', '\1', 'g'
       ) AS tree,
       CASE WHEN m.amname = 'btree' THEN (
           SELECT sum(
               -- a text without a length counts as one that is too long
               (SELECT max(CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4
                                THEN (a.atttypmod - 4) * pg_encoding_max_length(d.encoding)
                                WHEN a.atttypid = 'uuid'::regtype OR y.typcategory IN ('B', 'D', 'E', 'N') THEN 64
                                ELSE 1000000 END)
                FROM pg_attribute a
                JOIN pg_type y ON y.oid = a.atttypid
                WHERE a.attrelid = i.indrelid AND a.attnum > 0
                  AND pg_get_indexdef(i.indexrelid, part.attnum, false)
                      ~ format('(^|\W)%s(\W|$)', regexp_replace(quote_ident(a.attname), '(\W)', '\\\1', 'g')))
           )
           FROM pg_attribute part
           JOIN pg_type kind ON kind.oid = part.atttypid
           WHERE part.attrelid = i.indexrelid AND kind.typcategory = 'S'
       ) END AS text_bytes
FROM trial_tables t
JOIN pg_index i ON i.indrelid = to_regclass(format('pg_temp.%I', 'trial_' || t.relation))
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am m ON m.oid = c.relam
JOIN pg_database d ON d.datname = current_database();

CREATE TEMP TABLE trial_results AS
SELECT w.name, x.place, x.table_id, x.definition,
       CASE
           WHEN x.name IS NULL THEN 'PostgreSQL does not allow it: see its message above'
           WHEN EXISTS (
               SELECT FROM regexp_matches(x.tree, '\{([A-Z]+) ', 'g') node
               WHERE node[1] NOT IN (
                   'VAR', 'CONST', 'RELABELTYPE', 'FUNCEXPR', 'OPEXPR', 'COERCEVIAIO', 'BOOLEXPR', 'NULLTEST',
                   'BOOLEANTEST', 'ARRAY', 'ARRAYEXPR', 'CASE', 'CASEEXPR', 'WHEN', 'CASEWHEN', 'CASETESTEXPR',
                   'COALESCE', 'COALESCEEXPR', 'COLLATE', 'COLLATEEXPR'
               )
           ) OR EXISTS (
               SELECT FROM regexp_matches(x.tree, ':(?:opfuncid|funcid) (\d+)', 'g') called
               WHERE CAST(called[1] AS oid) NOT IN (SELECT oid FROM trial_safe_functions)
           ) OR EXISTS (  -- a text that is read as a value of another type
               SELECT FROM regexp_matches(x.tree, ':resulttype (\d+) :resultcollid', 'g') spelled
               WHERE CAST(spelled[1] AS oid) NOT IN ('text'::regtype, 'varchar'::regtype)
           ) THEN 'a value that its expression does not take would make a write fail'
           WHEN x.text_bytes > 2600 AND NOT CAST(:'long_texts' AS boolean)
           THEN 'a text that is too long for an index would make a write fail'
       END AS fault
FROM trial_wanted w
LEFT JOIN trial_indexes x ON x.name = 'reporting_' || w.name;

-- What an earlier version of this script made, and this one would not.
SELECT format('DROP INDEX CONCURRENTLY %s', CAST(i.indexrelid AS regclass))
FROM trial_results r
JOIN pg_class c ON c.relname = 'reporting_' || r.name
JOIN pg_index i ON i.indexrelid = c.oid AND i.indrelid = r.table_id
WHERE r.fault IS NOT NULL \gexec

SELECT regexp_replace(
    definition, '^CREATE INDEX \S+ ON \S+',
    format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %I ON %s', 'reporting_' || name, place)
)
FROM trial_results
WHERE fault IS NULL \gexec

SELECT statement FROM trial_leftovers \gexec

\set ON_ERROR_STOP on

UPDATE trial_results r SET fault = 'PostgreSQL could not make it: see its message above'
WHERE fault IS NULL
  AND NOT EXISTS (
      SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE i.indrelid = r.table_id AND c.relname = 'reporting_' || r.name
  );

-- Indexes on expressions bring statistics of their own, which the planner needs.
ANALYZE :users, :tickets, :responses, :ticket_participants, :ticket_hashtags, :watchlist_tickets, :ticket_user_states;

SELECT count(*) AS wanted, count(fault) AS left_out, count(fault) > 0 AS lacks FROM trial_results \gset
\echo Indexes: :wanted wanted, :left_out left out
\if :lacks
SELECT 'reporting_' || name AS "left out", fault AS because FROM trial_results WHERE fault IS NOT NULL ORDER BY name;
\endif

DROP VIEW trial_leftovers, trial_indexes, trial_safe_functions;
DROP TABLE trial_keys, trial_wanted, trial_results;
SELECT format('DROP TABLE %I', 'trial_' || relation) FROM trial_tables \gexec
DROP TABLE trial_tables;

\endif
