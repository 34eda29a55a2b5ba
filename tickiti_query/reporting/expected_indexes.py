"""The indexes that the reporting relations, or the tables beneath them, should have: for keys, and for queries."""

from collections.abc import Mapping

# relation -> its unique keys where it is a table, the primary one first
KEYS: Mapping[str, tuple[str, ...]] = {
    "users": ("id",),
    "personal_access_tokens": ("id", "token"),
    "ticket_queues": ("id", "name"),
    "queue_permissions": ("user_id, queue_id",),
    "teams": ("id",),
    "team_members": ("team_id, user_id",),
    "tickets": ("id", "number"),
    "responses": ("id",),
    "ticket_participants": ("ticket_id, email",),
    "ticket_hashtags": ("ticket_id, tag",),
    "watchlists": ("id",),
    "watchlist_tickets": ("watchlist_id, ticket_id",),
    "ticket_user_states": ("ticket_id, user_id",),
    "perspectives": ("id",),
    "perspective_conditions": ("perspective_id, position",),
    "perspective_orders": ("perspective_id, position",),
    "perspective_columns": ("perspective_id, position",),
}

# name in deploy/reporting_views.sql, without PREFIX -> (relation, what an index of the table beneath has to begin
# with); the script makes them only where Tickiti has none. A test holds the two lists together.
KEYS_BENEATH: Mapping[str, tuple[str, str]] = {
    "users_key": ("users", "id"),
    "tokens_token": ("personal_access_tokens", "token"),
    "ticket_queues_key": ("ticket_queues", "id"),
    "queue_permissions_key": ("queue_permissions", "user_id, queue_id"),
    "team_members_key": ("team_members", "team_id, user_id"),
    "tickets_key": ("tickets", "id"),
    "tickets_number": ("tickets", "number"),
    "ticket_participants_ticket": ("ticket_participants", "ticket_id"),
    "ticket_hashtags_ticket": ("ticket_hashtags", "ticket_id"),
    "watchlists_key": ("watchlists", "id"),
    "watchlist_tickets_key": ("watchlist_tickets", "watchlist_id, ticket_id"),
    "ticket_user_states_key": ("ticket_user_states", "ticket_id, user_id"),
    "perspectives_key": ("perspectives", "id"),
    "perspective_conditions_key": ("perspective_conditions", "perspective_id"),
    "perspective_orders_key": ("perspective_orders", "perspective_id"),
    "perspective_columns_key": ("perspective_columns", "perspective_id"),
}
PREFIX = "reporting_"  # of all names in deploy/reporting_views.sql

STATUS = "array_position(ARRAY['open', 'on-hold', 'closed'], status)"
UNCLOSED = "WHERE status <> 'closed'"
ASSIGNEE = '(lower(assigned_to_email) COLLATE "C", updated_at DESC, id DESC)'
FLAGGED = "INCLUDE (is_retained, unacknowledged_tags) WHERE is_retained OR unacknowledged_tags > 0"

