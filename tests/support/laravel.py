"""Tickiti's own tables, as Laravel makes them, and the script that puts the views over them."""

import re
from pathlib import Path

from tests.support.running import ROOT

DEPLOY = ROOT / "deploy"

# What Laravel's migrations make on PostgreSQL, with columns that are no business of ours in between.
TABLES = """
CREATE TABLE users (
    id bigserial PRIMARY KEY, name varchar(255) NOT NULL, email varchar(255) NOT NULL UNIQUE,
    email_verified_at timestamp(0), password varchar(255) NOT NULL DEFAULT '', is_staff boolean NOT NULL,
    sees_all_queues boolean NOT NULL, disabled_at timestamp(0), remember_token varchar(100));
CREATE TABLE personal_access_tokens (
    id bigserial PRIMARY KEY, tokenable_type varchar(255) NOT NULL, tokenable_id bigint NOT NULL,
    name varchar(255) NOT NULL DEFAULT '', token varchar(64) NOT NULL UNIQUE, abilities text,
    allowed_ip varchar(255), last_used_at timestamp(0), expires_at timestamp(0), created_at timestamp(0));
CREATE TABLE ticket_queues (id bigserial PRIMARY KEY, name varchar(255) NOT NULL, is_parked boolean NOT NULL);
CREATE TABLE ticket_queue_user (
    id bigserial PRIMARY KEY, ticket_queue_id bigint NOT NULL, user_id bigint NOT NULL, can_view boolean NOT NULL,
    can_manage boolean NOT NULL, can_delete boolean NOT NULL, treat_as_inbox boolean NOT NULL);
CREATE TABLE teams (id bigserial PRIMARY KEY, name varchar(255) NOT NULL);
CREATE TABLE team_user (team_id bigint NOT NULL, user_id bigint NOT NULL, PRIMARY KEY (team_id, user_id));
CREATE TABLE tickets (
    id bigserial PRIMARY KEY, uuid uuid, number integer NOT NULL UNIQUE, subject varchar(255) NOT NULL,
    status varchar(255) NOT NULL CHECK (status IN ('open', 'on-hold', 'closed')), priority smallint NOT NULL,
    ticket_queue_id bigint NOT NULL, assigned_to_email varchar(255), originator_email varchar(255) NOT NULL,
    resolution varchar(255), on_hold_until date, last_responder_email varchar(255), last_response_at timestamp(0),
    response_count integer NOT NULL, is_draft boolean NOT NULL, created_at timestamp(0), updated_at timestamp(0),
    deleted_at timestamp(0));
CREATE TABLE ticket_responses (
    id bigserial PRIMARY KEY, ticket_id bigint NOT NULL, html text, plain_text text NOT NULL,
    is_internal boolean NOT NULL, created_by_email varchar(255) NOT NULL, created_at timestamp(0),
    deleted_at timestamp(0));
CREATE TABLE ticket_participants (id bigserial PRIMARY KEY, ticket_id bigint NOT NULL, email varchar(255) NOT NULL);
CREATE TABLE ticket_hashtags (id bigserial PRIMARY KEY, ticket_id bigint NOT NULL, tag varchar(255) NOT NULL);
CREATE TABLE watchlists (
    id bigserial PRIMARY KEY, user_id bigint, name varchar(255) NOT NULL, is_shared boolean NOT NULL);
CREATE TABLE ticket_watchlist (watchlist_id bigint NOT NULL, ticket_id bigint NOT NULL, position integer NOT NULL);
CREATE TABLE ticket_user (
    ticket_id bigint NOT NULL, user_id bigint NOT NULL, last_read_at timestamp(0), is_retained boolean NOT NULL,
    unacknowledged_tags integer NOT NULL, PRIMARY KEY (ticket_id, user_id));
CREATE TABLE perspectives (
    id bigserial PRIMARY KEY, user_id bigint, name varchar(255) NOT NULL, description text,
    display_mode varchar(255) NOT NULL, is_builtin boolean NOT NULL, is_shared boolean NOT NULL,
    impersonate_user_id bigint, show_in_crm boolean NOT NULL);
CREATE TABLE perspective_conditions (
    id bigserial PRIMARY KEY, perspective_id bigint NOT NULL, position integer NOT NULL, field varchar(255) NOT NULL,
    operator varchar(255) NOT NULL, value json NOT NULL);
CREATE TABLE perspective_orders (
    id bigserial PRIMARY KEY, perspective_id bigint NOT NULL, position integer NOT NULL,
    field varchar(255) NOT NULL, ascending boolean NOT NULL);
CREATE TABLE perspective_columns (
    id bigserial PRIMARY KEY, perspective_id bigint NOT NULL, position integer NOT NULL,
    field varchar(255) NOT NULL);
CREATE TABLE failed_jobs (id bigserial PRIMARY KEY, exception text)
"""


def write_views(path: Path, **names: str) -> Path:
    """The script with other names in its block."""
    text = (DEPLOY / "reporting_views.sql").read_text("utf-8")
    for name, value in names.items():
        text, count = re.subn(rf"(?m)^(\\set {name} +).*", rf"\g<1>{value}", text)
        assert count == 1
    path.write_text(text, "utf-8")
    return path
