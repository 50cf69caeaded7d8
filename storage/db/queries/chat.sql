-- Messages of chats. Lists show each with its author as that is now, with what it
-- replies to, and whether whoever asks likes it.

-- name: ChatSender :one
-- What there is to know of somebody who is about to write: who they are, what is on
-- air, what they wrote last, what they wrote so many messages ago, and what they have
-- written under this key.
SELECT u.username, u.display_name, u.avatar_id,
       b.id AS broadcast_id, b.started_at,
       l.body AS last_body, l.created_at AS last_at,
       n.created_at AS nth_at,
       k.id AS key_id
FROM users u
LEFT JOIN broadcasts b ON b.channel_id = sqlc.arg(channel_id) AND b.state = 'live'
LEFT JOIN chat_messages l ON l.id = (
    SELECT m.id FROM chat_messages m WHERE m.user_id = sqlc.arg(user_id) AND m.channel_id = sqlc.arg(channel_id)
      AND m.deleted_at IS NULL ORDER BY m.id DESC LIMIT 1)
LEFT JOIN chat_messages n ON n.id = (
    SELECT m.id FROM chat_messages m WHERE m.user_id = sqlc.arg(user_id) AND m.channel_id = sqlc.arg(channel_id)
    ORDER BY m.id DESC LIMIT 1 OFFSET sqlc.arg(nth))
LEFT JOIN chat_messages k ON k.user_id = sqlc.arg(user_id) AND k.send_key = sqlc.arg(send_key)
WHERE u.id = sqlc.arg(user_id) AND u.deleted_at IS NULL;

-- name: ChatOnAir :one
-- The broadcast that is on air on a channel.
SELECT id FROM broadcasts WHERE channel_id = $1 AND state = 'live';

-- name: CreateChatMessage :execrows
-- 0 if its sender has sent one with this key.
INSERT INTO chat_messages (id, channel_id, broadcast_id, user_id, kind, body, detail, reply_to, position, created_at, address, send_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (user_id, send_key) WHERE send_key IS NOT NULL DO NOTHING;

-- name: ChatMessageByKey :one
SELECT id FROM chat_messages WHERE user_id = $1 AND send_key = $2;

-- name: ChatMessageByID :one
SELECT sqlc.embed(m),
       CAST(COALESCE(CASE WHEN u.deleted_at IS NULL THEN u.username END, '') AS TEXT) AS username,
       CAST(COALESCE(u.display_name, '') AS TEXT) AS display_name, u.avatar_id,
       CAST(COALESCE(u.role, '') AS TEXT) AS user_role,
       CAST(COALESCE((SELECT c.role FROM channel_members c WHERE c.channel_id = m.channel_id AND c.user_id = m.user_id), '') AS TEXT) AS member_role,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM chat_likes x WHERE x.message_id = m.id AND x.user_id = sqlc.arg(asker)) THEN 1 ELSE 0 END AS BIGINT) AS liked,
       r.id AS reply_id, r.user_id AS reply_user_id, r.deleted_at AS reply_deleted_at,
       CAST(COALESCE(r.body, '') AS TEXT) AS reply_body,
       CAST(COALESCE(CASE WHEN v.deleted_at IS NULL THEN v.username END, '') AS TEXT) AS reply_username,
       CAST(COALESCE(v.display_name, '') AS TEXT) AS reply_display_name
FROM chat_messages m
LEFT JOIN users u ON u.id = m.user_id
LEFT JOIN chat_messages r ON r.id = m.reply_to
LEFT JOIN users v ON v.id = r.user_id
WHERE m.id = sqlc.arg(id) AND m.channel_id = sqlc.arg(channel_id);

-- name: ChatMessagesBefore :many
-- Those of a channel, newest first. None before since, which is an id.
SELECT sqlc.embed(m),
       CAST(COALESCE(CASE WHEN u.deleted_at IS NULL THEN u.username END, '') AS TEXT) AS username,
       CAST(COALESCE(u.display_name, '') AS TEXT) AS display_name, u.avatar_id,
       CAST(COALESCE(u.role, '') AS TEXT) AS user_role,
       CAST(COALESCE((SELECT c.role FROM channel_members c WHERE c.channel_id = m.channel_id AND c.user_id = m.user_id), '') AS TEXT) AS member_role,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM chat_likes x WHERE x.message_id = m.id AND x.user_id = sqlc.arg(asker)) THEN 1 ELSE 0 END AS BIGINT) AS liked,
       r.id AS reply_id, r.user_id AS reply_user_id, r.deleted_at AS reply_deleted_at,
       CAST(COALESCE(r.body, '') AS TEXT) AS reply_body,
       CAST(COALESCE(CASE WHEN v.deleted_at IS NULL THEN v.username END, '') AS TEXT) AS reply_username,
       CAST(COALESCE(v.display_name, '') AS TEXT) AS reply_display_name
