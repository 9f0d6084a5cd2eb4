-- Jobs: what was asked for, and what became of it.

-- list_jobs --
-- What a listing filters and sorts.
SELECT id, school_id, kind, status, done, total, result, errors, created_at, started_at, finished_at FROM job_runs

-- get_job --
-- One job.
{list_jobs} WHERE id = $1

-- insert_job --
-- A job $1 of the school $2: kind, sealed params, word of exclusion, who asked in which request.
INSERT INTO job_runs (id, school_id, kind, params, exclusive, user_id, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, school_id, kind, status, done, total, result, errors, created_at, started_at, finished_at

-- confirm_job --
-- Somebody has looked at the job $1 of the kind $2 and wants it done.
UPDATE job_runs SET status = 'queued', confirmed = true, exclusive = $3
WHERE id = $1 AND kind = $2 AND status = 'needs_confirmation'
RETURNING id, school_id, kind, status, done, total, result, errors, created_at, started_at, finished_at

-- take_up --
-- role: hub_system
-- The job $1 begins, or begins again: nothing is committed under an earlier attempt from now on.
UPDATE job_runs SET status = 'running', attempt = attempt + 1, started_at = coalesce(started_at, now())
WHERE id = $1 AND status IN ('queued', 'running')
RETURNING kind, school_id, params, state, attempt, confirmed, user_id, request_id, done, total

-- note_progress --
-- How far the attempt $2 is; no row when it is not the last one any more.
UPDATE job_runs SET done = $3, total = $4 WHERE id = $1 AND attempt = $2 AND status = 'running' RETURNING true

-- hold_run --
-- The same with the place to carry on from, in the transaction that it tells of.
UPDATE job_runs SET done = $3, total = $4, state = $5 WHERE id = $1 AND attempt = $2 AND status = 'running'
RETURNING true

-- end_run --
-- role: hub_system
-- The attempt $2 has ended so; no row when it is not the last one any more.
UPDATE job_runs SET status = $3, result = $4, errors = $5, done = $6, total = $7,
    finished_at = CASE WHEN $3 = 'needs_confirmation' THEN NULL ELSE now() END
WHERE id = $1 AND attempt = $2 AND status = 'running' RETURNING true

-- add_file --
-- A file of the job $2, its key sealed.
INSERT INTO job_files (id, job_id, school_id, name, key, size) VALUES ($1, $2, $3, $4, $5, $6)

-- add_part --
-- The next bytes of a file, sealed.
INSERT INTO job_file_parts (file_id, number, school_id, content) VALUES ($1, $2, $3, $4)

-- get_file --
-- A file of the job $1 by its name.
SELECT id, key, size FROM job_files WHERE job_id = $1 AND name = $2

-- get_part --
-- One part of a file, sealed.
SELECT content FROM job_file_parts WHERE file_id = $1 AND number = $2

-- delete_file --
-- A file of the job $1 and all its parts.
DELETE FROM job_files WHERE job_id = $1 AND name = $2

-- delete_file_by_system --
-- role: hub_system
-- A file of the job $1, whoever's it was.
DELETE FROM job_files WHERE job_id = $1 AND name = $2

-- outlived_somebody --
-- role: hub_system
-- True when somebody was erased since the job $1 was asked for: then nothing is kept of it that may tell of them.
UPDATE job_runs AS r
SET params = NULL, state = NULL, errors = '[{"message": "not kept: somebody was erased meanwhile"}]',
    status = CASE r.status WHEN 'needs_confirmation' THEN 'failed' ELSE r.status END,
    finished_at = coalesce(r.finished_at, now())
WHERE r.id = $1 AND EXISTS (
    SELECT FROM student_keys AS k
    WHERE (k.school_id = r.school_id OR r.school_id IS NULL) AND k.erased_at >= r.created_at)
RETURNING true

-- forget_files --
-- role: hub_system
-- All files of the job $1.
DELETE FROM job_files WHERE job_id = $1
