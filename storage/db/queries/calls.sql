-- name: CallByID :one
SELECT * FROM calls WHERE id = $1;

-- name: CallOfPair :one
SELECT * FROM calls WHERE pair = sqlc.arg(pair);

-- name: CallOfParty :one
SELECT * FROM calls WHERE party_id = sqlc.arg(party_id) AND state <> 'ended';

-- name: CreateCall :exec
INSERT INTO calls (id, kind, party_id, caller_id, callee_id, pair, state, outcome, video, created_at, rings_until, answered_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: LockCall :execrows
-- Whoever changes who is in a call that is not over waits here for others who do.
UPDATE calls SET state = state WHERE id = $1 AND state <> 'ended';

-- name: AnswerCall :execrows
UPDATE calls SET state = 'active', outcome = 'answered', answered_at = sqlc.arg(answered_at)
WHERE id = sqlc.arg(id) AND state = 'ringing' AND rings_until > sqlc.arg(answered_at);

-- name: EndRingingCall :execrows
UPDATE calls SET state = 'ended', outcome = sqlc.arg(outcome), ended_at = sqlc.arg(ended_at), pair = NULL
WHERE id = sqlc.arg(id) AND state = 'ringing';

-- name: EndActiveCall :execrows
UPDATE calls SET state = 'ended', ended_at = sqlc.arg(ended_at), pair = NULL
WHERE id = sqlc.arg(id) AND state = 'active';

-- name: RingingCallsTo :many
SELECT c.id, c.video, c.created_at, c.rings_until, u.username, u.display_name, u.avatar_id
FROM calls c JOIN users u ON u.id = c.caller_id
WHERE c.callee_id = sqlc.arg(callee_id) AND c.state = 'ringing' AND c.rings_until > sqlc.arg(now)
ORDER BY c.id
LIMIT sqlc.arg(most);

-- name: CallsRungOut :many
SELECT id FROM calls WHERE state = 'ringing' AND rings_until <= sqlc.arg(now) LIMIT sqlc.arg(most);

-- name: CountCallsOfSince :one
SELECT count(*) FROM calls WHERE caller_id = sqlc.arg(caller_id) AND id >= sqlc.arg(since);

-- name: CreateCallParticipant :exec
INSERT INTO call_participants (id, call_id, user_id, device, node, joined_at, seen_at, away_since)
VALUES ($1, $2, $3, $4, $5, $6, $6, $6);

-- name: CallParticipantsIn :many
-- Who is in a call, the first to join first.
SELECT p.id, p.user_id, p.device, p.away_since, u.username, u.display_name, u.avatar_id
FROM call_participants p JOIN users u ON u.id = p.user_id
WHERE p.call_id = $1 AND p.left_at IS NULL
ORDER BY p.id;

-- name: CallParticipantByID :one
SELECT p.id, p.call_id, p.user_id, p.device, p.away_since FROM call_participants p
WHERE p.id = $1 AND p.left_at IS NULL;

-- name: CallParticipantOfUser :one
SELECT p.id, p.call_id, p.away_since FROM call_participants p
WHERE p.user_id = $1 AND p.left_at IS NULL;

-- name: CallPeer :one
-- Another participant of the call where one is, at this device.
SELECT b.id, b.device
FROM call_participants a JOIN call_participants b ON b.call_id = a.call_id
WHERE a.id = sqlc.arg(id) AND a.device = sqlc.arg(device) AND a.left_at IS NULL
  AND b.id = sqlc.arg(other) AND b.id <> a.id AND b.left_at IS NULL;

-- name: CallParticipantHere :execrows
UPDATE call_participants SET away_since = NULL, seen_at = sqlc.arg(now), node = sqlc.arg(node)
WHERE id = sqlc.arg(id) AND device = sqlc.arg(device) AND left_at IS NULL;

-- name: CallParticipantAway :execrows
UPDATE call_participants SET away_since = sqlc.arg(now), seen_at = sqlc.arg(now)
WHERE id = sqlc.arg(id) AND device = sqlc.arg(device) AND node = sqlc.arg(node) AND left_at IS NULL AND away_since IS NULL;

-- name: MoveCallParticipant :execrows
UPDATE call_participants SET device = sqlc.arg(device), node = sqlc.arg(node), away_since = sqlc.arg(now), seen_at = sqlc.arg(now)
WHERE id = sqlc.arg(id) AND user_id = sqlc.arg(user_id) AND left_at IS NULL;

-- name: CallParticipantLeft :execrows
-- Unless somebody has seen them since.
UPDATE call_participants SET left_at = sqlc.arg(left_at)
WHERE id = sqlc.arg(id) AND left_at IS NULL AND seen_at < sqlc.arg(seen_before);

-- name: AllLeftCall :exec
UPDATE call_participants SET left_at = $2 WHERE call_id = $1 AND left_at IS NULL;

-- name: SeeCallParticipants :exec
-- The node still has the sockets of those who are not away.
UPDATE call_participants SET seen_at = sqlc.arg(now)
WHERE node = sqlc.arg(node) AND left_at IS NULL AND away_since IS NULL;

-- name: CallParticipantsOfNodeAway :exec
-- The node stops.
UPDATE call_participants SET away_since = sqlc.arg(now), seen_at = sqlc.arg(now)
WHERE node = sqlc.arg(node) AND left_at IS NULL AND away_since IS NULL;

-- name: LostCallParticipants :many
-- Those who are away for too long, and those of nodes that are gone for longer.
SELECT id, call_id, away_since FROM call_participants
WHERE left_at IS NULL AND seen_at < sqlc.arg(away_before)
  AND (away_since IS NOT NULL OR seen_at < sqlc.arg(dead_before))
LIMIT sqlc.arg(most);

-- name: CallsOfUserBefore :many
-- Calls that somebody made, got, or took part in.
SELECT c.id, c.kind, c.party_id, c.caller_id, c.callee_id, c.state, c.outcome, c.video, c.created_at, c.answered_at, c.ended_at,
       u.username, u.display_name, u.avatar_id
FROM calls c
LEFT JOIN users u ON u.deleted_at IS NULL AND u.id = CASE WHEN c.caller_id = sqlc.arg(user_id) THEN c.callee_id ELSE c.caller_id END
WHERE c.id IN (
    SELECT id FROM (SELECT m.id FROM calls m WHERE m.caller_id = sqlc.arg(user_id) AND m.id < sqlc.arg(edge) ORDER BY m.id DESC LIMIT sqlc.arg(most)) AS made
    UNION SELECT id FROM (SELECT g.id FROM calls g WHERE g.callee_id = sqlc.arg(user_id) AND g.id < sqlc.arg(edge) ORDER BY g.id DESC LIMIT sqlc.arg(most)) AS got
    UNION SELECT id FROM (SELECT DISTINCT p.call_id AS id FROM call_participants p WHERE p.user_id = sqlc.arg(user_id) AND p.call_id < sqlc.arg(edge) ORDER BY p.call_id DESC LIMIT sqlc.arg(most)) AS joined
)
ORDER BY c.id DESC
LIMIT sqlc.arg(most);

-- name: CallsOfUserAfter :many
SELECT c.id, c.kind, c.party_id, c.caller_id, c.callee_id, c.state, c.outcome, c.video, c.created_at, c.answered_at, c.ended_at,
       u.username, u.display_name, u.avatar_id
FROM calls c
LEFT JOIN users u ON u.deleted_at IS NULL AND u.id = CASE WHEN c.caller_id = sqlc.arg(user_id) THEN c.callee_id ELSE c.caller_id END
WHERE c.id IN (
    SELECT id FROM (SELECT m.id FROM calls m WHERE m.caller_id = sqlc.arg(user_id) AND m.id > sqlc.arg(edge) ORDER BY m.id LIMIT sqlc.arg(most)) AS made
    UNION SELECT id FROM (SELECT g.id FROM calls g WHERE g.callee_id = sqlc.arg(user_id) AND g.id > sqlc.arg(edge) ORDER BY g.id LIMIT sqlc.arg(most)) AS got
    UNION SELECT id FROM (SELECT DISTINCT p.call_id AS id FROM call_participants p WHERE p.user_id = sqlc.arg(user_id) AND p.call_id > sqlc.arg(edge) ORDER BY p.call_id LIMIT sqlc.arg(most)) AS joined
)
ORDER BY c.id
LIMIT sqlc.arg(most);
