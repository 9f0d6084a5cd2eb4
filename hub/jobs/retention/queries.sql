-- What is let go: of each thing a statement that counts it and one that deletes some of it; $1 days, $2 rows at most.

-- count_scan_ids --
-- role: hub_system
-- How many: identities of scans that no reader replays any more.
SELECT count(*) FROM scan_ids WHERE noted_at < now() - make_interval(days => $1)

-- prune_scan_ids --
-- role: hub_system
-- Forget them: identities of scans that no reader replays any more.
DELETE FROM scan_ids WHERE ctid = ANY (ARRAY(SELECT ctid FROM scan_ids WHERE noted_at < now() - make_interval(days => $1) LIMIT $2))

-- count_pass_uses --
-- role: hub_system
-- How many: scans that used up a use of a pass and that no reader replays any more.
SELECT count(*) FROM pass_uses WHERE noted_at < now() - make_interval(days => $1)

-- prune_pass_uses --
-- role: hub_system
-- Forget them: scans that used up a use of a pass and that no reader replays any more.
DELETE FROM pass_uses WHERE ctid = ANY (ARRAY(SELECT ctid FROM pass_uses WHERE noted_at < now() - make_interval(days => $1) LIMIT $2))

-- count_jobs --
-- role: hub_system
-- How many: jobs that were asked for long ago.
SELECT count(*) FROM job_runs WHERE created_at < now() - make_interval(days => $1)

-- prune_jobs --
-- role: hub_system
-- Forget them: jobs that were asked for long ago.
DELETE FROM job_runs WHERE ctid = ANY (ARRAY(SELECT ctid FROM job_runs WHERE created_at < now() - make_interval(days => $1) LIMIT $2))

-- count_job_files --
-- role: hub_system
-- How many: files that nobody has fetched.
SELECT count(*) FROM job_files WHERE created_at < now() - make_interval(days => $1)

-- prune_job_files --
-- role: hub_system
-- Forget them: files that nobody has fetched.
DELETE FROM job_files WHERE ctid = ANY (ARRAY(SELECT ctid FROM job_files WHERE created_at < now() - make_interval(days => $1) LIMIT $2))

-- count_mails --
-- role: hub_system
-- How many: passes that were mailed long ago.
SELECT count(*) FROM pass_mails WHERE created_at < now() - make_interval(days => $1)

-- prune_mails --
-- role: hub_system
-- Forget them: passes that were mailed long ago.
DELETE FROM pass_mails WHERE ctid = ANY (ARRAY(SELECT ctid FROM pass_mails WHERE created_at < now() - make_interval(days => $1) LIMIT $2))

-- count_pass_history --
-- role: hub_system
-- How many: what became of passes long ago.
SELECT count(*) FROM pass_history WHERE at < now() - make_interval(days => $1)

-- prune_pass_history --
-- role: hub_system
-- Forget them: what became of passes long ago.
DELETE FROM pass_history WHERE ctid = ANY (ARRAY(SELECT ctid FROM pass_history WHERE at < now() - make_interval(days => $1) LIMIT $2))

-- count_rejected --
-- role: hub_system
-- How many: scans that PostgreSQL refused, and nobody has replayed, or that are in the log by now.
SELECT count(*) FROM access_logs_rejected WHERE rejected_at < now() - make_interval(days => $1) OR replayed_at < now() - interval '30 days'

-- prune_rejected --
-- role: hub_system
-- Forget them: scans that PostgreSQL refused, and nobody has replayed, or that are in the log by now.
DELETE FROM access_logs_rejected WHERE ctid = ANY (ARRAY(SELECT ctid FROM access_logs_rejected WHERE rejected_at < now() - make_interval(days => $1) OR replayed_at < now() - interval '30 days' LIMIT $2))

-- count_stream_heads --
-- role: hub_system
-- How many: recorders that are gone.
SELECT count(*) FROM stream_heads WHERE updated_at < now() - make_interval(days => $1)

-- prune_stream_heads --
-- role: hub_system
-- Forget them: recorders that are gone.
DELETE FROM stream_heads WHERE ctid = ANY (ARRAY(SELECT ctid FROM stream_heads WHERE updated_at < now() - make_interval(days => $1) LIMIT $2))

-- count_queue_log --
-- role: hub_system
-- How many: lines of the queue's log.
SELECT count(*) FROM pgqueuer_log WHERE created < now() - make_interval(days => $1)

-- prune_queue_log --
-- role: hub_system
-- Forget them: lines of the queue's log.
DELETE FROM pgqueuer_log WHERE ctid = ANY (ARRAY(SELECT ctid FROM pgqueuer_log WHERE created < now() - make_interval(days => $1) LIMIT $2))

