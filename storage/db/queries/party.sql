-- name: PartyCreate :exec
INSERT INTO parties (id, host_id, name, control, wait_for_all, settings, state, seq, created_at, updated_at, active_at)
VALUES (sqlc.arg(id), sqlc.arg(host_id), sqlc.arg(name), sqlc.arg(control), sqlc.arg(wait_for_all), sqlc.arg(settings),
        sqlc.arg(state), 1, sqlc.arg(now), sqlc.arg(now), sqlc.arg(now));

-- name: PartyByID :one
SELECT * FROM parties WHERE id = $1 AND ended_at IS NULL;

-- name: PartyForMember :one
-- A party, for somebody who is in it.
SELECT p.* FROM parties p
WHERE p.id = sqlc.arg(id) AND p.ended_at IS NULL AND EXISTS (
    SELECT 1 FROM party_members m WHERE m.party_id = p.id AND m.user_id = sqlc.arg(user_id) AND m.removed_at IS NULL
);

-- name: PartyLock :one
-- Whoever changes a party waits here for others who do.
UPDATE parties SET seq = seq WHERE id = $1 AND ended_at IS NULL
RETURNING *;

-- name: PartySetState :exec
UPDATE parties SET state = sqlc.arg(state), seq = sqlc.arg(seq), updated_at = sqlc.arg(now) WHERE id = sqlc.arg(id);

-- name: PartyUpdate :exec
UPDATE parties SET host_id = $2, name = $3, control = $4, wait_for_all = $5, settings = $6, updated_at = $7, version = version + 1
WHERE id = $1;

-- name: PartyTouch :exec
-- Somebody is there.
UPDATE parties SET active_at = sqlc.arg(now) WHERE id = sqlc.arg(id) AND ended_at IS NULL AND active_at < sqlc.arg(now);

-- name: PartyEnd :execrows
UPDATE parties SET ended_at = sqlc.arg(now), updated_at = sqlc.arg(now) WHERE id = sqlc.arg(id) AND ended_at IS NULL;

-- name: PartiesLeft :many
-- Parties that are over: without members since empty_before, or with nobody there
-- since idle_before.
SELECT p.id FROM parties p
WHERE p.ended_at IS NULL AND p.active_at < sqlc.arg(empty_before)
  AND (p.active_at < sqlc.arg(idle_before)
       OR (SELECT m.user_id FROM party_members m WHERE m.party_id = p.id AND m.removed_at IS NULL ORDER BY m.user_id LIMIT 1) IS NULL)
ORDER BY p.active_at
LIMIT sqlc.arg(most);

-- name: PartiesForget :execrows
DELETE FROM parties WHERE id IN (
    SELECT p.id FROM parties p WHERE p.ended_at IS NOT NULL AND p.ended_at < sqlc.arg(before) ORDER BY p.ended_at LIMIT sqlc.arg(most)
);

-- name: PartiesOf :many
-- Those that somebody is in, newest first.
SELECT sqlc.embed(p), u.username, u.display_name, u.avatar_id
FROM party_members m JOIN parties p ON p.id = m.party_id JOIN users u ON u.id = p.host_id
WHERE m.user_id = $1 AND m.removed_at IS NULL AND p.ended_at IS NULL
ORDER BY p.id DESC;

-- name: PartyMember :one
SELECT * FROM party_members WHERE party_id = $1 AND user_id = $2;

-- name: PartyMembers :many
SELECT m.user_id, m.joined_at, m.seen_at, u.username, u.display_name, u.avatar_id
FROM party_members m JOIN users u ON u.id = m.user_id
WHERE m.party_id = $1 AND m.removed_at IS NULL AND u.deleted_at IS NULL
ORDER BY m.joined_at, m.user_id;

-- name: PartyCountMembers :one
SELECT count(*) FROM party_members WHERE party_id = $1 AND removed_at IS NULL;

-- name: PartyCountOf :one
-- How many parties somebody is in.
SELECT count(*) FROM party_members m JOIN parties p ON p.id = m.party_id
WHERE m.user_id = $1 AND m.removed_at IS NULL AND p.ended_at IS NULL;

-- name: PartyAddMember :exec
INSERT INTO party_members (party_id, user_id, joined_at, seen_at)
VALUES (sqlc.arg(party_id), sqlc.arg(user_id), sqlc.arg(now), sqlc.arg(now))
ON CONFLICT (party_id, user_id) DO UPDATE SET joined_at = excluded.joined_at, seen_at = excluded.seen_at, removed_at = NULL;

-- name: PartyDropMember :execrows
DELETE FROM party_members WHERE party_id = $1 AND user_id = $2 AND removed_at IS NULL;

-- name: PartyBarMember :execrows
UPDATE party_members SET removed_at = $3 WHERE party_id = $1 AND user_id = $2 AND removed_at IS NULL;

-- name: PartyOldestMember :one
SELECT m.user_id, u.username FROM party_members m JOIN users u ON u.id = m.user_id
WHERE m.party_id = $1 AND m.removed_at IS NULL AND u.deleted_at IS NULL AND u.suspended_at IS NULL
ORDER BY m.joined_at, m.user_id LIMIT 1;

-- name: PartySeen :exec
UPDATE party_members SET seen_at = $3 WHERE party_id = $1 AND user_id = $2;

