-- name: ChatSettingsOf :one
SELECT * FROM chat_settings WHERE channel_id = $1;

-- name: EnsureChatSettings :exec
-- Version 0 is that of a channel without a row.
INSERT INTO chat_settings (channel_id, enabled, who, emotes_only, links, version, updated_at)
VALUES (sqlc.arg(channel_id), sqlc.arg(enabled), sqlc.arg(who), sqlc.arg(emotes_only), sqlc.arg(links), 0, sqlc.arg(at))
ON CONFLICT (channel_id) DO NOTHING;

-- name: UpdateChatSettings :execrows
UPDATE chat_settings SET
    enabled = sqlc.arg(enabled), who = sqlc.arg(who), followed_for_s = sqlc.arg(followed_for_s),
    slow_mode_s = sqlc.arg(slow_mode_s), emotes_only = sqlc.arg(emotes_only), links = sqlc.arg(links),
    blocked_words = sqlc.arg(blocked_words), updated_at = sqlc.arg(at), version = version + 1
WHERE channel_id = sqlc.arg(channel_id) AND version = sqlc.arg(version);

-- name: PinChatMessage :exec
UPDATE chat_settings SET pinned_id = sqlc.arg(pinned_id), pinned_by = sqlc.arg(pinned_by) WHERE channel_id = sqlc.arg(channel_id);

-- name: NoteChatCleared :exec
UPDATE chat_settings SET cleared_at = sqlc.arg(at) WHERE channel_id = sqlc.arg(channel_id);

-- name: ChatFollowedSince :one
SELECT created_at FROM follows WHERE channel_id = $1 AND user_id = $2;

-- name: ChatPersonByName :one
-- Somebody, with what they are on a channel.
SELECT u.id, u.username, u.display_name, u.avatar_id, u.role, CAST(COALESCE(m.role, '') AS TEXT) AS member
FROM users u LEFT JOIN channel_members m ON m.channel_id = sqlc.arg(channel_id) AND m.user_id = u.id
WHERE u.username_lower = sqlc.arg(username_lower) AND u.deleted_at IS NULL;

-- name: LockChatPerson :execrows
-- Whoever bans a person waits here for others who do.
UPDATE users SET version = version WHERE id = $1;

-- name: CreateChatBan :exec
INSERT INTO chat_bans (id, channel_id, user_id, address, reason, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: ActiveChatBans :many
-- What is enforced, the newest first.
SELECT user_id, address, expires_at FROM chat_bans
WHERE channel_id = sqlc.arg(channel_id) AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(now))
ORDER BY id DESC
LIMIT sqlc.arg(most);

-- name: CountActiveChatBans :one
SELECT count(*) FROM chat_bans
WHERE channel_id = sqlc.arg(channel_id) AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(now));

-- name: ChatBanByID :one
-- One in force, with what the person is on the channel.
SELECT b.user_id, u.username, CAST(COALESCE(m.role, '') AS TEXT) AS member
FROM chat_bans b
JOIN users u ON u.id = b.user_id
LEFT JOIN channel_members m ON m.channel_id = b.channel_id AND m.user_id = b.user_id
WHERE b.id = sqlc.arg(id) AND b.channel_id = sqlc.arg(channel_id)
  AND b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now));

-- name: LiftChatBansOf :execrows
UPDATE chat_bans SET lifted_at = sqlc.arg(at)
WHERE channel_id = sqlc.arg(channel_id) AND user_id = sqlc.arg(user_id)
  AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(at));

-- name: ChatBansBefore :many
-- So are the lists below: the newest first, or before an edge.
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.id < sqlc.arg(edge)
ORDER BY b.id DESC
LIMIT sqlc.arg(most);

-- name: ChatBansAfter :many
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.id > sqlc.arg(edge)
ORDER BY b.id
LIMIT sqlc.arg(most);

-- name: ActiveChatBansBefore :many
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.id < sqlc.arg(edge)
  AND b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now))
ORDER BY b.id DESC
LIMIT sqlc.arg(most);

-- name: ActiveChatBansAfter :many
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.id > sqlc.arg(edge)
  AND b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now))
