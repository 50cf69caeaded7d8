-- name: MembersOf :many
SELECT m.user_id, m.role, m.created_at, u.username, u.display_name, u.avatar_id
FROM channel_members m JOIN users u ON u.id = m.user_id
WHERE m.channel_id = $1 AND u.deleted_at IS NULL
ORDER BY m.user_id;

-- name: CountOtherMembers :one
-- How many members a channel has beside this one.
SELECT count(*) FROM channel_members WHERE channel_id = $1 AND user_id <> $2;

-- name: PutMember :one
INSERT INTO channel_members (channel_id, user_id, role, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (channel_id, user_id) DO UPDATE SET role = excluded.role
RETURNING created_at;

-- name: DeleteMember :execrows
DELETE FROM channel_members
WHERE channel_id = sqlc.arg(channel_id)
  AND user_id = (SELECT u.id FROM users u WHERE u.username_lower = sqlc.arg(username_lower));