FROM chat_messages m
LEFT JOIN users u ON u.id = m.user_id
LEFT JOIN chat_messages r ON r.id = m.reply_to
LEFT JOIN users v ON v.id = r.user_id
WHERE m.channel_id = sqlc.arg(channel_id) AND m.id > sqlc.arg(since) AND m.id < sqlc.arg(edge)
ORDER BY m.id DESC
LIMIT sqlc.arg(most);

-- name: ChatMessagesAfter :many
SELECT sqlc.embed(m),
       CAST(COALESCE(CASE WHEN u.deleted_at IS NULL THEN u.username END, '') AS TEXT) AS username,
       CAST(COALESCE(u.display_name, '') AS TEXT) AS display_name, u.avatar_id,
       CAST(COALESCE(u.role, '') AS TEXT) AS user_role,
       CAST(COALESCE((SELECT c.role FROM channel_members c WHERE c.channel_id = m.channel_id AND c.user_id = m.user_id), '') AS TEXT) AS member_role,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM chat_likes x WHERE x.message_id = m.id AND x.user_id = sqlc.arg(asker)) THEN 1 ELSE 0 END AS BIGINT) AS liked,
       r.id AS reply_id, r.user_id AS reply_user_id, r.deleted_at AS reply_deleted_at,
       CAST(COALESCE(r.body, '') AS TEXT) AS reply_body,
       CAST(COALESCE(CASE WHEN v.deleted_at IS NULL THEN v.username END, '') AS TEXT) AS reply_username,
       CAST(COALESCE(v.display_name, '') AS TEXT) AS reply_display_name
FROM chat_messages m
LEFT JOIN users u ON u.id = m.user_id
LEFT JOIN chat_messages r ON r.id = m.reply_to
LEFT JOIN users v ON v.id = r.user_id
WHERE m.channel_id = sqlc.arg(channel_id) AND m.id > sqlc.arg(since) AND m.id > sqlc.arg(edge)
ORDER BY m.id
LIMIT sqlc.arg(most);

-- name: ChatReplayAfter :many
-- Those of a broadcast in the order of what their senders saw, but for deleted ones.
SELECT sqlc.embed(m),
       CAST(COALESCE(CASE WHEN u.deleted_at IS NULL THEN u.username END, '') AS TEXT) AS username,
       CAST(COALESCE(u.display_name, '') AS TEXT) AS display_name, u.avatar_id,
       CAST(COALESCE(u.role, '') AS TEXT) AS user_role,
       CAST(COALESCE((SELECT c.role FROM channel_members c WHERE c.channel_id = m.channel_id AND c.user_id = m.user_id), '') AS TEXT) AS member_role,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM chat_likes x WHERE x.message_id = m.id AND x.user_id = sqlc.arg(asker)) THEN 1 ELSE 0 END AS BIGINT) AS liked,
       r.id AS reply_id, r.user_id AS reply_user_id, r.deleted_at AS reply_deleted_at,
       CAST(COALESCE(r.body, '') AS TEXT) AS reply_body,
       CAST(COALESCE(CASE WHEN v.deleted_at IS NULL THEN v.username END, '') AS TEXT) AS reply_username,
       CAST(COALESCE(v.display_name, '') AS TEXT) AS reply_display_name
FROM chat_messages m
LEFT JOIN users u ON u.id = m.user_id
LEFT JOIN chat_messages r ON r.id = m.reply_to
LEFT JOIN users v ON v.id = r.user_id
WHERE m.broadcast_id = sqlc.arg(broadcast_id) AND m.position < sqlc.arg(until)
  AND m.position >= sqlc.arg(at) AND (m.position > sqlc.arg(at) OR m.id > sqlc.arg(edge))
  AND m.id > sqlc.arg(since) AND m.deleted_at IS NULL
ORDER BY m.position, m.id
LIMIT sqlc.arg(most);

