-- The relations the service reads, as plain tables for the demo and the tests.
-- Whoever runs this file has made the schema and put it first in the search_path.
-- Every timestamp is UTC without a zone. E-mail addresses identify people, whatever their case.

-- People and what they may see -----------------------------------------------------------

CREATE TABLE users (
    id              bigint  PRIMARY KEY,
    name            text    NOT NULL,
    email           text    NOT NULL,
    is_staff        boolean NOT NULL DEFAULT false,
    is_active       boolean NOT NULL DEFAULT true,
    sees_all_queues boolean NOT NULL DEFAULT false  -- lifts the scope of queue_permissions
);

CREATE TABLE personal_access_tokens (
    id           bigint      PRIMARY KEY,
    tokenable_id bigint      NOT NULL,         -- the user it acts as
    token        varchar(64) NOT NULL UNIQUE,  -- sha256 of the secret in lower-case hex; never the secret
    abilities    text,                         -- a JSON array of strings
    allowed_ip   text,                         -- addresses or networks, comma-separated; NULL lets any in
    expires_at   timestamp,
    created_at   timestamp
);

CREATE TABLE ticket_queues (
    id        bigint  PRIMARY KEY,
    name      text    NOT NULL UNIQUE,
    is_parked boolean NOT NULL DEFAULT false
);

CREATE TABLE queue_permissions (
    user_id        bigint  NOT NULL,
    queue_id       bigint  NOT NULL,
    can_view       boolean NOT NULL DEFAULT false,  -- visibility hangs on this one alone
    can_manage     boolean NOT NULL DEFAULT false,
    can_delete     boolean NOT NULL DEFAULT false,
    treat_as_inbox boolean NOT NULL DEFAULT false,
    PRIMARY KEY (user_id, queue_id)
);

CREATE TABLE teams (
    id   bigint PRIMARY KEY,
    name text   NOT NULL
);

CREATE TABLE team_members (
    team_id bigint NOT NULL,
    user_id bigint NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

-- Tickets and what hangs on them ---------------------------------------------------------

CREATE TABLE tickets (
    id                   bigint    PRIMARY KEY,
    number               integer   NOT NULL UNIQUE,  -- six digits, what people quote
    subject              text      NOT NULL,
    status               text      NOT NULL,         -- open, on-hold, closed
    priority             smallint  NOT NULL,         -- 10, 20, 30, 40: from Low to Urgent
    queue_id             bigint    NOT NULL,
    assigned_to_email    text,                       -- a person's address, team:<id>, or nobody
    originator_email     text      NOT NULL,
    resolution           text,
    on_hold_until        date,
    last_responder_email text,
    last_response_at     timestamp,
    response_count       integer   NOT NULL DEFAULT 0,
    is_draft             boolean   NOT NULL DEFAULT false,
    created_at           timestamp NOT NULL,
    updated_at           timestamp NOT NULL,
    deleted_at           timestamp                   -- set: gone from every list
);

CREATE TABLE responses (
    id               bigint    PRIMARY KEY,
    ticket_id        bigint    NOT NULL,
    plain_text       text      NOT NULL,
    is_internal      boolean   NOT NULL DEFAULT false,  -- a note among staff
    created_by_email text      NOT NULL,
    created_at       timestamp NOT NULL,
    deleted_at       timestamp
);

CREATE TABLE ticket_participants (
    ticket_id bigint NOT NULL,
    email     text   NOT NULL,
    PRIMARY KEY (ticket_id, email)
);

CREATE TABLE ticket_hashtags (
    ticket_id bigint NOT NULL,
    tag       text   NOT NULL,  -- stored bare, without the leading #
    PRIMARY KEY (ticket_id, tag)
);

CREATE TABLE watchlists (
    id       bigint  PRIMARY KEY,
    name     text    NOT NULL,
    owner_id bigint,
    shared   boolean NOT NULL DEFAULT false
);

CREATE TABLE watchlist_tickets (
    watchlist_id bigint  NOT NULL,
    ticket_id    bigint  NOT NULL,
    position     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (watchlist_id, ticket_id)
);

CREATE TABLE ticket_user_states (
    ticket_id           bigint  NOT NULL,
    user_id             bigint  NOT NULL,
    last_read_at        timestamp,  -- NULL until the ticket is first opened
    is_retained         boolean NOT NULL DEFAULT false,
    unacknowledged_tags integer NOT NULL DEFAULT 0,
    PRIMARY KEY (ticket_id, user_id)
);

-- Saved views ----------------------------------------------------------------------------

CREATE TABLE perspectives (
    id                  bigint  PRIMARY KEY,
    name                text    NOT NULL,
    description         text,
    display_mode        text    NOT NULL DEFAULT 'card',
    is_builtin          boolean NOT NULL DEFAULT false,
    owner_id            bigint,  -- nobody owns a built-in
    shared              boolean NOT NULL DEFAULT false,
    impersonate_user_id bigint,
    show_in_crm         boolean NOT NULL DEFAULT false
);

CREATE TABLE perspective_conditions (
    perspective_id bigint  NOT NULL,
    position       integer NOT NULL,
    field          text    NOT NULL,
    operator       text    NOT NULL,
    value          jsonb   NOT NULL,  -- one scalar, or an array of alternatives
    PRIMARY KEY (perspective_id, position)
);

CREATE TABLE perspective_orders (
    perspective_id bigint  NOT NULL,
    position       integer NOT NULL,
    field          text    NOT NULL,
    ascending      boolean NOT NULL DEFAULT true,
    PRIMARY KEY (perspective_id, position)
);

CREATE TABLE perspective_columns (
    perspective_id bigint  NOT NULL,
    position       integer NOT NULL,
    field          text    NOT NULL,
    PRIMARY KEY (perspective_id, position)
);
