-- +goose Up
-- +goose StatementBegin
-- Being there together: chat, friends, notifications, watch parties, calls, and how
-- many watched.

-- What a channel allows in its chat. A channel without a row has the defaults.
CREATE TABLE chat_settings (
    channel_id      UUID        NOT NULL PRIMARY KEY CONSTRAINT chat_settings_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    enabled         BOOLEAN     NOT NULL,
    who             TEXT        NOT NULL CONSTRAINT chat_settings_who_check CHECK (who IN ('everyone', 'followers', 'members')),
    followed_for_s  BIGINT      NOT NULL DEFAULT 0, -- seconds that followers must have followed
    slow_mode_s     BIGINT      NOT NULL DEFAULT 0, -- seconds between two messages of one person
    emotes_only     BOOLEAN     NOT NULL,
    links           BOOLEAN     NOT NULL, -- whether messages may have links
    blocked_words   JSONB,
    pinned_id       UUID,       -- message
    pinned_by       UUID,
    cleared_at      TIMESTAMPTZ,
    version         BIGINT      NOT NULL DEFAULT 1,
    updated_at      TIMESTAMPTZ NOT NULL
);

-- A message stays when it is deleted: without its text to viewers, with it to
-- moderators. Names are those of the time.
CREATE TABLE chat_messages (
    id           UUID        NOT NULL PRIMARY KEY,
    channel_id   UUID        NOT NULL CONSTRAINT chat_messages_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    broadcast_id UUID        CONSTRAINT chat_messages_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE SET NULL,
    user_id      UUID        CONSTRAINT chat_messages_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    kind         TEXT        NOT NULL CONSTRAINT chat_messages_kind_check CHECK (kind IN ('message', 'system')),
    body         TEXT        NOT NULL,
    detail       JSONB,      -- mentions, emotes; of system messages what they say
    reply_to     UUID,
    position     TIMESTAMPTZ, -- PROGRAM-DATE-TIME of what the sender saw; of when it came if that is unknown
    likes        BIGINT      NOT NULL DEFAULT 0,
    created_at   TIMESTAMPTZ NOT NULL,
    edited_at    TIMESTAMPTZ,
    deleted_at   TIMESTAMPTZ,
    deleted_by   UUID,
    address      TEXT        NOT NULL DEFAULT '', -- household of the sender, for bans
    send_key     TEXT        -- of the sender's choice: a message sent again is the same
);
CREATE INDEX chat_messages_channel_id_idx ON chat_messages (channel_id, id);
CREATE INDEX chat_messages_broadcast_id_idx ON chat_messages (broadcast_id, position, id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX chat_messages_user_id_idx ON chat_messages (user_id, channel_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX chat_messages_address_idx ON chat_messages (created_at) WHERE address <> '';
CREATE UNIQUE INDEX chat_messages_send_key_key ON chat_messages (user_id, send_key) WHERE send_key IS NOT NULL;

CREATE TABLE chat_likes (
    message_id UUID        NOT NULL CONSTRAINT chat_likes_message_id_fkey REFERENCES chat_messages (id) ON DELETE CASCADE,
    user_id    UUID        NOT NULL CONSTRAINT chat_likes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (message_id, user_id)
);
CREATE INDEX chat_likes_user_id_idx ON chat_likes (user_id, message_id);

-- Who may not write in a chat: for a while (a time-out) or until it is lifted.
CREATE TABLE chat_bans (
    id         UUID        NOT NULL PRIMARY KEY,
    channel_id UUID        NOT NULL CONSTRAINT chat_bans_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    user_id    UUID        CONSTRAINT chat_bans_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    address    TEXT        NOT NULL DEFAULT '', -- household; '' bans the user alone
    reason     TEXT        NOT NULL,
    created_by UUID        CONSTRAINT chat_bans_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ, -- null: until lifted
    lifted_at  TIMESTAMPTZ
);
CREATE INDEX chat_bans_channel_id_idx ON chat_bans (channel_id, id);
CREATE INDEX chat_bans_active_idx ON chat_bans (channel_id, id) WHERE lifted_at IS NULL;
CREATE INDEX chat_bans_user_idx ON chat_bans (channel_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX chat_bans_expires_at_idx ON chat_bans (expires_at) WHERE lifted_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX chat_bans_lifted_at_idx ON chat_bans (lifted_at) WHERE lifted_at IS NOT NULL;
CREATE INDEX chat_bans_user_id_idx ON chat_bans (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX chat_bans_created_by_idx ON chat_bans (created_by);

-- What moderators did. Names are copied: the log outlives what it names.
CREATE TABLE chat_log (
    id         UUID        NOT NULL PRIMARY KEY,
    channel_id UUID        NOT NULL CONSTRAINT chat_log_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    actor_id   UUID,
    actor      TEXT        NOT NULL,
    action     TEXT        NOT NULL,
    target_id  UUID,       -- user
    target     TEXT        NOT NULL,
    message_id UUID,
    detail     JSONB,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX chat_log_channel_id_idx ON chat_log (channel_id, id);
CREATE INDEX chat_log_target_id_idx ON chat_log (channel_id, target_id, id);
CREATE INDEX chat_log_created_at_idx ON chat_log (created_at);

-- Pictures that stand for a word between colons, of a channel or of the instance.
CREATE TABLE emotes (
    id         UUID        NOT NULL PRIMARY KEY,
    channel_id UUID        CONSTRAINT emotes_channel_id_fkey REFERENCES channels (id) ON DELETE CASCADE,
    code       TEXT        NOT NULL,
    image_id   UUID,       -- null until its picture is ready
    created_by UUID        CONSTRAINT emotes_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX emotes_channel_id_code_key ON emotes (channel_id, code) WHERE channel_id IS NOT NULL;
CREATE UNIQUE INDEX emotes_code_key ON emotes (code) WHERE channel_id IS NULL;
CREATE INDEX emotes_created_by_idx ON emotes (created_by);

-- Pictures are of emotes, too.
CREATE TABLE images_next (
    id          UUID        NOT NULL PRIMARY KEY,
    kind        TEXT        NOT NULL CONSTRAINT images_kind_check CHECK (kind IN ('avatar', 'banner', 'thumbnail', 'emote')),
    target_kind TEXT        NOT NULL CONSTRAINT images_target_kind_check CHECK (target_kind IN ('user', 'channel', 'broadcast', 'emote')),
    target_id   UUID        NOT NULL,
    state       TEXT        NOT NULL CONSTRAINT images_state_check CHECK (state IN ('pending', 'ready', 'failed', 'replaced')),
    source_key  TEXT        NOT NULL,
    variants    JSONB,
    problem     TEXT        NOT NULL DEFAULT '',
    created_by  UUID        CONSTRAINT images_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
INSERT INTO images_next (id, kind, target_kind, target_id, state, source_key, variants, problem, created_by, created_at, updated_at)
SELECT id, kind, target_kind, target_id, state, source_key, variants, problem, created_by, created_at, updated_at FROM images;
DROP TABLE images;
ALTER TABLE images_next RENAME TO images;
CREATE INDEX images_target_id_idx ON images (target_id, kind, id);
CREATE INDEX images_state_idx ON images (state, id);
CREATE INDEX images_created_by_idx ON images (created_by, state);

-- Friends. A friendship is two rows, one for each; a request or a block is one.
CREATE TABLE friends (
    id         UUID        NOT NULL PRIMARY KEY,
    user_id    UUID        NOT NULL CONSTRAINT friends_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    friend_id  UUID        NOT NULL CONSTRAINT friends_friend_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX friends_user_id_friend_id_key ON friends (user_id, friend_id);
CREATE INDEX friends_user_id_idx ON friends (user_id, id);
CREATE INDEX friends_friend_id_idx ON friends (friend_id);

CREATE TABLE friend_requests (
    id         UUID        NOT NULL PRIMARY KEY,
    from_id    UUID        NOT NULL CONSTRAINT friend_requests_from_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    to_id      UUID        NOT NULL CONSTRAINT friend_requests_to_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    note       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    declined_at TIMESTAMPTZ, -- the sender is not told; asking again has to wait
    cancelled_at TIMESTAMPTZ -- by the sender, once it was declined: it is there for nobody, but the wait goes on
);
CREATE UNIQUE INDEX friend_requests_from_id_to_id_key ON friend_requests (from_id, to_id);
CREATE INDEX friend_requests_from_id_idx ON friend_requests (from_id, id);
CREATE INDEX friend_requests_to_id_idx ON friend_requests (to_id, id);
CREATE INDEX friend_requests_declined_at_idx ON friend_requests (declined_at) WHERE declined_at IS NOT NULL;

CREATE TABLE blocks (
    id         UUID        NOT NULL PRIMARY KEY,
    user_id    UUID        NOT NULL CONSTRAINT blocks_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    blocked_id UUID        NOT NULL CONSTRAINT blocks_blocked_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX blocks_user_id_blocked_id_key ON blocks (user_id, blocked_id);
CREATE INDEX blocks_user_id_idx ON blocks (user_id, id);
CREATE INDEX blocks_blocked_id_idx ON blocks (blocked_id);

-- What people show of themselves. Somebody without a row has the defaults.
CREATE TABLE social_settings (
    user_id         UUID        NOT NULL PRIMARY KEY CONSTRAINT social_settings_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    show_online     BOOLEAN     NOT NULL, -- to friends
    show_watching   BOOLEAN     NOT NULL, -- likewise
    allow_requests  TEXT        NOT NULL CONSTRAINT social_settings_allow_requests_check CHECK (allow_requests IN ('everyone', 'nobody')),
    last_seen_at    TIMESTAMPTZ,
    asked           BIGINT      NOT NULL DEFAULT 0, -- friend requests sent since asked_at
    asked_at        TIMESTAMPTZ,
    version         BIGINT      NOT NULL DEFAULT 0, -- of what is shown; 0 is also that of the defaults
    updated_at      TIMESTAMPTZ NOT NULL
);

-- The inbox.
CREATE TABLE notifications (
    id         UUID        NOT NULL PRIMARY KEY,
    user_id    UUID        NOT NULL CONSTRAINT notifications_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT        NOT NULL,
    actor_id   UUID        CONSTRAINT notifications_actor_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    data       JSONB       NOT NULL,
    dedup      TEXT,       -- one of a kind about one thing
    created_at TIMESTAMPTZ NOT NULL,
    read_at    TIMESTAMPTZ
);
CREATE INDEX notifications_user_id_idx ON notifications (user_id, id);
CREATE INDEX notifications_unread_idx ON notifications (user_id, id) WHERE read_at IS NULL;
CREATE INDEX notifications_actor_id_idx ON notifications (actor_id);
CREATE INDEX notifications_created_at_idx ON notifications (created_at);
CREATE UNIQUE INDEX notifications_dedup_key ON notifications (user_id, dedup) WHERE dedup IS NOT NULL;

-- Watch parties. state is what plays: written whenever somebody acts.
CREATE TABLE parties (
    id          UUID        NOT NULL PRIMARY KEY,
    host_id     UUID        NOT NULL CONSTRAINT parties_host_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    name        TEXT        NOT NULL,
    control     TEXT        NOT NULL CONSTRAINT parties_control_check CHECK (control IN ('everyone', 'host')),
    wait_for_all BOOLEAN    NOT NULL,
    settings    JSONB,      -- thresholds
    state       JSONB       NOT NULL,
    seq         BIGINT      NOT NULL DEFAULT 0, -- of the state
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    active_at   TIMESTAMPTZ NOT NULL, -- when somebody was last there
    ended_at    TIMESTAMPTZ,
    version     BIGINT      NOT NULL DEFAULT 1
);
CREATE INDEX parties_host_id_idx ON parties (host_id, id);
CREATE INDEX parties_active_at_idx ON parties (active_at) WHERE ended_at IS NULL;
CREATE INDEX parties_ended_at_idx ON parties (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE party_members (
    party_id   UUID        NOT NULL CONSTRAINT party_members_party_id_fkey REFERENCES parties (id) ON DELETE CASCADE,
    user_id    UUID        NOT NULL CONSTRAINT party_members_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    joined_at  TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL,
    removed_at TIMESTAMPTZ, -- by the host: may not come back by a link
    PRIMARY KEY (party_id, user_id)
);
CREATE INDEX party_members_user_id_idx ON party_members (user_id, party_id);

CREATE TABLE party_queue (
    id       UUID        NOT NULL PRIMARY KEY,
    party_id UUID        NOT NULL CONSTRAINT party_queue_party_id_fkey REFERENCES parties (id) ON DELETE CASCADE,
    item     JSONB       NOT NULL,
    place    BIGINT      NOT NULL,
    added_by UUID        CONSTRAINT party_queue_added_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    added_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX party_queue_party_id_idx ON party_queue (party_id, place, id);
CREATE INDEX party_queue_added_by_idx ON party_queue (added_by);

-- A way in: a link (code_hash), or an invitation of one person (user_id).
CREATE TABLE party_invites (
    id         UUID        NOT NULL PRIMARY KEY,
    party_id   UUID        NOT NULL CONSTRAINT party_invites_party_id_fkey REFERENCES parties (id) ON DELETE CASCADE,
    code_hash  TEXT,
    hint       TEXT        NOT NULL DEFAULT '',
    user_id    UUID        CONSTRAINT party_invites_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_by UUID        CONSTRAINT party_invites_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX party_invites_code_hash_key ON party_invites (code_hash) WHERE code_hash IS NOT NULL;
CREATE UNIQUE INDEX party_invites_user_key ON party_invites (party_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX party_invites_party_id_idx ON party_invites (party_id, id);
CREATE INDEX party_invites_user_id_idx ON party_invites (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX party_invites_created_by_idx ON party_invites (created_by);

CREATE TABLE party_messages (
    id         UUID        NOT NULL PRIMARY KEY,
    party_id   UUID        NOT NULL CONSTRAINT party_messages_party_id_fkey REFERENCES parties (id) ON DELETE CASCADE,
    user_id    UUID        CONSTRAINT party_messages_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    kind       TEXT        NOT NULL CONSTRAINT party_messages_kind_check CHECK (kind IN ('message', 'system')),
    body       TEXT        NOT NULL,
    detail     JSONB,
    send_key   TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ
);
CREATE INDEX party_messages_party_id_idx ON party_messages (party_id, id);
CREATE INDEX party_messages_user_id_idx ON party_messages (user_id);
CREATE UNIQUE INDEX party_messages_send_key_key ON party_messages (user_id, send_key) WHERE send_key IS NOT NULL;

-- Calls. Who takes part does so at one device, which is one socket at a time.
CREATE TABLE calls (
    id         UUID        NOT NULL PRIMARY KEY,
    kind       TEXT        NOT NULL CONSTRAINT calls_kind_check CHECK (kind IN ('direct', 'party')),
    party_id   UUID        CONSTRAINT calls_party_id_fkey REFERENCES parties (id) ON DELETE SET NULL,
    caller_id  UUID        CONSTRAINT calls_caller_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    callee_id  UUID        CONSTRAINT calls_callee_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    pair       TEXT,       -- of a direct call that is not over: both people, whoever called
    state      TEXT        NOT NULL CONSTRAINT calls_state_check CHECK (state IN ('ringing', 'active', 'ended')),
    outcome    TEXT        NOT NULL DEFAULT '' CONSTRAINT calls_outcome_check CHECK (outcome IN ('', 'answered', 'missed', 'rejected', 'busy', 'cancelled', 'failed')),
    video      BOOLEAN     NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    rings_until TIMESTAMPTZ,
    answered_at TIMESTAMPTZ,
    ended_at   TIMESTAMPTZ
);
CREATE INDEX calls_rings_until_idx ON calls (rings_until) WHERE state = 'ringing';
CREATE INDEX calls_ringing_idx ON calls (callee_id) WHERE state = 'ringing';
CREATE UNIQUE INDEX calls_pair_key ON calls (pair) WHERE pair IS NOT NULL;
CREATE UNIQUE INDEX calls_party_id_key ON calls (party_id) WHERE state <> 'ended' AND party_id IS NOT NULL;
CREATE INDEX calls_caller_id_idx ON calls (caller_id, id);
CREATE INDEX calls_callee_id_idx ON calls (callee_id, id);
CREATE INDEX calls_party_id_idx ON calls (party_id);

CREATE TABLE call_participants (
    id         UUID        NOT NULL PRIMARY KEY,
    call_id    UUID        NOT NULL CONSTRAINT call_participants_call_id_fkey REFERENCES calls (id) ON DELETE CASCADE,
    user_id    UUID        NOT NULL CONSTRAINT call_participants_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    device     TEXT        NOT NULL, -- the secret part of its topic
    node       TEXT        NOT NULL, -- that has the socket
    joined_at  TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL, -- when that node last said so, or the socket was lost
    away_since TIMESTAMPTZ, -- when its socket was lost; also until it is there for the first time
    left_at    TIMESTAMPTZ
);
-- A person is in one call at a time.
CREATE UNIQUE INDEX call_participants_user_id_key ON call_participants (user_id) WHERE left_at IS NULL;
CREATE INDEX call_participants_user_id_idx ON call_participants (user_id, call_id);
CREATE INDEX call_participants_node_idx ON call_participants (node) WHERE left_at IS NULL;
CREATE INDEX call_participants_seen_at_idx ON call_participants (seen_at) WHERE left_at IS NULL;
CREATE INDEX call_participants_call_id_idx ON call_participants (call_id, id);

-- How many watched, by the minute.
CREATE TABLE broadcast_audience (
    broadcast_id UUID        NOT NULL CONSTRAINT broadcast_audience_broadcast_id_fkey REFERENCES broadcasts (id) ON DELETE CASCADE,
    minute       TIMESTAMPTZ NOT NULL,
    viewers      BIGINT      NOT NULL, -- most at one time in it
    listeners    BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (broadcast_id, minute)
);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE broadcast_audience;
DROP TABLE call_participants;
DROP TABLE calls;
DROP TABLE party_messages;
DROP TABLE party_invites;
DROP TABLE party_queue;
DROP TABLE party_members;
DROP TABLE parties;
DROP TABLE notifications;
DROP TABLE social_settings;
DROP TABLE blocks;
DROP TABLE friend_requests;
DROP TABLE friends;
CREATE TABLE images_next (
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
INSERT INTO images_next (id, kind, target_kind, target_id, state, source_key, variants, problem, created_by, created_at, updated_at)
SELECT id, kind, target_kind, target_id, state, source_key, variants, problem, created_by, created_at, updated_at FROM images WHERE kind <> 'emote';
DROP TABLE images;
ALTER TABLE images_next RENAME TO images;
CREATE INDEX images_target_id_idx ON images (target_id, kind, id);
CREATE INDEX images_state_idx ON images (state, id);
CREATE INDEX images_created_by_idx ON images (created_by, state);
DROP TABLE emotes;
DROP TABLE chat_log;
DROP TABLE chat_bans;
DROP TABLE chat_likes;
DROP TABLE chat_messages;
DROP TABLE chat_settings;
-- +goose StatementEnd