-- name: ChatReplayBefore :many
SELECT sqlc.embed(m),
       CAST(COALESCE(CASE WHEN u.deleted_at IS NULL THEN u.username END, '') AS TEXT) AS username,
       CAST(COALESCE(u.display_name, '') AS TEXT) AS display_name, u.avatar_id,
       CAST(COALESCE(u.role, '') AS TEXT) AS user_role,
       CAST(COALESCE((SELECT c.role FROM channel_members c WHERE c.channel_id = m.channel_id AND c.user_id = m.user_id), '') AS TEXT) AS member_role,
       CAST(CASE WHEN EXISTS (SELECT 1 FROM chat_likes x WHERE x.message_id = m.id AND x.user_id = sqlc.arg(asker)) THEN 1 ELSE 0 END AS BIGINT) AS liked,
       r.id AS reply_id, r.user_id AS reply_user_id, r.deleted_at AS reply_deleted_at,
       CAST(COALESCE(r.body, '') AS TEXT) AS reply_body,
       CAST(COALESCE(CASE WHEN v.deleted_at IS NULL THEN v.username END, '') AS TEXT) AS reply_username,
       CAST(COALESCE(v.display_name, '') AS TEXT) AS reply_display_name
FROM chat_messages m
LEFT JOIN users u ON u.id = m.user_id
LEFT JOIN chat_messages r ON r.id = m.reply_to
LEFT JOIN users v ON v.id = r.user_id
WHERE m.broadcast_id = sqlc.arg(broadcast_id) AND m.position >= sqlc.arg(begin)
  AND m.position <= sqlc.arg(at) AND (m.position < sqlc.arg(at) OR m.id < sqlc.arg(edge))
  AND m.id > sqlc.arg(since) AND m.deleted_at IS NULL
ORDER BY m.position DESC, m.id DESC
LIMIT sqlc.arg(most);

-- name: EditChatMessage :execrows
-- 0 if it was edited or deleted meanwhile.
UPDATE chat_messages SET body = sqlc.arg(body), detail = sqlc.arg(detail), edited_at = sqlc.arg(now)
WHERE id = sqlc.arg(id) AND deleted_at IS NULL
  AND COALESCE(edited_at, created_at) = sqlc.arg(was);

-- name: DeleteChatMessage :execrows
-- It stays, for moderators.
UPDATE chat_messages SET deleted_at = sqlc.arg(now), deleted_by = sqlc.arg(deleted_by)
WHERE id = sqlc.arg(id) AND deleted_at IS NULL;

-- name: CreateChatLike :execrows
INSERT INTO chat_likes (message_id, user_id, created_at) VALUES ($1, $2, $3)
ON CONFLICT (message_id, user_id) DO NOTHING;

-- name: DeleteChatLike :execrows
DELETE FROM chat_likes WHERE message_id = $1 AND user_id = $2;

-- name: AddChatMessageLikes :one
UPDATE chat_messages SET likes = likes + sqlc.arg(more) WHERE id = sqlc.arg(id) RETURNING likes;

-- name: ChatMessageLikes :one
SELECT likes FROM chat_messages WHERE id = $1;

-- name: ChatClearedAt :one
-- When the chat of a channel was last cleared; no row, or null, if never.
SELECT cleared_at FROM chat_settings WHERE channel_id = $1;

-- name: ChatMentioned :many
-- People by up to eleven names, and whether they are to be told that somebody wrote of
-- them: not if they have blocked that person, or may not see the channel.
SELECT u.id, u.username,
       CAST(CASE WHEN NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = sqlc.arg(sender))
            AND (CAST(sqlc.arg(private) AS BIGINT) = 0 OR u.role <> 'user' OR u.id = sqlc.arg(owner_id)
                 OR EXISTS (SELECT 1 FROM channel_members c WHERE c.channel_id = sqlc.arg(channel_id) AND c.user_id = u.id))
            THEN 1 ELSE 0 END AS BIGINT) AS tell
FROM users u
WHERE u.username_lower IN (sqlc.arg(name1), sqlc.arg(name2), sqlc.arg(name3), sqlc.arg(name4), sqlc.arg(name5),
                           sqlc.arg(name6), sqlc.arg(name7), sqlc.arg(name8), sqlc.arg(name9), sqlc.arg(name10),
                           sqlc.arg(name11))
  AND u.deleted_at IS NULL AND u.suspended_at IS NULL;

-- name: ForgetChatAddresses :execrows
-- Where old messages came from, and under which keys.
UPDATE chat_messages SET address = '', send_key = NULL
WHERE id IN (
    SELECT m.id FROM chat_messages m WHERE m.address <> '' AND m.created_at < sqlc.arg(before)
    ORDER BY m.created_at LIMIT sqlc.arg(most)
);

-- name: PurgeUserChat :exec
-- What somebody wrote stays without a name, and without where it came from.
UPDATE chat_messages SET address = '', send_key = NULL WHERE user_id = sqlc.arg(user_id);
