-- name: WebhookLockChannel :execrows
-- Lets one transaction at a time count and add webhooks of a channel.
UPDATE channels SET id = id WHERE id = $1;

-- name: CountWebhooksOf :one
SELECT count(*) FROM webhooks WHERE channel_id = $1;

-- name: CreateWebhook :exec
INSERT INTO webhooks (id, channel_id, url, events, secret_box, enabled, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: WebhooksOf :many
-- A channel has few of them.
SELECT * FROM webhooks WHERE channel_id = $1 ORDER BY id LIMIT 100;

-- name: WebhookOf :one
SELECT * FROM webhooks WHERE id = $1 AND channel_id = $2;

-- name: UpdateWebhook :execrows
UPDATE webhooks
SET url = sqlc.arg(url), events = sqlc.arg(events), enabled = sqlc.arg(enabled), failures = sqlc.arg(failures),
    note = sqlc.arg(note), updated_at = sqlc.arg(updated_at), version = version + 1
WHERE id = sqlc.arg(id) AND channel_id = sqlc.arg(channel_id) AND version = sqlc.arg(version);

-- name: DeleteWebhook :execrows
DELETE FROM webhooks WHERE id = $1 AND channel_id = $2;

-- name: CreateWebhookDelivery :exec
INSERT INTO webhook_deliveries (id, webhook_id, event, payload, state, created_at)
VALUES ($1, $2, $3, $4, 'pending', $5);

-- name: WebhookDeliveriesBefore :many
SELECT id, event, state, attempts, status_code, problem, created_at, attempted_at FROM webhook_deliveries
WHERE webhook_id = sqlc.arg(webhook_id) AND id < sqlc.arg(id)
ORDER BY id DESC LIMIT sqlc.arg(most);

-- name: WebhookDeliveriesAfter :many
SELECT id, event, state, attempts, status_code, problem, created_at, attempted_at FROM webhook_deliveries
WHERE webhook_id = sqlc.arg(webhook_id) AND id > sqlc.arg(id)
ORDER BY id LIMIT sqlc.arg(most);

-- name: WebhookDeliveryOf :one
SELECT id, event, state, attempts, status_code, problem, created_at, attempted_at FROM webhook_deliveries
WHERE id = $1 AND webhook_id = $2;

-- name: WebhookDeliveryJob :one
-- All that it takes to deliver.
SELECT d.webhook_id, d.event, d.payload, d.state, d.attempts, w.url, w.secret_box, w.enabled
FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.id = $1;

-- name: WebhookDeliveryAttempted :execrows
UPDATE webhook_deliveries
SET state = sqlc.arg(state), attempts = attempts + 1, status_code = sqlc.arg(status_code),
    problem = sqlc.arg(problem), attempted_at = sqlc.arg(attempted_at)
WHERE id = sqlc.arg(id);

-- name: WebhookDeliveryGivenUp :execrows
-- Without another attempt.
UPDATE webhook_deliveries SET state = 'failed', problem = sqlc.arg(problem)
WHERE id = sqlc.arg(id) AND state = 'pending';

-- name: WebhookDeliveryAgain :execrows
UPDATE webhook_deliveries SET state = 'pending', attempts = 0 WHERE id = $1 AND state <> 'pending';

-- name: WebhookSucceeded :execrows
UPDATE webhooks SET failures = 0 WHERE id = $1 AND failures > 0;

-- name: WebhookFailed :one
UPDATE webhooks SET failures = failures + 1 WHERE id = $1 RETURNING failures;

-- name: DisableWebhook :execrows
UPDATE webhooks SET enabled = false, note = sqlc.arg(note), updated_at = sqlc.arg(updated_at), version = version + 1
WHERE id = sqlc.arg(id) AND enabled;

-- name: PurgeWebhookDeliveries :execrows
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT d.id FROM webhook_deliveries d WHERE d.created_at < sqlc.arg(before) ORDER BY d.created_at LIMIT sqlc.arg(most)
);
