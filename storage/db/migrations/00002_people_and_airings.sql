-- +goose Up
-- +goose StatementBegin
-- People: profiles, confirmation, suspension, and a third role. A name stays taken
-- until its account is purged, so that a deleted account can be restored.
ALTER TABLE users ADD COLUMN rank TEXT NOT NULL DEFAULT 'user' CONSTRAINT users_rank_check CHECK (rank IN ('user', 'moderator', 'admin'));
UPDATE users SET rank = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN rank TO role;
ALTER TABLE users ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN links JSONB;
ALTER TABLE users ADD COLUMN avatar_id UUID;
ALTER TABLE users ADD COLUMN email_confirmed_at TIMESTAMPTZ;
ALTER TABLE users ADD COLUMN suspended_at TIMESTAMPTZ;
ALTER TABLE users ADD COLUMN suspended_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN password_changed_at TIMESTAMPTZ;
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN deleted_by UUID; -- of the staff; null where people did it themselves
-- What a name looks like: two names of one look would pass for each other. As in Go,
-- see the skeleton of api/account. Of names that look alike already the first has it.
ALTER TABLE users ADD COLUMN username_skeleton TEXT NOT NULL DEFAULT '';
UPDATE users SET username_skeleton = replace(replace(replace(replace(replace(replace(replace(
    username_lower, '-', ''), '_', ''), '0', 'o'), '1', 'l'), 'i', 'l'), 'rn', 'm'), 'vv', 'w');
CREATE INDEX users_username_skeleton_idx ON users (username_skeleton, id);
UPDATE users SET username_skeleton = '' WHERE EXISTS (
    SELECT 1 FROM users AS older WHERE older.username_skeleton = users.username_skeleton AND older.id < users.id);
DROP INDEX users_username_skeleton_idx;
CREATE UNIQUE INDEX users_username_skeleton_key ON users (username_skeleton) WHERE username_skeleton <> '';
DROP INDEX users_username_lower_key;
DROP INDEX users_email_lower_key;
CREATE UNIQUE INDEX users_username_lower_key ON users (username_lower);
-- Accounts made before addresses were confirmed count as confirmed. An address is
-- that of who has confirmed it; others only say so.
UPDATE users SET email_confirmed_at = created_at;
CREATE UNIQUE INDEX users_email_lower_key ON users (email_lower) WHERE email_confirmed_at IS NOT NULL;
CREATE INDEX users_email_lower_idx ON users (email_lower, id);
-- Staff looks for beginnings of names and addresses.
CREATE INDEX users_name_begins_idx ON users (username_lower COLLATE "binary");
CREATE INDEX users_email_begins_idx ON users (email_lower COLLATE "binary");
CREATE INDEX users_deleted_at_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_role_idx ON users (role, id);
CREATE INDEX users_state_idx ON users ((CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NOT NULL THEN 'suspended' WHEN email_confirmed_at IS NULL THEN 'unconfirmed' ELSE 'active' END), id);

