-- name: CreateBan :exec
INSERT INTO bans (id, network, reason, automatic, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: ActiveBans :many
-- What is enforced, the newest first. Those that have expired may still be among them.
SELECT network, reason, expires_at FROM bans
WHERE lifted_at IS NULL
ORDER BY id DESC
LIMIT $1;

-- name: ActiveBanOf :one
SELECT id FROM bans
WHERE network = sqlc.arg(network) AND lifted_at IS NULL
  AND (expires_at IS NULL OR expires_at > sqlc.arg(now))
ORDER BY id DESC
LIMIT 1;

-- name: CountAutomaticBansOf :one
-- Those that somebody lifted before their time were a mistake and do not count.
SELECT count(*) FROM bans
WHERE network = sqlc.arg(network) AND automatic AND created_at > sqlc.arg(since)
  AND (lifted_at IS NULL OR lifted_at >= expires_at);

-- name: BansBefore :many
SELECT b.id, b.network, b.reason, b.automatic, b.created_at, b.expires_at, b.lifted_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM bans b LEFT JOIN users u ON u.id = b.created_by
WHERE b.id < $1
ORDER BY b.id DESC
LIMIT $2;

-- name: BansAfter :many
SELECT b.id, b.network, b.reason, b.automatic, b.created_at, b.expires_at, b.lifted_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM bans b LEFT JOIN users u ON u.id = b.created_by
WHERE b.id > $1
ORDER BY b.id
LIMIT $2;

-- name: ActiveBansBefore :many
SELECT b.id, b.network, b.reason, b.automatic, b.created_at, b.expires_at, b.lifted_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM bans b LEFT JOIN users u ON u.id = b.created_by
WHERE b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now)) AND b.id < sqlc.arg(id)
ORDER BY b.id DESC
LIMIT sqlc.arg(most);

-- name: ActiveBansAfter :many
SELECT b.id, b.network, b.reason, b.automatic, b.created_at, b.expires_at, b.lifted_at,
       CAST(COALESCE(u.username, '') AS TEXT) AS created_by
FROM bans b LEFT JOIN users u ON u.id = b.created_by
WHERE b.lifted_at IS NULL AND (b.expires_at IS NULL OR b.expires_at > sqlc.arg(now)) AND b.id > sqlc.arg(id)
ORDER BY b.id
LIMIT sqlc.arg(most);

-- name: BanByID :one
SELECT network, expires_at, lifted_at FROM bans WHERE id = $1;

-- name: LiftBan :execrows
UPDATE bans SET lifted_at = sqlc.arg(at)
WHERE id = sqlc.arg(id) AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(at));

-- name: CloseExpiredBans :execrows
-- Takes bans that have expired out of the active ones.
UPDATE bans SET lifted_at = expires_at
WHERE lifted_at IS NULL AND expires_at <= sqlc.arg(now);

-- name: PurgeBans :execrows
DELETE FROM bans WHERE id IN (
    SELECT b.id FROM bans b WHERE b.lifted_at < sqlc.arg(before) ORDER BY b.lifted_at LIMIT sqlc.arg(most)
);
