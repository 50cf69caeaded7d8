-- +goose Up
-- +goose StatementBegin
-- One text for SQLite and Postgres. Constraint and index names are part of the
-- program: services tell conflicts apart by them (see IsUnique).

CREATE TABLE users (
    id             UUID        NOT NULL PRIMARY KEY,
    username       TEXT        NOT NULL,
    username_lower TEXT        NOT NULL,
    email          TEXT        NOT NULL,
    email_lower    TEXT        NOT NULL,
    password_hash  TEXT        NOT NULL,
    role           TEXT        NOT NULL CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
    created_at     TIMESTAMPTZ NOT NULL,
    deleted_at     TIMESTAMPTZ
);
CREATE UNIQUE INDEX users_username_lower_key ON users (username_lower) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_email_lower_key ON users (email_lower) WHERE deleted_at IS NULL;

CREATE TABLE channels (
    id         UUID        NOT NULL PRIMARY KEY,
    owner_id   UUID        NOT NULL CONSTRAINT channels_owner_id_fkey REFERENCES users (id),
    slug       TEXT        NOT NULL,
    title      TEXT        NOT NULL,
    ladder     JSONB,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX channels_slug_key ON channels (slug);
CREATE INDEX channels_owner_id_idx ON channels (owner_id);
-- ChannelsByIDs looks ids up by their text.
CREATE UNIQUE INDEX channels_id_text_key ON channels (CAST(id AS TEXT));

CREATE TABLE stream_keys (
    id           UUID        NOT NULL PRIMARY KEY,
    channel_id   UUID        NOT NULL CONSTRAINT stream_keys_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    label        TEXT        NOT NULL,
    secret_hash  TEXT        NOT NULL,
    hint         TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);
CREATE UNIQUE INDEX stream_keys_secret_hash_key ON stream_keys (secret_hash);
CREATE INDEX stream_keys_channel_id_idx ON stream_keys (channel_id);
-- UnusableStreamKeys looks ids up by their text.
CREATE UNIQUE INDEX stream_keys_id_text_key ON stream_keys (CAST(id AS TEXT));
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE stream_keys;
DROP TABLE channels;
DROP TABLE users;
-- +goose StatementEnd
