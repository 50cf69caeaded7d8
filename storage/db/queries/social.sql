-- Friends, requests, blocks, and what people show of themselves. Lists are newest
-- first: ids are UUIDv7. "Before" goes on to older ones, "After" back to newer ones,
-- nearest first. Those who are deleted or suspended are in none.

-- name: SocialPersonByID :one
SELECT id, username, display_name, avatar_id,
       CAST(CASE WHEN deleted_at IS NULL AND suspended_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS gone
FROM users WHERE id = $1;

-- name: SocialPersonByName :one
SELECT id, username, display_name, avatar_id,
       CAST(CASE WHEN deleted_at IS NULL AND suspended_at IS NULL THEN 0 ELSE 1 END AS BIGINT) AS gone
FROM users WHERE username_lower = $1;

-- name: SocialLockUser :execrows
-- Makes other transactions about the person wait for this one; 0 if the person is gone.
UPDATE users SET version = version WHERE id = $1 AND deleted_at IS NULL AND suspended_at IS NULL;

-- name: AreFriends :one
SELECT EXISTS (SELECT 1 FROM friends WHERE user_id = $1 AND friend_id = $2);

-- name: CreateFriend :execrows
INSERT INTO friends (id, user_id, friend_id, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, friend_id) DO NOTHING;

-- name: DeleteFriends :execrows
-- Both halves of a friendship.
DELETE FROM friends
WHERE (user_id = sqlc.arg(one) AND friend_id = sqlc.arg(other))
   OR (user_id = sqlc.arg(other) AND friend_id = sqlc.arg(one));

-- name: CountFriends :one
SELECT count(*) FROM friends WHERE user_id = $1;

-- name: FriendIDs :many
SELECT friend_id FROM friends WHERE user_id = $1;

-- name: FriendOf :one
SELECT f.id, f.friend_id, f.created_at, u.username, u.display_name, u.avatar_id,
       CAST(CASE WHEN s.show_online IS NULL OR s.show_online THEN 1 ELSE 0 END AS BIGINT) AS show_online,
       CAST(CASE WHEN s.show_watching THEN 1 ELSE 0 END AS BIGINT) AS show_watching,
       s.last_seen_at
FROM friends f JOIN users u ON u.id = f.friend_id LEFT JOIN social_settings s ON s.user_id = f.friend_id
WHERE f.user_id = sqlc.arg(user_id) AND f.friend_id = sqlc.arg(friend_id);

-- name: FriendsBefore :many
SELECT f.id, f.friend_id, f.created_at, u.username, u.display_name, u.avatar_id,
       CAST(CASE WHEN s.show_online IS NULL OR s.show_online THEN 1 ELSE 0 END AS BIGINT) AS show_online,
       CAST(CASE WHEN s.show_watching THEN 1 ELSE 0 END AS BIGINT) AS show_watching,
       s.last_seen_at
FROM friends f JOIN users u ON u.id = f.friend_id LEFT JOIN social_settings s ON s.user_id = f.friend_id
WHERE f.user_id = sqlc.arg(user_id) AND f.id < sqlc.arg(edge) AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY f.id DESC
LIMIT sqlc.arg(most);

-- name: FriendsAfter :many
SELECT f.id, f.friend_id, f.created_at, u.username, u.display_name, u.avatar_id,
       CAST(CASE WHEN s.show_online IS NULL OR s.show_online THEN 1 ELSE 0 END AS BIGINT) AS show_online,
       CAST(CASE WHEN s.show_watching THEN 1 ELSE 0 END AS BIGINT) AS show_watching,
       s.last_seen_at
FROM friends f JOIN users u ON u.id = f.friend_id LEFT JOIN social_settings s ON s.user_id = f.friend_id
WHERE f.user_id = sqlc.arg(user_id) AND f.id > sqlc.arg(edge) AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY f.id
LIMIT sqlc.arg(most);

-- name: CreateFriendRequest :exec
INSERT INTO friend_requests (id, from_id, to_id, note, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: FriendRequestByID :one
SELECT * FROM friend_requests WHERE id = $1;

-- name: FriendRequestBetween :one
SELECT * FROM friend_requests WHERE from_id = $1 AND to_id = $2;

-- name: DeleteFriendRequest :execrows
DELETE FROM friend_requests WHERE id = $1;

-- name: DeclineFriendRequest :execrows
UPDATE friend_requests SET declined_at = $3 WHERE id = $1 AND to_id = $2 AND declined_at IS NULL;

-- name: CancelFriendRequest :execrows
DELETE FROM friend_requests WHERE id = $1 AND from_id = $2 AND declined_at IS NULL;

-- name: CancelDeclinedFriendRequest :execrows
UPDATE friend_requests SET cancelled_at = $3
WHERE id = $1 AND from_id = $2 AND declined_at IS NOT NULL AND cancelled_at IS NULL;

-- name: RepeatDeclinedFriendRequest :exec
-- The sender sees a new request; nobody else does.
UPDATE friend_requests SET id = sqlc.arg(new_id), note = sqlc.arg(note), created_at = sqlc.arg(created_at), cancelled_at = NULL
WHERE id = sqlc.arg(id);

-- name: DeleteFriendRequestsBetween :many
DELETE FROM friend_requests
WHERE (from_id = sqlc.arg(one) AND to_id = sqlc.arg(other))
   OR (from_id = sqlc.arg(other) AND to_id = sqlc.arg(one))
RETURNING id, from_id, to_id, declined_at, cancelled_at;

-- name: CountFriendRequestsFrom :one
-- Those that the sender takes for pending.
SELECT count(*) FROM friend_requests WHERE from_id = $1 AND cancelled_at IS NULL;

-- name: FriendRequestsToBefore :many
SELECT r.id, r.note, r.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM friend_requests r JOIN users u ON u.id = r.from_id
WHERE r.to_id = sqlc.arg(user_id) AND r.id < sqlc.arg(edge) AND r.declined_at IS NULL
  AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY r.id DESC
LIMIT sqlc.arg(most);

-- name: FriendRequestsToAfter :many
SELECT r.id, r.note, r.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM friend_requests r JOIN users u ON u.id = r.from_id
WHERE r.to_id = sqlc.arg(user_id) AND r.id > sqlc.arg(edge) AND r.declined_at IS NULL
  AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY r.id
LIMIT sqlc.arg(most);

-- name: FriendRequestsFromBefore :many
SELECT r.id, r.note, r.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM friend_requests r JOIN users u ON u.id = r.to_id
WHERE r.from_id = sqlc.arg(user_id) AND r.id < sqlc.arg(edge) AND r.cancelled_at IS NULL
  AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY r.id DESC
LIMIT sqlc.arg(most);

-- name: FriendRequestsFromAfter :many
SELECT r.id, r.note, r.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM friend_requests r JOIN users u ON u.id = r.to_id
WHERE r.from_id = sqlc.arg(user_id) AND r.id > sqlc.arg(edge) AND r.cancelled_at IS NULL
  AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY r.id
LIMIT sqlc.arg(most);

-- name: DeleteOldDeclinedRequests :execrows
DELETE FROM friend_requests WHERE id IN (
    SELECT r.id FROM friend_requests r WHERE r.declined_at < sqlc.arg(before) LIMIT sqlc.arg(most)
);

-- name: BlockersAmong :many
-- Who of two has blocked the other.
SELECT user_id FROM blocks
WHERE (user_id = sqlc.arg(one) AND blocked_id = sqlc.arg(other))
   OR (user_id = sqlc.arg(other) AND blocked_id = sqlc.arg(one));

-- name: CreateBlock :execrows
INSERT INTO blocks (id, user_id, blocked_id, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, blocked_id) DO NOTHING;

-- name: DeleteBlock :execrows
DELETE FROM blocks WHERE user_id = $1 AND blocked_id = $2;

-- name: CountBlocks :one
SELECT count(*) FROM blocks WHERE user_id = $1;

-- name: BlocksBefore :many
SELECT b.id, b.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM blocks b JOIN users u ON u.id = b.blocked_id
WHERE b.user_id = sqlc.arg(user_id) AND b.id < sqlc.arg(edge) AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY b.id DESC
LIMIT sqlc.arg(most);

-- name: BlocksAfter :many
SELECT b.id, b.created_at, u.id AS user_id, u.username, u.display_name, u.avatar_id
FROM blocks b JOIN users u ON u.id = b.blocked_id
WHERE b.user_id = sqlc.arg(user_id) AND b.id > sqlc.arg(edge) AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY b.id
LIMIT sqlc.arg(most);

-- name: SocialSettingsOf :one
SELECT show_online, show_watching, allow_requests, last_seen_at, version FROM social_settings WHERE user_id = $1;

-- name: PutSocialSettings :execrows
-- Changes the version that was into the next.
INSERT INTO social_settings (user_id, show_online, show_watching, allow_requests, version, updated_at)
VALUES (sqlc.arg(user_id), sqlc.arg(show_online), sqlc.arg(show_watching), sqlc.arg(allow_requests), sqlc.arg(next), sqlc.arg(now))
ON CONFLICT (user_id) DO UPDATE SET
    show_online = excluded.show_online, show_watching = excluded.show_watching, allow_requests = excluded.allow_requests,
    version = excluded.version, updated_at = excluded.updated_at
WHERE social_settings.version = sqlc.arg(was);

-- name: TouchLastSeen :exec
INSERT INTO social_settings (user_id, show_online, show_watching, allow_requests, last_seen_at, updated_at)
VALUES (sqlc.arg(user_id), TRUE, FALSE, 'everyone', sqlc.arg(at), sqlc.arg(now))
ON CONFLICT (user_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
WHERE social_settings.last_seen_at IS NULL OR social_settings.last_seen_at < excluded.last_seen_at;

-- name: CountFriendRequestSent :one
-- Counts one more, in a window that begins anew when it began before since.
INSERT INTO social_settings (user_id, show_online, show_watching, allow_requests, asked, asked_at, updated_at)
VALUES (sqlc.arg(user_id), TRUE, FALSE, 'everyone', 1, sqlc.arg(at), sqlc.arg(now))
ON CONFLICT (user_id) DO UPDATE SET
    asked = CASE WHEN social_settings.asked_at > sqlc.arg(since) THEN social_settings.asked + 1 ELSE 1 END,
    asked_at = CASE WHEN social_settings.asked_at > sqlc.arg(since) THEN social_settings.asked_at ELSE excluded.asked_at END
RETURNING asked, asked_at;
