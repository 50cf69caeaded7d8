-- name: CreateAuditEntry :exec
INSERT INTO audit_log (id, actor_id, actor, action, target_kind, target_id, target, detail, address, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
