-- enqueue --
-- role: hub_api
-- One job of PgQueuer's, with the line of its log that says so.
WITH job AS (
    INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
    VALUES (0, $1, $2, now() + make_interval(secs => $3), 'queued')
    RETURNING id, entrypoint, priority
), logged AS (
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'queued', entrypoint, priority FROM job
)
SELECT id FROM job
