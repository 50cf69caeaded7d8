-- name: CreateInvite :exec
INSERT INTO invites (id, code_hash, hint, note, created_by, max_uses, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: UseInvite :execrows
-- The row is locked until the sign-up is done: an invite is used no more often than
-- it says.
UPDATE invites SET uses = uses + 1
WHERE code_hash = sqlc.arg(code_hash) AND uses < max_uses AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > sqlc.arg(now));

-- name: InviteByID :one
SELECT * FROM invites WHERE id = $1;

-- name: RevokeInvite :execrows
UPDATE invites SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: InvitesBefore :many
SELECT i.id, i.hint, i.note, i.max_uses, i.uses, i.created_at, i.expires_at, i.revoked_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM invites i LEFT JOIN users u ON u.id = i.created_by
WHERE i.id < sqlc.arg(id) ORDER BY i.id DESC LIMIT sqlc.arg(most);

-- name: InvitesAfter :many
SELECT i.id, i.hint, i.note, i.max_uses, i.uses, i.created_at, i.expires_at, i.revoked_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM invites i LEFT JOIN users u ON u.id = i.created_by
WHERE i.id > sqlc.arg(id) ORDER BY i.id ASC LIMIT sqlc.arg(most);
