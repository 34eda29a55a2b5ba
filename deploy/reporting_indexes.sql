-- Indexes that make perspectives fast, for an install whose reporting relations are tables.
--
-- Run on the primary with the search_path on those tables; replication carries them to the replica.
-- On a busy primary add CONCURRENTLY to each statement, outside a transaction.
-- Every index names what it is for; measured with `python -m bench.shapes` (bench/README.md).
-- They presume the settings the service gives its sessions: random_page_cost = seq_page_cost = 0.1 (the indexes and
-- the tickets in use are in memory), jit = off and no parallel workers. With the default of 4 the planner walks a
-- long index rather than look up a few rows.

-- Texts are looked up in the order of their bytes, COLLATE "C", which no collation library changes: an index in another
-- order, built by one version of ICU or glibc, lacks rows on a server that has another version.

-- 1. Scope and default order ------------------------------------------------------------------------------

-- default order for users who see many queues; every condition that matches often. The queue and the creation time
-- ride along so that a ticket outside the scope or the criteria created_from, created_to is passed over without
-- reading it: 20 ms instead of 420 where the matches lie at the far end of a million tickets (from PostgreSQL 17)
CREATE INDEX IF NOT EXISTS tickets_updated ON tickets (updated_at DESC, id DESC, queue_id, created_at);
-- users who see few tickets; queue conditions, inbox; queue name order followed by updated_at
CREATE INDEX IF NOT EXISTS tickets_queue_updated ON tickets (queue_id, updated_at DESC, id DESC);
-- status conditions but closed, for_attention, and any list of unclosed tickets, in default order
CREATE INDEX IF NOT EXISTS tickets_unclosed_updated ON tickets (updated_at DESC, id DESC, queue_id)
    WHERE status <> 'closed';

-- the same, most urgent first: "for my attention" as it is usually saved (1,240 ms to 98 for one who sees everything)
CREATE INDEX IF NOT EXISTS tickets_unclosed_priority ON tickets (priority DESC, updated_at DESC, id DESC, queue_id)
    WHERE status <> 'closed';

-- 2. Conditions on tickets --------------------------------------------------------------------------------

-- assignee is, Unassigned
CREATE INDEX IF NOT EXISTS tickets_assignee_bytes ON tickets
    (lower(assigned_to_email) COLLATE "C", updated_at DESC, id DESC);
-- the same among unclosed tickets: "mine", for_attention
CREATE INDEX IF NOT EXISTS tickets_unclosed_assignee_bytes ON tickets
    (lower(assigned_to_email) COLLATE "C", updated_at DESC, id DESC) WHERE status <> 'closed';
-- originator is, criteria raised
CREATE INDEX IF NOT EXISTS tickets_originator_bytes ON tickets
    (lower(originator_email) COLLATE "C", updated_at DESC, id DESC);
-- resolution is
CREATE INDEX IF NOT EXISTS tickets_resolution_bytes ON tickets
    (lower(resolution) COLLATE "C", updated_at DESC, id DESC);
-- priority is; order by priority descending, then updated_at descending
CREATE INDEX IF NOT EXISTS tickets_priority ON tickets (priority DESC, updated_at DESC, id DESC);

-- 3. Conditions on what belongs to a ticket ---------------------------------------------------------------

-- participant, participating, for_attention; email is included so that the table itself is not read
CREATE INDEX IF NOT EXISTS ticket_participants_email_bytes ON ticket_participants
    (lower(email) COLLATE "C", ticket_id)
    INCLUDE (email);
-- hashtag
CREATE INDEX IF NOT EXISTS ticket_hashtags_tag_bytes ON ticket_hashtags
    (lower(tag) COLLATE "C", ticket_id) INCLUDE (tag);
-- content where most tickets match; does not contain
CREATE INDEX IF NOT EXISTS responses_ticket ON responses (ticket_id);
-- the watchlists column; the watchlist condition is served by the primary key
CREATE INDEX IF NOT EXISTS watchlist_tickets_ticket ON watchlist_tickets (ticket_id);
-- retained, for_attention
CREATE INDEX IF NOT EXISTS ticket_user_states_flagged ON ticket_user_states (user_id, ticket_id)
    INCLUDE (is_retained, unacknowledged_tags) WHERE is_retained OR unacknowledged_tags > 0;
-- recently_read, unread is false; order by last_read_at descending, ascending
CREATE INDEX IF NOT EXISTS ticket_user_states_read_last ON ticket_user_states
    (user_id, last_read_at DESC NULLS LAST, ticket_id DESC);
CREATE INDEX IF NOT EXISTS ticket_user_states_read_first ON ticket_user_states
    (user_id, last_read_at, ticket_id DESC);

-- 4. Who is asking ----------------------------------------------------------------------------------------

-- an e-mail to its user; the columns assignee_name, originator_name
CREATE INDEX IF NOT EXISTS users_email_bytes ON users (lower(email) COLLATE "C");
-- a token to its user; the unique index on it is for writes
CREATE INDEX IF NOT EXISTS tokens_token_bytes ON personal_access_tokens (token COLLATE "C");
-- a queue, a watchlist and a perspective by its name
CREATE INDEX IF NOT EXISTS ticket_queues_name_bytes ON ticket_queues (name COLLATE "C");
CREATE INDEX IF NOT EXISTS watchlists_name_bytes ON watchlists (name COLLATE "C");
CREATE INDEX IF NOT EXISTS perspectives_name_bytes ON perspectives (name COLLATE "C");
-- a person's teams
CREATE INDEX IF NOT EXISTS team_members_user ON team_members (user_id);

