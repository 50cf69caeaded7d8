-- name: CreateAuditEntry :exec
INSERT INTO audit_log (id, actor_id, actor, action, target_kind, target_id, target, detail, address, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: AuditBefore :many
SELECT * FROM audit_log WHERE id < $1 ORDER BY id DESC LIMIT $2;

-- name: AuditAfter :many
SELECT * FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2;

-- name: AuditOfTargetBefore :many
-- An empty actor or action is any.
SELECT * FROM audit_log
WHERE target_id = sqlc.arg(target_id) AND id < sqlc.arg(id)
  AND (CAST(sqlc.arg(actor) AS TEXT) = '' OR lower(actor) = lower(CAST(sqlc.arg(actor) AS TEXT)))
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: AuditOfTargetAfter :many
SELECT * FROM audit_log
WHERE target_id = sqlc.arg(target_id) AND id > sqlc.arg(id)
  AND (CAST(sqlc.arg(actor) AS TEXT) = '' OR lower(actor) = lower(CAST(sqlc.arg(actor) AS TEXT)))
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT))
ORDER BY id LIMIT sqlc.arg(most);

-- name: AuditByActorBefore :many
SELECT * FROM audit_log
WHERE lower(actor) = lower(sqlc.arg(actor)) AND id < sqlc.arg(id)
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT))
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: AuditByActorAfter :many
SELECT * FROM audit_log
WHERE lower(actor) = lower(sqlc.arg(actor)) AND id > sqlc.arg(id)
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT))
ORDER BY id LIMIT sqlc.arg(most);

-- name: AuditOfActionBefore :many
SELECT * FROM audit_log WHERE action = sqlc.arg(action) AND id < sqlc.arg(id)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: AuditOfActionAfter :many
SELECT * FROM audit_log WHERE action = sqlc.arg(action) AND id > sqlc.arg(id)
ORDER BY id LIMIT sqlc.arg(most);

-- name: PurgeAudit :execrows
DELETE FROM audit_log WHERE id IN (
    SELECT a.id FROM audit_log a WHERE a.created_at < sqlc.arg(before) ORDER BY a.created_at LIMIT sqlc.arg(most)
);