-- A login is one signed-in device; its refresh tokens are a family.
CREATE TABLE logins (
    id           UUID        NOT NULL PRIMARY KEY,
    user_id      UUID        NOT NULL CONSTRAINT logins_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    user_agent   TEXT        NOT NULL,
    address      TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX logins_user_id_idx ON logins (user_id, id);
CREATE INDEX logins_expires_at_idx ON logins (expires_at);

CREATE TABLE refresh_tokens (
    id         UUID        NOT NULL PRIMARY KEY,
    login_id   UUID        NOT NULL CONSTRAINT refresh_tokens_login_id_fkey REFERENCES logins (id) ON DELETE CASCADE,
    token_hash TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
CREATE UNIQUE INDEX refresh_tokens_token_hash_key ON refresh_tokens (token_hash);
CREATE INDEX refresh_tokens_login_id_idx ON refresh_tokens (login_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- Personal access tokens. scopes is separated by spaces.
CREATE TABLE personal_tokens (
    id           UUID        NOT NULL PRIMARY KEY,
    user_id      UUID        NOT NULL CONSTRAINT personal_tokens_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    label        TEXT        NOT NULL,
    token_hash   TEXT        NOT NULL,
    hint         TEXT        NOT NULL,
    scopes       TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    expires_at   TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);
CREATE UNIQUE INDEX personal_tokens_token_hash_key ON personal_tokens (token_hash);
CREATE INDEX personal_tokens_user_id_idx ON personal_tokens (user_id, id);

-- What a link in a mail may do, once; and how many mails an address has had: that
-- somebody has an account already is told by a mail without such a link.
CREATE TABLE mail_tokens (
    id          UUID        NOT NULL PRIMARY KEY,
    user_id     UUID        NOT NULL CONSTRAINT mail_tokens_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    purpose     TEXT        NOT NULL CONSTRAINT mail_tokens_purpose_check CHECK (purpose IN ('confirm_email', 'change_email', 'reset_password', 'signup_exists')),
    token_hash  TEXT        NOT NULL,
    email       TEXT        NOT NULL,
    email_lower TEXT        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    used_at     TIMESTAMPTZ
);
CREATE UNIQUE INDEX mail_tokens_token_hash_key ON mail_tokens (token_hash);
CREATE INDEX mail_tokens_user_id_idx ON mail_tokens (user_id, purpose, created_at);
CREATE INDEX mail_tokens_email_lower_idx ON mail_tokens (email_lower, created_at);
CREATE INDEX mail_tokens_expires_at_idx ON mail_tokens (expires_at);

CREATE TABLE invites (
    id         UUID        NOT NULL PRIMARY KEY,
    code_hash  TEXT        NOT NULL,
    hint       TEXT        NOT NULL,
    note       TEXT        NOT NULL,
    created_by UUID        CONSTRAINT invites_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    max_uses   BIGINT      NOT NULL,
    uses       BIGINT      NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX invites_code_hash_key ON invites (code_hash);
CREATE INDEX invites_created_by_idx ON invites (created_by);

-- Channels: what viewers read of them, who may see them, who helps to run them.
ALTER TABLE channels ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN links JSONB;
ALTER TABLE channels ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN visibility TEXT NOT NULL DEFAULT 'public' CONSTRAINT channels_visibility_check CHECK (visibility IN ('public', 'unlisted', 'private'));
ALTER TABLE channels ADD COLUMN broadcast_title TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN recording JSONB;
ALTER TABLE channels ADD COLUMN avatar_id UUID;
ALTER TABLE channels ADD COLUMN banner_id UUID;
ALTER TABLE channels ADD COLUMN thumbnail_id UUID;
ALTER TABLE channels ADD COLUMN followers BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN likes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE INDEX channels_visibility_idx ON channels (visibility, id);
CREATE INDEX channels_category_idx ON channels (category, id);

CREATE TABLE channel_tags (
    tag        TEXT NOT NULL,
    channel_id UUID NOT NULL CONSTRAINT channel_tags_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, channel_id)
);
CREATE INDEX channel_tags_channel_id_idx ON channel_tags (channel_id);

-- The words of a channel, in lower case: search looks up beginnings of words.
CREATE TABLE channel_words (
    word       TEXT COLLATE "binary" NOT NULL,
    channel_id UUID NOT NULL CONSTRAINT channel_words_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    PRIMARY KEY (word, channel_id)
);
CREATE INDEX channel_words_channel_id_idx ON channel_words (channel_id);

-- The owner is in channels; these help. A viewer may watch a private channel.
CREATE TABLE channel_members (
    channel_id UUID        NOT NULL CONSTRAINT channel_members_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    user_id    UUID        NOT NULL CONSTRAINT channel_members_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT        NOT NULL CONSTRAINT channel_members_role_check CHECK (role IN ('broadcaster', 'moderator', 'viewer')),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (channel_id, user_id)
);
CREATE INDEX channel_members_user_id_idx ON channel_members (user_id, channel_id);

CREATE TABLE follows (
    id         UUID        NOT NULL PRIMARY KEY,
    channel_id UUID        NOT NULL CONSTRAINT follows_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    user_id    UUID        NOT NULL CONSTRAINT follows_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    notify     BOOLEAN     NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX follows_channel_id_user_id_key ON follows (channel_id, user_id);
CREATE INDEX follows_channel_id_idx ON follows (channel_id, id);
CREATE INDEX follows_user_id_idx ON follows (user_id, id);

-- A broadcast is one scheduled, live or past airing. One that is prepared waits for
-- the next publisher without a time of its own.
CREATE TABLE broadcasts (
    id            UUID        NOT NULL PRIMARY KEY,
    channel_id    UUID        NOT NULL CONSTRAINT broadcasts_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    state         TEXT        NOT NULL CONSTRAINT broadcasts_state_check CHECK (state IN ('prepared', 'scheduled', 'live', 'ended')),
    title         TEXT        NOT NULL,
    description   TEXT        NOT NULL,
    category      TEXT        NOT NULL,
    links         JSONB,
    thumbnail_id  UUID,
    planned_start TIMESTAMPTZ,
    planned_end   TIMESTAMPTZ,
    started_at    TIMESTAMPTZ,
    ended_at      TIMESTAMPTZ,
    seen_at       TIMESTAMPTZ, -- when statistics were last written
    published_at  TIMESTAMPTZ, -- null while hidden
    reminded_at   TIMESTAMPTZ, -- when followers began to be told that it is on air
    reminded_to   UUID,        -- the last of them, in the order of ids
    viewers       BIGINT      NOT NULL DEFAULT 0, -- at seen_at
    peak_viewers  BIGINT      NOT NULL DEFAULT 0,
    total_viewers BIGINT      NOT NULL DEFAULT 0,
    likes         BIGINT      NOT NULL DEFAULT 0,
    duration_ms   BIGINT      NOT NULL DEFAULT 0, -- on air, without the gaps between sessions
    created_by    UUID        CONSTRAINT broadcasts_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    version       BIGINT      NOT NULL DEFAULT 1
);
-- A channel has one broadcast on air.
CREATE UNIQUE INDEX broadcasts_channel_id_key ON broadcasts (channel_id) WHERE state = 'live';
-- Lists are in the order of when a broadcast went on air, else is planned to, else was made.
CREATE INDEX broadcasts_channel_id_idx ON broadcasts (channel_id, COALESCE(started_at, planned_start, created_at), id);
CREATE INDEX broadcasts_channel_id_state_idx ON broadcasts (channel_id, state, COALESCE(started_at, planned_start, created_at), id);
CREATE INDEX broadcasts_listed_idx ON broadcasts (state, COALESCE(started_at, planned_start, created_at), id) WHERE published_at IS NOT NULL OR state IN ('live', 'scheduled');
CREATE INDEX broadcasts_planned_start_idx ON broadcasts (channel_id, planned_start) WHERE state = 'scheduled';
CREATE INDEX broadcasts_state_idx ON broadcasts (state, id);
CREATE INDEX broadcasts_created_by_idx ON broadcasts (created_by);
CREATE INDEX broadcasts_thumbnail_id_idx ON broadcasts (thumbnail_id) WHERE thumbnail_id IS NOT NULL;

CREATE TABLE broadcast_tags (
    tag          TEXT NOT NULL,
    broadcast_id UUID NOT NULL CONSTRAINT broadcast_tags_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, broadcast_id)
);
CREATE INDEX broadcast_tags_broadcast_id_idx ON broadcast_tags (broadcast_id);

CREATE TABLE broadcast_words (
    word         TEXT COLLATE "binary" NOT NULL,
    broadcast_id UUID NOT NULL CONSTRAINT broadcast_words_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE CASCADE,
    PRIMARY KEY (word, broadcast_id)
);
CREATE INDEX broadcast_words_broadcast_id_idx ON broadcast_words (broadcast_id);

-- The publishers' sessions within a broadcast, with what was measured of each.
CREATE TABLE broadcast_sessions (
    id            UUID        NOT NULL PRIMARY KEY,
    broadcast_id  UUID        NOT NULL CONSTRAINT broadcast_sessions_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE CASCADE,
    node          TEXT        NOT NULL,
    started_at    TIMESTAMPTZ NOT NULL,
    seen_at       TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ,
    total_viewers BIGINT      NOT NULL DEFAULT 0,
    duration_ms   BIGINT      NOT NULL DEFAULT 0,
    ingest        JSONB
);
CREATE INDEX broadcast_sessions_broadcast_id_idx ON broadcast_sessions (broadcast_id, id);

CREATE TABLE broadcast_reminders (
    broadcast_id UUID        NOT NULL CONSTRAINT broadcast_reminders_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE CASCADE,
    user_id      UUID        NOT NULL CONSTRAINT broadcast_reminders_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (broadcast_id, user_id)
);
CREATE INDEX broadcast_reminders_user_id_idx ON broadcast_reminders (user_id, broadcast_id);

-- Uploaded pictures. target_id is the user, channel or broadcast that shows it.
CREATE TABLE images (
    id          UUID        NOT NULL PRIMARY KEY,
    kind        TEXT        NOT NULL CONSTRAINT images_kind_check CHECK (kind IN ('avatar', 'banner', 'thumbnail')),
    target_kind TEXT        NOT NULL CONSTRAINT images_target_kind_check CHECK (target_kind IN ('user', 'channel', 'broadcast')),
    target_id   UUID        NOT NULL,
    state       TEXT        NOT NULL CONSTRAINT images_state_check CHECK (state IN ('pending', 'ready', 'failed', 'replaced')),
    source_key  TEXT        NOT NULL,
    variants    JSONB,
    problem     TEXT        NOT NULL DEFAULT '',
    created_by  UUID        CONSTRAINT images_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX images_target_id_idx ON images (target_id, kind, id);
CREATE INDEX images_state_idx ON images (state, id);
CREATE INDEX images_created_by_idx ON images (created_by, state);

-- Webhooks. secret_box is the secret, encrypted: signing needs it again.
CREATE TABLE webhooks (
    id         UUID        NOT NULL PRIMARY KEY,
    channel_id UUID        NOT NULL CONSTRAINT webhooks_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    url        TEXT        NOT NULL,
    events     TEXT        NOT NULL, -- separated by spaces
    secret_box TEXT        NOT NULL,
    enabled    BOOLEAN     NOT NULL,
    failures   BIGINT      NOT NULL DEFAULT 0, -- in a row
    note       TEXT        NOT NULL DEFAULT '', -- why the program disabled it
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version    BIGINT      NOT NULL DEFAULT 1
);
CREATE INDEX webhooks_channel_id_idx ON webhooks (channel_id, id);

CREATE TABLE webhook_deliveries (
    id           UUID        NOT NULL PRIMARY KEY,
    webhook_id   UUID        NOT NULL CONSTRAINT webhook_deliveries_webhook_id_fkey REFERENCES webhooks (id) ON DELETE CASCADE,
    event        TEXT        NOT NULL,
    payload      TEXT        NOT NULL,
    state        TEXT        NOT NULL CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     BIGINT      NOT NULL DEFAULT 0,
    status_code  BIGINT      NOT NULL DEFAULT 0,
    problem      TEXT        NOT NULL DEFAULT '',
    created_at   TIMESTAMPTZ NOT NULL,
    attempted_at TIMESTAMPTZ
);
CREATE INDEX webhook_deliveries_webhook_id_idx ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (created_at);

-- The instance.
CREATE TABLE settings (
    id         BIGINT      NOT NULL PRIMARY KEY CONSTRAINT settings_id_check CHECK (id = 1),
    doc        JSONB       NOT NULL,
    version    BIGINT      NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Whose requests are refused. network is a prefix, such as 192.0.2.7/32.
CREATE TABLE bans (
    id         UUID        NOT NULL PRIMARY KEY,
    network    TEXT        NOT NULL,
    reason     TEXT        NOT NULL,
    automatic  BOOLEAN     NOT NULL,
    created_by UUID        CONSTRAINT bans_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    lifted_at  TIMESTAMPTZ -- or when it was found to have expired: then expires_at
);
CREATE INDEX bans_active_idx ON bans (id) WHERE lifted_at IS NULL;
CREATE INDEX bans_created_by_idx ON bans (created_by);
CREATE INDEX bans_network_idx ON bans (network, id);
CREATE INDEX bans_lifted_at_idx ON bans (lifted_at) WHERE lifted_at IS NOT NULL;

-- Privileged actions. Names are copied: the log outlives what it names.
CREATE TABLE audit_log (
    id          UUID        NOT NULL PRIMARY KEY,
    actor_id    UUID,
    actor       TEXT        NOT NULL,
    action      TEXT        NOT NULL,
    target_kind TEXT        NOT NULL,
    target_id   TEXT        NOT NULL,
    target      TEXT        NOT NULL,
    detail      JSONB,
    address     TEXT        NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX audit_log_actor_idx ON audit_log (lower(actor), id);
CREATE INDEX audit_log_action_idx ON audit_log (action, id);
CREATE INDEX audit_log_target_id_idx ON audit_log (target_id, id);
CREATE INDEX audit_log_created_at_idx ON audit_log (created_at);

-- Replies to requests that may be sent again. reply is encrypted with a key that
-- only the sender's Idempotency-Key yields: it may hold secrets shown once.
CREATE TABLE idempotency_keys (
    key_hash     TEXT        NOT NULL PRIMARY KEY,
    request_hash TEXT        NOT NULL,
    status       BIGINT      NOT NULL, -- 0 while the first request is under way
    reply        TEXT        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE idempotency_keys;
DROP TABLE audit_log;
DROP TABLE bans;
DROP TABLE settings;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DROP TABLE images;
DROP TABLE broadcast_reminders;
DROP TABLE broadcast_sessions;
DROP TABLE broadcast_words;
DROP TABLE broadcast_tags;
DROP TABLE broadcasts;
DROP TABLE follows;
DROP TABLE channel_members;
DROP TABLE channel_words;
DROP TABLE channel_tags;
DROP INDEX channels_visibility_idx;
DROP INDEX channels_category_idx;
ALTER TABLE channels DROP COLUMN version;
ALTER TABLE channels DROP COLUMN likes;
ALTER TABLE channels DROP COLUMN followers;
ALTER TABLE channels DROP COLUMN thumbnail_id;
ALTER TABLE channels DROP COLUMN banner_id;
ALTER TABLE channels DROP COLUMN avatar_id;
ALTER TABLE channels DROP COLUMN recording;
ALTER TABLE channels DROP COLUMN broadcast_title;
ALTER TABLE channels DROP COLUMN visibility;
ALTER TABLE channels DROP COLUMN category;
ALTER TABLE channels DROP COLUMN links;
ALTER TABLE channels DROP COLUMN description;
DROP TABLE invites;
DROP TABLE mail_tokens;
DROP TABLE personal_tokens;
DROP TABLE refresh_tokens;
DROP TABLE logins;
DROP INDEX users_state_idx;
DROP INDEX users_role_idx;
DROP INDEX users_deleted_at_idx;
DROP INDEX users_username_lower_key;
DROP INDEX users_username_skeleton_key;
DROP INDEX users_email_begins_idx;
DROP INDEX users_name_begins_idx;
DROP INDEX users_email_lower_idx;
DROP INDEX users_email_lower_key;
-- Of an address that several only say is theirs, an older program knows nothing.
DELETE FROM users WHERE email_confirmed_at IS NULL AND NOT EXISTS (SELECT 1 FROM channels WHERE channels.owner_id = users.id);
CREATE UNIQUE INDEX users_username_lower_key ON users (username_lower) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_email_lower_key ON users (email_lower) WHERE deleted_at IS NULL;
ALTER TABLE users DROP COLUMN username_skeleton;
ALTER TABLE users DROP COLUMN deleted_by;
ALTER TABLE users DROP COLUMN version;
ALTER TABLE users DROP COLUMN password_changed_at;
ALTER TABLE users DROP COLUMN suspended_reason;
ALTER TABLE users DROP COLUMN suspended_at;
ALTER TABLE users DROP COLUMN email_confirmed_at;
ALTER TABLE users DROP COLUMN avatar_id;
ALTER TABLE users DROP COLUMN links;
ALTER TABLE users DROP COLUMN bio;
ALTER TABLE users DROP COLUMN display_name;
ALTER TABLE users ADD COLUMN rank TEXT NOT NULL DEFAULT 'user' CONSTRAINT users_role_check CHECK (rank IN ('user', 'admin'));
UPDATE users SET rank = CASE WHEN role = 'admin' THEN 'admin' ELSE 'user' END;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN rank TO role;
-- +goose StatementEnd