-- name: PartyQueue :many
SELECT q.id, q.item, q.place, q.added_by, q.added_at, u.username, u.display_name, u.avatar_id
FROM party_queue q LEFT JOIN users u ON u.id = q.added_by
WHERE q.party_id = $1
ORDER BY q.place, q.id;

-- name: PartyQueueAdd :exec
INSERT INTO party_queue (id, party_id, item, place, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: PartyQueuePlace :exec
UPDATE party_queue SET place = $3 WHERE id = $1 AND party_id = $2;

-- name: PartyQueueDrop :execrows
DELETE FROM party_queue WHERE id = $1 AND party_id = $2;

-- name: PartyInviteLink :exec
INSERT INTO party_invites (id, party_id, code_hash, hint, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: PartyInvitePerson :one
-- An invitation that is open is renewed; after one that is not, it is another.
INSERT INTO party_invites (id, party_id, user_id, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (party_id, user_id) WHERE user_id IS NOT NULL
DO UPDATE SET created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = NULL,
    id = CASE WHEN party_invites.revoked_at IS NULL AND party_invites.expires_at > excluded.created_at THEN party_invites.id ELSE excluded.id END
RETURNING id;

-- name: PartyInviteByCode :one
SELECT * FROM party_invites
WHERE code_hash = sqlc.arg(code_hash) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(now));

-- name: PartyInviteFor :one
SELECT * FROM party_invites
WHERE party_id = sqlc.arg(party_id) AND user_id = sqlc.arg(user_id) AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > sqlc.arg(now));

-- name: PartyInvites :many
-- Those of a party that are good.
SELECT i.id, i.hint, i.created_by, i.created_at, i.expires_at, i.user_id, u.username, u.display_name, u.avatar_id
FROM party_invites i LEFT JOIN users u ON u.id = i.user_id
WHERE i.party_id = sqlc.arg(party_id) AND i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > sqlc.arg(now))
ORDER BY i.id DESC;

-- name: PartyCountInvites :one
SELECT count(*) FROM party_invites
WHERE party_id = sqlc.arg(party_id) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > sqlc.arg(now));

-- name: PartyInviteByID :one
SELECT * FROM party_invites WHERE id = $1 AND revoked_at IS NULL;

-- name: PartyInviteRevoke :execrows
UPDATE party_invites SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: PartyInvitesOfBefore :many
-- Invitations of one person, newest first.
SELECT i.id, i.created_at, i.expires_at, p.id AS party_id, p.name, u.id AS inviter_id, u.username, u.display_name, u.avatar_id
FROM party_invites i JOIN parties p ON p.id = i.party_id JOIN users u ON u.id = i.created_by
WHERE i.user_id = sqlc.arg(user_id) AND i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > sqlc.arg(now))
  AND p.ended_at IS NULL AND i.id < sqlc.arg(id)
ORDER BY i.id DESC
LIMIT sqlc.arg(most);

-- name: PartyInvitesOfAfter :many
SELECT i.id, i.created_at, i.expires_at, p.id AS party_id, p.name, u.id AS inviter_id, u.username, u.display_name, u.avatar_id
FROM party_invites i JOIN parties p ON p.id = i.party_id JOIN users u ON u.id = i.created_by
WHERE i.user_id = sqlc.arg(user_id) AND i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > sqlc.arg(now))
  AND p.ended_at IS NULL AND i.id > sqlc.arg(id)
ORDER BY i.id
LIMIT sqlc.arg(most);

-- name: PartyMessageAdd :exec
INSERT INTO party_messages (id, party_id, user_id, kind, body, detail, send_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: PartyMessageByKey :one
SELECT * FROM party_messages WHERE user_id = $1 AND send_key = $2;

-- name: PartyMessage :one
SELECT * FROM party_messages WHERE id = $1 AND party_id = $2 AND deleted_at IS NULL;

-- name: PartyMessageDelete :execrows
UPDATE party_messages SET deleted_at = $3, body = '' WHERE id = $1 AND party_id = $2 AND deleted_at IS NULL;

-- name: PartyMessagesBefore :many
SELECT m.id, m.user_id, m.kind, m.body, m.detail, m.created_at, m.deleted_at, u.username, u.display_name, u.avatar_id
FROM party_messages m LEFT JOIN users u ON u.id = m.user_id
WHERE m.party_id = sqlc.arg(party_id) AND m.id < sqlc.arg(id)
ORDER BY m.id DESC
LIMIT sqlc.arg(most);

-- name: PartyMessagesAfter :many
SELECT m.id, m.user_id, m.kind, m.body, m.detail, m.created_at, m.deleted_at, u.username, u.display_name, u.avatar_id
FROM party_messages m LEFT JOIN users u ON u.id = m.user_id
WHERE m.party_id = sqlc.arg(party_id) AND m.id > sqlc.arg(id)
ORDER BY m.id
LIMIT sqlc.arg(most);

-- name: PartyChannel :one
-- What a party needs to know of a channel that it watches.
SELECT id, slug, title FROM channels WHERE id = $1;

-- name: PartyBroadcast :one
-- The same of a broadcast.
SELECT b.id, b.title, b.state, b.published_at, b.duration_ms, c.slug, c.title AS channel_title
FROM broadcasts b JOIN channels c ON c.id = b.channel_id
WHERE b.id = $1;