-- 5. Orders -----------------------------------------------------------------------------------------------
-- Leave out those of fields by which no perspective orders. Two indexes where one cannot be read backwards:
-- NULL comes last and the id falls in both directions. Number is served by its unique index.

-- created_at, both ways; criteria created_from and created_to
CREATE INDEX IF NOT EXISTS tickets_created ON tickets (created_at DESC, id DESC);
-- subject, both ways
CREATE INDEX IF NOT EXISTS tickets_subject_order ON tickets (lower(subject) COLLATE "C", id DESC);
-- originator, both ways
CREATE INDEX IF NOT EXISTS tickets_originator_order ON tickets (lower(originator_email) COLLATE "C", id DESC);
-- queue: each queue's newest
CREATE INDEX IF NOT EXISTS tickets_queue_order ON tickets (queue_id, id DESC);
-- status ascending, descending; the expression is the compiler's, word for word
CREATE INDEX IF NOT EXISTS tickets_status_first ON tickets
    (array_position(ARRAY['open', 'on-hold', 'closed'], status), id DESC);
CREATE INDEX IF NOT EXISTS tickets_status_last ON tickets
    (array_position(ARRAY['open', 'on-hold', 'closed'], status) DESC NULLS LAST, id DESC);
-- priority ascending, descending
CREATE INDEX IF NOT EXISTS tickets_priority_first ON tickets (priority, id DESC);
CREATE INDEX IF NOT EXISTS tickets_priority_last ON tickets (priority DESC, id DESC);
-- assignee ascending, descending
CREATE INDEX IF NOT EXISTS tickets_assignee_first ON tickets (lower(assigned_to_email) COLLATE "C", id DESC);
CREATE INDEX IF NOT EXISTS tickets_assignee_last ON tickets
    (lower(assigned_to_email) COLLATE "C" DESC NULLS LAST, id DESC);
-- on_hold_until ascending, descending
CREATE INDEX IF NOT EXISTS tickets_on_hold_first ON tickets (on_hold_until, id DESC);
CREATE INDEX IF NOT EXISTS tickets_on_hold_last ON tickets (on_hold_until DESC NULLS LAST, id DESC);
-- last_response_at ascending, descending
CREATE INDEX IF NOT EXISTS tickets_last_response_first ON tickets (last_response_at, id DESC);
CREATE INDEX IF NOT EXISTS tickets_last_response_last ON tickets (last_response_at DESC NULLS LAST, id DESC);
-- response_count ascending, descending
CREATE INDEX IF NOT EXISTS tickets_response_count_first ON tickets (response_count, id DESC);
CREATE INDEX IF NOT EXISTS tickets_response_count_last ON tickets (response_count DESC, id DESC);

-- 6. Search in texts --------------------------------------------------------------------------------------
-- For "contains" on subject, content and originator; needs CREATE EXTENSION pg_trgm, in whatever schema.

DO $$
DECLARE
    trgm text;
BEGIN
    SELECT n.nspname INTO trgm
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
    IF trgm IS NULL THEN
        RAISE NOTICE 'pg_trgm is not installed: text searches will read whole tables';
        RETURN;
    END IF;
    EXECUTE format('CREATE INDEX IF NOT EXISTS tickets_subject_trgm ON tickets
                    USING gin (lower(subject) %I.gin_trgm_ops)', trgm);
    EXECUTE format('CREATE INDEX IF NOT EXISTS tickets_originator_trgm ON tickets
                    USING gin (lower(originator_email) %I.gin_trgm_ops)', trgm);
    EXECUTE format('CREATE INDEX IF NOT EXISTS responses_text_trgm ON responses
                    USING gin (lower(plain_text) %I.gin_trgm_ops)', trgm);
    -- How rare a word is, the planner counts among the texts that ANALYZE keeps. With its usual 100, one text that
    -- happens to have a rare word makes it a common one: 230 ms instead of 8 for the subject, 640 instead of 50 for
    -- the content, until the next ANALYZE.
    ALTER INDEX tickets_subject_trgm ALTER COLUMN 1 SET STATISTICS 1000;
    ALTER INDEX tickets_originator_trgm ALTER COLUMN 1 SET STATISTICS 1000;
    ALTER INDEX responses_text_trgm ALTER COLUMN 1 SET STATISTICS 1000;
END
$$;

-- 7. Statistics -------------------------------------------------------------------------------------------
-- The indexes on expressions bring statistics of their own, which the planner needs; of several on one expression it
-- takes whichever it meets first, so all of them are to know the same.

-- Every assignee by name (the usual 100 are fewer than the staff), so that one who has no tickets is known to have
-- none: 0.1 ms instead of 2,500 for "mine, urgent first" among five million tickets.
ALTER INDEX IF EXISTS tickets_assignee_bytes ALTER COLUMN 1 SET STATISTICS 1000;
ALTER INDEX IF EXISTS tickets_unclosed_assignee_bytes ALTER COLUMN 1 SET STATISTICS 1000;
ALTER INDEX IF EXISTS tickets_assignee_first ALTER COLUMN 1 SET STATISTICS 1000;
ALTER INDEX IF EXISTS tickets_assignee_last ALTER COLUMN 1 SET STATISTICS 1000;
ALTER INDEX IF EXISTS tickets_subject_order ALTER COLUMN 1 SET STATISTICS 1000;

ANALYZE tickets, responses, ticket_participants, ticket_hashtags, watchlist_tickets, ticket_user_states, users;
