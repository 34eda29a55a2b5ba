"""The reporting contract: every relation and column the service reads, with its type. Nothing else is read."""

from collections.abc import Iterable, Mapping, Set

# Raised when a relation or a column is added. A label of the build metric, and in the log's first line.
CONTRACT_VERSION = 1

# Types as PostgreSQL's format_type() writes them, without a length; NULL where a column may be that.
COLUMNS = {
    "users": "id bigint, name text, email text, is_staff boolean, is_active boolean, sees_all_queues boolean",
    "personal_access_tokens": (
        "id bigint, tokenable_id bigint, token character varying, abilities text NULL, allowed_ip text NULL,"
        " expires_at timestamp without time zone NULL, created_at timestamp without time zone NULL"
    ),
    "ticket_queues": "id bigint, name text, is_parked boolean",
    "queue_permissions": (
        "user_id bigint, queue_id bigint, can_view boolean, can_manage boolean, can_delete boolean,"
        " treat_as_inbox boolean"
    ),
    "teams": "id bigint, name text",
    "team_members": "team_id bigint, user_id bigint",
    "tickets": (
        "id bigint, number integer, subject text, status text, priority smallint, queue_id bigint,"
        " assigned_to_email text NULL, originator_email text, resolution text NULL, on_hold_until date NULL,"
        " last_responder_email text NULL, last_response_at timestamp without time zone NULL, response_count integer,"
        " is_draft boolean, created_at timestamp without time zone, updated_at timestamp without time zone,"
        " deleted_at timestamp without time zone NULL"
    ),
    "responses": (
        "id bigint, ticket_id bigint, plain_text text, is_internal boolean, created_by_email text,"
        " created_at timestamp without time zone, deleted_at timestamp without time zone NULL"
    ),
    "ticket_participants": "ticket_id bigint, email text",
    "ticket_hashtags": "ticket_id bigint, tag text",
    "watchlists": "id bigint, name text, owner_id bigint NULL, shared boolean",
    "watchlist_tickets": "watchlist_id bigint, ticket_id bigint, position integer",
    "ticket_user_states": (
        "ticket_id bigint, user_id bigint, last_read_at timestamp without time zone NULL, is_retained boolean,"
        " unacknowledged_tags integer"
    ),
    "perspectives": (
        "id bigint, name text, description text NULL, display_mode text, is_builtin boolean, owner_id bigint NULL,"
        " shared boolean, impersonate_user_id bigint NULL, show_in_crm boolean"
    ),
    "perspective_conditions": "perspective_id bigint, position integer, field text, operator text, value jsonb",
    "perspective_orders": "perspective_id bigint, position integer, field text, ascending boolean",
    "perspective_columns": "perspective_id bigint, position integer, field text",
}
# relation -> its columns, each with its type
RELATIONS: Mapping[str, Mapping[str, str]] = {
    relation: dict(column.removesuffix(" NULL").split(" ", 1) for column in columns.split(", "))
    for relation, columns in COLUMNS.items()
}
# relation -> its columns that may be NULL
NULLABLE: Mapping[str, Set[str]] = {
    relation: {column.split(" ")[0] for column in columns.split(", ") if column.endswith(" NULL")}
    for relation, columns in COLUMNS.items()
}
NAMES = ", ".join(f"'{relation}'" for relation in RELATIONS)  # of the relations, as texts in SQL
# The relations that every request reads, whatever it asks for.
READ_BY_ALL = (
    "personal_access_tokens",
    "users",
    "queue_permissions",
    "perspectives",
    "perspective_conditions",
    "perspective_orders",
    "perspective_columns",
    "tickets",
    "ticket_queues",
)


def write_row_reading(relations: Iterable[str]) -> str:
    """Write a SELECT that computes every column of one row of each relation, as a request does, and returns one number.

    So each function that a view calls is called; with LIMIT 0, or for columns that are not used, it would not be.
    """
    rows = [f"(SELECT num_nulls({', '.join(RELATIONS[name])}) AS nulls FROM {name} LIMIT 1)" for name in relations]
    return "SELECT sum(r.nulls)\nFROM (\n" + "\nUNION ALL\n".join(rows) + "\n) r"
