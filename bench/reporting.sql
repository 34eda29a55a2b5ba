-- The reporting contract: every relation the service may read, and nothing else.
-- The service finds them in one schema (default: reporting). They may be tables or views:
-- an install creates them as views over Tickiti's own tables on the primary, and streaming
-- replication carries them to the replica. Tickiti's own table names are not public, so no
-- name outside this file may appear in the service.
--
-- Times are UTC wall clock, timestamp without time zone, as Laravel stores them.
-- E-mail addresses are identity keys and compare without case.


CREATE TABLE users (
    id               bigint PRIMARY KEY,
    name             text    NOT NULL,
    email            text    NOT NULL,              -- unique without case
    is_staff         boolean NOT NULL DEFAULT false,
    is_active        boolean NOT NULL DEFAULT true,  -- verified and not disabled
    sees_all_queues  boolean NOT NULL DEFAULT false  -- an install may set it for the built-in system user
);

CREATE TABLE personal_access_tokens (               -- Laravel Sanctum's table, as far as it is read
    id            bigint PRIMARY KEY,
    tokenable_id  bigint NOT NULL,                   -- users.id
    token         varchar(64) NOT NULL UNIQUE,       -- lower-case hex sha256 of the secret part
    abilities     text,                              -- JSON array of strings; NULL means none
    allowed_ip    text,                              -- NULL: any; else one address or CIDR, or several separated by commas
    expires_at    timestamp,
    created_at    timestamp
);

CREATE TABLE ticket_queues (
    id         bigint PRIMARY KEY,
    name       text    NOT NULL UNIQUE,
    is_parked  boolean NOT NULL DEFAULT false
);

CREATE TABLE queue_permissions (
    user_id         bigint  NOT NULL,
    queue_id        bigint  NOT NULL,
    can_view        boolean NOT NULL DEFAULT false,  -- the only column that decides what is visible
    can_manage      boolean NOT NULL DEFAULT false,
    can_delete      boolean NOT NULL DEFAULT false,
    treat_as_inbox  boolean NOT NULL DEFAULT false,  -- the user administers this queue as an inbox
    PRIMARY KEY (user_id, queue_id)
);

CREATE TABLE teams (
    id    bigint PRIMARY KEY,
    name  text NOT NULL
);

CREATE TABLE team_members (
    team_id  bigint NOT NULL,
    user_id  bigint NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

CREATE TABLE tickets (
    id                    bigint PRIMARY KEY,
    number                integer   NOT NULL UNIQUE,  -- the six-digit human reference
    subject               text      NOT NULL,
    status                text      NOT NULL,         -- open | on-hold | closed
    priority              smallint  NOT NULL,         -- 10 Low, 20 Normal, 30 High, 40 Urgent
    queue_id              bigint    NOT NULL,
    assigned_to_email     text,                       -- staff e-mail, or team:<id>, or NULL when unassigned
    originator_email      text      NOT NULL,
    resolution            text,
    on_hold_until         date,
    last_responder_email  text,
    last_response_at      timestamp,
    response_count        integer   NOT NULL DEFAULT 0,
    is_draft              boolean   NOT NULL DEFAULT false,  -- an unsent new ticket: in no list
    created_at            timestamp NOT NULL,
    updated_at            timestamp NOT NULL,
    deleted_at            timestamp                   -- soft delete: in no list
);

CREATE TABLE responses (
    id                bigint PRIMARY KEY,
    ticket_id         bigint    NOT NULL,
    plain_text        text      NOT NULL,
    is_internal       boolean   NOT NULL DEFAULT false,  -- staff-only note
    created_by_email  text      NOT NULL,
    created_at        timestamp NOT NULL,
    deleted_at        timestamp
);

CREATE TABLE ticket_participants (
    ticket_id  bigint NOT NULL,
    email      text   NOT NULL,
    PRIMARY KEY (ticket_id, email)
);

CREATE TABLE ticket_hashtags (
    ticket_id  bigint NOT NULL,
    tag        text   NOT NULL,                       -- without '#', compared without case
    PRIMARY KEY (ticket_id, tag)
);

CREATE TABLE watchlists (
    id        bigint PRIMARY KEY,
    name      text    NOT NULL,
    owner_id  bigint,                                 -- users.id
    shared    boolean NOT NULL DEFAULT false
);

CREATE TABLE watchlist_tickets (
    watchlist_id  bigint  NOT NULL,
    ticket_id     bigint  NOT NULL,
    position      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (watchlist_id, ticket_id)
);

CREATE TABLE ticket_user_states (                    -- what one user has to do with one ticket
    ticket_id             bigint  NOT NULL,
    user_id               bigint  NOT NULL,
    last_read_at          timestamp,                  -- NULL: never opened
    is_retained           boolean NOT NULL DEFAULT false,
    unacknowledged_tags   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (ticket_id, user_id)
);

CREATE TABLE perspectives (
    id                   bigint PRIMARY KEY,
    name                 text    NOT NULL,
    description          text,
    display_mode         text    NOT NULL DEFAULT 'card',  -- card | list: presentation only
    is_builtin           boolean NOT NULL DEFAULT false,
    owner_id             bigint,                            -- users.id; NULL for built-ins
    shared               boolean NOT NULL DEFAULT false,
    impersonate_user_id  bigint,                            -- users.id
    show_in_crm          boolean NOT NULL DEFAULT false
);

CREATE TABLE perspective_conditions (
    perspective_id  bigint  NOT NULL,
    position        integer NOT NULL,
    field           text    NOT NULL,
    operator        text    NOT NULL,
    value           jsonb   NOT NULL,                 -- a scalar, or an array of scalars: any of them
    PRIMARY KEY (perspective_id, position)
);

CREATE TABLE perspective_orders (
    perspective_id  bigint  NOT NULL,
    position        integer NOT NULL,
    field           text    NOT NULL,
    ascending       boolean NOT NULL DEFAULT true,
    PRIMARY KEY (perspective_id, position)
);

CREATE TABLE perspective_columns (                   -- columns beyond the ten core ones, in order
    perspective_id  bigint  NOT NULL,
    position        integer NOT NULL,
    field           text    NOT NULL,
    PRIMARY KEY (perspective_id, position)
);