ORDER BY b.id
LIMIT sqlc.arg(most);

-- name: ChatBansOfBefore :many
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.user_id = sqlc.arg(user_id) AND b.id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(past) AS BOOLEAN) OR (b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now))))
ORDER BY b.id DESC
LIMIT sqlc.arg(most);

-- name: ChatBansOfAfter :many
SELECT b.id, b.user_id, b.address, b.reason, b.created_at, b.expires_at, b.lifted_at,
       u.username, u.display_name, u.avatar_id, CAST(COALESCE(m.username, '') AS TEXT) AS created_by
FROM chat_bans b JOIN users u ON u.id = b.user_id LEFT JOIN users m ON m.id = b.created_by
WHERE b.channel_id = sqlc.arg(channel_id) AND b.user_id = sqlc.arg(user_id) AND b.id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(past) AS BOOLEAN) OR (b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now))))
ORDER BY b.id
LIMIT sqlc.arg(most);

-- name: CloseExpiredChatBans :execrows
-- Takes bans that have expired out of the active ones.
UPDATE chat_bans SET lifted_at = expires_at WHERE lifted_at IS NULL AND expires_at <= sqlc.arg(now);

-- name: PurgeChatBans :execrows
DELETE FROM chat_bans WHERE id IN (
    SELECT b.id FROM chat_bans b WHERE b.lifted_at < sqlc.arg(before) ORDER BY b.lifted_at LIMIT sqlc.arg(most)
);

-- name: ChatAddressOf :one
-- The household from which somebody wrote last in a channel.
SELECT address FROM chat_messages
WHERE user_id = sqlc.arg(user_id) AND channel_id = sqlc.arg(channel_id) AND address <> ''
ORDER BY id DESC
LIMIT 1;

-- name: LoginAddressOf :one
-- The address from which somebody was here last.
SELECT address FROM logins WHERE user_id = $1 AND address <> '' ORDER BY last_used_at DESC LIMIT 1;

-- name: DeleteChatMessagesOf :execrows
UPDATE chat_messages SET deleted_at = sqlc.arg(at), deleted_by = sqlc.arg(deleted_by)
WHERE user_id = sqlc.arg(user_id) AND channel_id = sqlc.arg(channel_id) AND created_at >= sqlc.arg(since)
  AND kind = 'message' AND deleted_at IS NULL;

-- name: CreateChatLogEntry :exec
INSERT INTO chat_log (id, channel_id, actor_id, actor, action, target_id, target, message_id, detail, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: ChatLogBefore :many
SELECT * FROM chat_log WHERE channel_id = sqlc.arg(channel_id) AND id < sqlc.arg(edge) ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ChatLogAfter :many
SELECT * FROM chat_log WHERE channel_id = sqlc.arg(channel_id) AND id > sqlc.arg(edge) ORDER BY id LIMIT sqlc.arg(most);

-- name: ChatLogOfBefore :many
SELECT * FROM chat_log
WHERE channel_id = sqlc.arg(channel_id) AND target_id = sqlc.arg(target_id) AND id < sqlc.arg(edge)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: ChatLogOfAfter :many
SELECT * FROM chat_log
WHERE channel_id = sqlc.arg(channel_id) AND target_id = sqlc.arg(target_id) AND id > sqlc.arg(edge)
ORDER BY id LIMIT sqlc.arg(most);

-- name: PurgeChatLog :execrows
DELETE FROM chat_log WHERE id IN (
    SELECT l.id FROM chat_log l WHERE l.created_at < sqlc.arg(before) ORDER BY l.created_at LIMIT sqlc.arg(most)
);

-- name: UnpinChatMessageOf :execrows
-- A message that was deleted with others of its author is pinned no more.
UPDATE chat_settings SET pinned_id = NULL, pinned_by = NULL
WHERE chat_settings.channel_id = sqlc.arg(channel_id) AND pinned_id IN (
    SELECT m.id FROM chat_messages m
    WHERE m.id = chat_settings.pinned_id AND m.user_id = sqlc.arg(user_id) AND m.deleted_at IS NOT NULL
);