# name in deploy/reporting_indexes.sql, and after PREFIX in deploy/reporting_views.sql -> (relation, definition);
# tests hold the three lists together
INDEXES: Mapping[str, tuple[str, str]] = {
    "tickets_updated": ("tickets", "(updated_at DESC, id DESC, queue_id, created_at)"),
    "tickets_queue_updated": ("tickets", "(queue_id, updated_at DESC, id DESC)"),
    "tickets_unclosed_updated": ("tickets", f"(updated_at DESC, id DESC, queue_id) {UNCLOSED}"),
    "tickets_unclosed_priority": ("tickets", f"(priority DESC, updated_at DESC, id DESC, queue_id) {UNCLOSED}"),
    "tickets_assignee_bytes": ("tickets", ASSIGNEE),
    "tickets_unclosed_assignee_bytes": ("tickets", f"{ASSIGNEE} {UNCLOSED}"),
    "tickets_originator_bytes": ("tickets", '(lower(originator_email) COLLATE "C", updated_at DESC, id DESC)'),
    "tickets_resolution_bytes": ("tickets", '(lower(resolution) COLLATE "C", updated_at DESC, id DESC)'),
    "tickets_priority": ("tickets", "(priority DESC, updated_at DESC, id DESC)"),
    "ticket_participants_email_bytes": ("ticket_participants", '(lower(email) COLLATE "C", ticket_id) INCLUDE (email)'),
    "ticket_hashtags_tag_bytes": ("ticket_hashtags", '(lower(tag) COLLATE "C", ticket_id) INCLUDE (tag)'),
    "responses_ticket": ("responses", "(ticket_id)"),
    "watchlist_tickets_ticket": ("watchlist_tickets", "(ticket_id)"),
    "ticket_user_states_flagged": ("ticket_user_states", f"(user_id, ticket_id) {FLAGGED}"),
    "ticket_user_states_read_last": ("ticket_user_states", "(user_id, last_read_at DESC NULLS LAST, ticket_id DESC)"),
    "ticket_user_states_read_first": ("ticket_user_states", "(user_id, last_read_at, ticket_id DESC)"),
    "users_email_bytes": ("users", '(lower(email) COLLATE "C")'),
    "tokens_token_bytes": ("personal_access_tokens", '(token COLLATE "C")'),
    "ticket_queues_name_bytes": ("ticket_queues", '(name COLLATE "C")'),
    "watchlists_name_bytes": ("watchlists", '(name COLLATE "C")'),
    "perspectives_name_bytes": ("perspectives", '(name COLLATE "C")'),
    "team_members_user": ("team_members", "(user_id)"),
    "tickets_created": ("tickets", "(created_at DESC, id DESC)"),
    "tickets_subject_order": ("tickets", '(lower(subject) COLLATE "C", id DESC)'),
    "tickets_originator_order": ("tickets", '(lower(originator_email) COLLATE "C", id DESC)'),
    "tickets_queue_order": ("tickets", "(queue_id, id DESC)"),
    "tickets_status_first": ("tickets", f"({STATUS}, id DESC)"),
    "tickets_status_last": ("tickets", f"({STATUS} DESC NULLS LAST, id DESC)"),
    "tickets_priority_first": ("tickets", "(priority, id DESC)"),
    "tickets_priority_last": ("tickets", "(priority DESC, id DESC)"),
    "tickets_assignee_first": ("tickets", '(lower(assigned_to_email) COLLATE "C", id DESC)'),
    "tickets_assignee_last": ("tickets", '(lower(assigned_to_email) COLLATE "C" DESC NULLS LAST, id DESC)'),
    "tickets_on_hold_first": ("tickets", "(on_hold_until, id DESC)"),
    "tickets_on_hold_last": ("tickets", "(on_hold_until DESC NULLS LAST, id DESC)"),
    "tickets_last_response_first": ("tickets", "(last_response_at, id DESC)"),
    "tickets_last_response_last": ("tickets", "(last_response_at DESC NULLS LAST, id DESC)"),
    "tickets_response_count_first": ("tickets", "(response_count, id DESC)"),
    "tickets_response_count_last": ("tickets", "(response_count DESC, id DESC)"),
    "tickets_subject_trgm": ("tickets", "USING gin (lower(subject) gin_trgm_ops)"),
    "tickets_originator_trgm": ("tickets", "USING gin (lower(originator_email) gin_trgm_ops)"),
    "responses_text_trgm": ("responses", "USING gin (lower(plain_text) gin_trgm_ops)"),
}

# relation -> what its texts are looked up by, as statements spell it -> the indexes that serve it whichever version of
# its library of collations the server has
LOOK_UPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tickets": {
        "lower(t.assigned_to_email)": ("tickets_assignee_bytes", "tickets_unclosed_assignee_bytes"),
        "lower(t.originator_email)": ("tickets_originator_bytes",),
        "lower(t.resolution)": ("tickets_resolution_bytes",),
        "lower(t.subject)": ("tickets_subject_order",),
    },
    "ticket_participants": {"lower(p.email)": ("ticket_participants_email_bytes",)},
    "ticket_hashtags": {"lower(h.tag)": ("ticket_hashtags_tag_bytes",)},
    "users": {"lower(u.email)": ("users_email_bytes",)},
    "personal_access_tokens": {"p.token": ("tokens_token_bytes",)},
    "ticket_queues": {"q.name": ("ticket_queues_name_bytes",)},
    "watchlists": {"w.name": ("watchlists_name_bytes",)},
    "perspectives": {"p.name": ("perspectives_name_bytes",)},
}
