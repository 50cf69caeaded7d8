-- The inbox. What comes from somebody who is deleted or suspended is there for nobody.

-- name: NotifyTarget :one
-- Whether somebody can be told of what actor does: 0 if one has blocked the other. No
-- row if they are gone.
SELECT CAST(CASE
    WHEN EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = sqlc.arg(actor_id)) THEN 0
    WHEN EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = sqlc.arg(actor_id) AND b.blocked_id = u.id) THEN 0
    ELSE 1 END AS BIGINT) AS reachable
FROM users u
WHERE u.id = sqlc.arg(user_id) AND u.deleted_at IS NULL AND u.suspended_at IS NULL;

-- name: CreateNotification :execrows
INSERT INTO notifications (id, user_id, kind, actor_id, data, dedup, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (user_id, dedup) WHERE dedup IS NOT NULL DO NOTHING;

-- name: TrimNotifications :exec
-- Keeps the newest 500.
DELETE FROM notifications WHERE notifications.user_id = sqlc.arg(user_id) AND notifications.id < (
    SELECT n.id FROM notifications n WHERE n.user_id = sqlc.arg(user_id) ORDER BY n.id DESC LIMIT 1 OFFSET 499
);

-- name: NotificationByID :one
SELECT n.id, n.kind, n.data, n.created_at, n.read_at, n.actor_id, a.username, a.display_name, a.avatar_id
FROM notifications n LEFT JOIN users a ON a.id = n.actor_id
WHERE n.id = sqlc.arg(id) AND n.user_id = sqlc.arg(user_id);

-- name: NotificationsBefore :many
-- All, or those that are not read if unread is 1.
SELECT n.id, n.kind, n.data, n.created_at, n.read_at, n.actor_id, a.username, a.display_name, a.avatar_id
FROM notifications n LEFT JOIN users a ON a.id = n.actor_id
WHERE n.user_id = sqlc.arg(user_id) AND n.id < sqlc.arg(edge)
  AND (CAST(sqlc.arg(unread) AS BIGINT) = 0 OR n.read_at IS NULL)
  AND (n.actor_id IS NULL OR (a.deleted_at IS NULL AND a.suspended_at IS NULL))
ORDER BY n.id DESC
LIMIT sqlc.arg(most);

-- name: NotificationsAfter :many
SELECT n.id, n.kind, n.data, n.created_at, n.read_at, n.actor_id, a.username, a.display_name, a.avatar_id
FROM notifications n LEFT JOIN users a ON a.id = n.actor_id
WHERE n.user_id = sqlc.arg(user_id) AND n.id > sqlc.arg(edge)
  AND (CAST(sqlc.arg(unread) AS BIGINT) = 0 OR n.read_at IS NULL)
  AND (n.actor_id IS NULL OR (a.deleted_at IS NULL AND a.suspended_at IS NULL))
ORDER BY n.id
LIMIT sqlc.arg(most);

-- name: CountUnreadNotifications :one
SELECT count(*) FROM notifications n LEFT JOIN users a ON a.id = n.actor_id
WHERE n.user_id = $1 AND n.read_at IS NULL
  AND (n.actor_id IS NULL OR (a.deleted_at IS NULL AND a.suspended_at IS NULL));

-- name: ReadNotification :execrows
UPDATE notifications SET read_at = COALESCE(read_at, sqlc.arg(at)) WHERE id = sqlc.arg(id) AND user_id = sqlc.arg(user_id);

-- name: ReadNotificationsUpTo :execrows
UPDATE notifications SET read_at = sqlc.arg(at)
WHERE user_id = sqlc.arg(user_id) AND id <= sqlc.arg(up_to) AND read_at IS NULL;

-- name: DeleteNotification :execrows
DELETE FROM notifications WHERE id = $1 AND user_id = $2;

-- name: DeleteNotificationAbout :many
DELETE FROM notifications WHERE user_id = $1 AND dedup = $2 RETURNING id;

-- name: DeleteNotificationsFrom :many
DELETE FROM notifications WHERE user_id = $1 AND actor_id = $2 RETURNING id;

-- name: DeleteOldNotifications :execrows
DELETE FROM notifications WHERE id IN (
    SELECT n.id FROM notifications n WHERE n.created_at < sqlc.arg(before) LIMIT sqlc.arg(most)
);

-- name: InboxAudience :many
-- Those who asked to be told that a channel is on air, in the order of ids, also who
-- cannot be told now. apart is 1 where the owner and they have to do with each other
-- no more.
SELECT u.id,
       CAST(CASE WHEN u.deleted_at IS NULL AND u.suspended_at IS NULL THEN 1 ELSE 0 END AS BIGINT) AS reachable,
       CAST(CASE WHEN m.user_id IS NULL THEN 0 ELSE 1 END AS BIGINT) AS member,
       CAST(CASE
           WHEN EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = sqlc.arg(owner_id)) THEN 1
           WHEN EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = sqlc.arg(owner_id) AND b.blocked_id = u.id) THEN 1
           ELSE 0 END AS BIGINT) AS apart
FROM (
    SELECT user_id FROM (
        SELECT f.user_id FROM follows f
        WHERE f.channel_id = sqlc.arg(channel_id) AND f.notify AND f.user_id > sqlc.arg(beyond)
        ORDER BY f.user_id LIMIT sqlc.arg(most)
    ) following
    UNION
    SELECT user_id FROM (
        SELECT r.user_id FROM broadcast_reminders r
        WHERE r.broadcast_id = sqlc.arg(broadcast_id) AND r.user_id > sqlc.arg(beyond)
        ORDER BY r.user_id LIMIT sqlc.arg(most)
    ) waiting
) asked
JOIN users u ON u.id = asked.user_id
LEFT JOIN channel_members m ON m.channel_id = sqlc.arg(channel_id) AND m.user_id = u.id
ORDER BY u.id
LIMIT sqlc.arg(most);
