-- ensure_partitions --
-- role: hub_system
-- Make the months of a log ahead of time; returns how many were made.
SELECT hub_ensure_partitions($1, $2)

-- prune_changes --
-- role: hub_system
-- Forget changes of the feed that every worker has long seen.
SELECT hub_prune_old_changes()

-- index_past_months --
-- role: hub_system
-- An index of ids for the months of access_logs that are over and have none; how many it made.
SELECT hub_index_past_months()

-- prune_amendments --
-- role: hub_system
-- Forget what no screen comes back for.
DELETE FROM stream_amendments WHERE noted_at < now() - make_interval(days => $1)

-- prune_idempotency_keys --
-- role: hub_system
-- Forget answers that nobody may ask for again.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'

-- misplaced_rows --
-- role: hub_system
-- Rows outside every month: a reader whose clock is far off, or a month that nobody made.
SELECT count(*) FROM access_logs_default

-- expire_passes --
-- role: hub_system
-- Mark up to $1 passes whose last day is over at their school; how many there were.
SELECT hub_expire_passes($1)

-- prune_reader_tickets --
-- role: hub_system
-- Forget tickets that nobody used in time.
DELETE FROM reader_tickets WHERE expires_at < now()

-- requeue_held --
-- role: hub_system
-- Rows that PgQueuer failed to put back are due again; how many there were.
WITH due AS (
    UPDATE pgqueuer SET status = 'queued', execute_after = now(), updated = now() WHERE status = 'failed' RETURNING true
)
SELECT count(*) FROM due

-- lost_runs --
-- role: hub_system
-- Runs that are to be carried out and have no row of the entry point $1 in the queue.
SELECT r.id FROM job_runs AS r
WHERE r.status IN ('queued', 'running')
    AND NOT EXISTS (SELECT FROM pgqueuer AS q WHERE q.entrypoint = $1 AND q.payload = uuid_send(r.id))

-- enqueue_lost --
-- role: hub_system
-- They get one each; how many there were. Another host may be looking at the same time.
WITH due AS (
    INSERT INTO pgqueuer (priority, entrypoint, payload, status, dedupe_key)
    SELECT 0, $1, uuid_send(lost.id), 'queued', $1 || ' ' || lost.id FROM ({lost_runs}) AS lost
    ON CONFLICT DO NOTHING
    RETURNING id, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'queued', entrypoint, priority FROM due
)
SELECT count(*) FROM due