-- count_queue_figures --
-- role: hub_system
-- How many: figures of the queue.
SELECT count(*) FROM pgqueuer_statistics WHERE created < now() - make_interval(days => $1)

-- prune_queue_figures --
-- role: hub_system
-- Forget them: figures of the queue.
DELETE FROM pgqueuer_statistics WHERE ctid = ANY (ARRAY(SELECT ctid FROM pgqueuer_statistics WHERE created < now() - make_interval(days => $1) LIMIT $2))

-- count_audit_rejected --
-- role: hub_system
-- How many: audit entries that PostgreSQL refused.
SELECT count(*) FROM audit_logs_rejected WHERE rejected_at < now() - make_interval(days => $1)

-- prune_audit_rejected --
-- role: hub_system
-- Forget them: audit entries that PostgreSQL refused.
DELETE FROM audit_logs_rejected WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit_logs_rejected WHERE rejected_at < now() - make_interval(days => $1) LIMIT $2))

-- schools --
-- role: hub_system
-- What each school wants kept, and for how long.
SELECT id, code, settings FROM schools ORDER BY code

-- months --
-- role: hub_system
-- The months that a log has, the oldest first.
SELECT c.relname AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = ('public.' || $1)::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY 1

-- drop_month --
-- role: hub_system
-- The month $2 of the log $1 is gone.
SELECT hub_drop_month($1, $2)

-- scans_of_month --
-- role: hub_system
-- How many scans there are between $1 and $2.
SELECT count(*) FROM access_logs WHERE access_time >= $1 AND access_time < $2

-- scans_wanted --
-- role: hub_system
-- Whether between $1 and $2 anybody has scans but the schools $3, or one of these has some that came after its time $4.
SELECT EXISTS (
    SELECT FROM access_logs AS l
    WHERE l.access_time >= $1 AND l.access_time < $2 AND NOT EXISTS (
        SELECT FROM unnest($3::uuid[], $4::timestamptz[]) AS past (school_id, before)
        WHERE past.school_id = l.school_id AND l.received_at < past.before))

-- count_scans --
-- role: hub_system
-- Scans of the school $1 from before $2, by their own time and by the hub's.
SELECT count(*) FROM access_logs WHERE school_id = $1 AND access_time < $2 AND received_at < $2

-- prune_scans --
-- role: hub_system
-- Up to $3 of them are gone.
SELECT hub_prune_access_logs($1, $2, $3)

-- count_annulments --
-- role: hub_system
-- Annulments of the school $1 from before $2.
SELECT count(*) FROM scan_annulments WHERE school_id = $1 AND annulled_at < $2

-- prune_annulments --
-- role: hub_system
-- Up to $3 of them are gone.
DELETE FROM scan_annulments
WHERE ctid = ANY (ARRAY(SELECT ctid FROM scan_annulments WHERE school_id = $1 AND annulled_at < $2 LIMIT $3))

-- count_acknowledgements --
-- role: hub_system
-- Notes of guards at the school $1 from before $2.
SELECT count(*) FROM acknowledgements WHERE school_id = $1 AND created_at < $2

-- prune_acknowledgements --
-- role: hub_system
-- Up to $3 of them are gone.
DELETE FROM acknowledgements
WHERE ctid = ANY (ARRAY(SELECT ctid FROM acknowledgements WHERE school_id = $1 AND created_at < $2 LIMIT $3))

-- count_documents --
-- role: hub_system
-- Files about students of the school $1 from before $2.
SELECT count(*) FROM documents WHERE school_id = $1 AND created_at < $2

-- prune_documents --
-- role: hub_system
-- Up to $3 of them are gone.
DELETE FROM documents
WHERE ctid = ANY (ARRAY(SELECT ctid FROM documents WHERE school_id = $1 AND created_at < $2 LIMIT $3))

-- count_leavers --
-- role: hub_system
-- Students of the school $1 who were deleted before $2, and not erased.
SELECT count(*) FROM students WHERE school_id = $1 AND deleted_at < $2 AND erased_at IS NULL

-- leavers --
-- The next $2 of them, whom nobody changes meanwhile.
SELECT id, email FROM students WHERE deleted_at < $1 AND erased_at IS NULL ORDER BY deleted_at LIMIT $2
FOR UPDATE SKIP LOCKED

-- lately_erased --
-- role: hub_system
-- Who was erased in the last $1 days: what was in a journal then may have come since.
SELECT student_id, school_id, erased_at FROM student_keys WHERE erased_at > now() - make_interval(days => $1) ORDER BY 2, 1
