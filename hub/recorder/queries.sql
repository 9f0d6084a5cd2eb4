-- create_stage --
-- role: hub_system
-- Where a batch of the drain lands before it is known which scans are new; one a connection, emptied by each commit.
CREATE TEMP TABLE IF NOT EXISTS drain_stage (
    id uuid NOT NULL, student_id uuid, pass_id uuid, access_point_id uuid NOT NULL, school_id uuid NOT NULL,
    access_time timestamptz NOT NULL, access_type text, status text NOT NULL, reason text, device_info jsonb,
    lookup_key bytea, received_at timestamptz NOT NULL, reader_time timestamptz, skew_ms integer,
    stale boolean NOT NULL, offline boolean NOT NULL, hub_status text, hub_reason text,
    reader_status text, reader_reason text, recorded_by uuid, recorder_id uuid NOT NULL, stream_seq bigint NOT NULL
) ON COMMIT DELETE ROWS

-- claim_all --
-- role: hub_system
-- needs: create_stage
-- Take the identity of every staged scan that was never seen; fewer rows than staged mean that some were.
INSERT INTO scan_ids (device_id, scan_id, access_time)
SELECT access_point_id, id, access_time FROM drain_stage
ON CONFLICT DO NOTHING

-- add_staged --
-- role: hub_system
-- needs: create_stage
-- All staged scans go into the log.
INSERT INTO access_logs (
    id, student_id, pass_id, access_point_id, school_id, access_time, access_type, status, reason, device_info,
    lookup_key, received_at, reader_time, skew_ms, stale, offline, hub_status, hub_reason,
    reader_status, reader_reason, conflict, recorded_by, recorder_id, stream_seq
)
SELECT s.id, s.student_id, s.pass_id, s.access_point_id, s.school_id, s.access_time, s.access_type, s.status, s.reason,
    s.device_info, s.lookup_key, s.received_at, s.reader_time, s.skew_ms, s.stale, s.offline, s.hub_status,
    s.hub_reason, s.reader_status, s.reader_reason, s.hub_status IS DISTINCT FROM s.reader_status AND s.offline,
    s.recorded_by, s.recorder_id, s.stream_seq
FROM drain_stage s

-- add_new_scans --
-- role: hub_system
-- needs: create_stage
-- Of the staged scans, only those whose identity was never seen. Slower than the two above, and seldom needed.
WITH fresh AS (
    {claim_all}
    RETURNING device_id, scan_id, access_time
)
{add_staged}
JOIN fresh f ON f.scan_id = s.id AND f.device_id = s.access_point_id AND f.access_time = s.access_time

-- merge_replays_of_known_scans --
-- role: hub_system
-- needs: create_stage
-- A replayed scan that the log has from another recorder, or from before the journal's retention: the reader's account
-- is put beside it. The row that this very batch wrote is not touched.
UPDATE access_logs l
SET reader_status = s.reader_status, reader_reason = s.reader_reason, reader_time = s.reader_time,
    skew_ms = s.skew_ms, conflict = s.reader_status <> l.status OR s.reader_status <> COALESCE(l.hub_status, l.status),
    recorded_by = COALESCE(s.recorded_by, l.recorded_by)
FROM drain_stage s
JOIN scan_ids i ON i.device_id = s.access_point_id AND i.scan_id = s.id
WHERE s.reader_status IS NOT NULL
  AND l.access_time = i.access_time AND l.id = s.id AND l.access_point_id = s.access_point_id
  AND (l.recorder_id, l.stream_seq) IS DISTINCT FROM (s.recorder_id, s.stream_seq)

-- amend --
-- role: hub_system
-- The reader was told something else than was recorded.
UPDATE access_logs SET status = $4, reason = $5
WHERE access_time = $1 AND id = $2 AND access_point_id = $3

-- merge --
-- role: hub_system
-- What a reader says it did with a scan that the hub had answered.
UPDATE access_logs
SET reader_status = $4, reader_reason = $5, reader_time = $6, skew_ms = $7, conflict = $8,
    recorded_by = COALESCE($9, recorded_by)
WHERE access_time = $1 AND id = $2 AND access_point_id = $3

-- annul --
-- role: hub_system
-- Nobody passed after a scan, whether the log has it yet or another host is still to bring it. The first one counts.
INSERT INTO scan_annulments (device_id, scan_id, school_id, annulled_at, annulled_by, reason)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (device_id, scan_id) DO NOTHING

-- add_amending --
-- role: hub_system
-- A scan of before as it is known by now, at its own place in the stream.
INSERT INTO stream_amendments (recorder_id, school_id, stream_seq, device_id, scan_id, access_time, status, reason,
    access_type, lookup_key, pass_id, student_id, stale, offline, annulled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT DO NOTHING

-- count_uses --
-- role: hub_system
-- Scans that each used up one of a limited pass's uses; one that was counted before is not counted again.
SELECT hub_count_uses($1, $2, $3, $4)

-- return_uses --
-- role: hub_system
-- Of these scans, those that were counted are no uses after all.
SELECT hub_return_uses($1, $2)

-- note_heads --
-- role: hub_system
-- How far access_logs holds each school's stream of a recorder; it never goes back.
INSERT INTO stream_heads (recorder_id, school_id, stream_seq)
SELECT $1, h.school_id, h.stream_seq FROM unnest($2::uuid[], $3::bigint[]) AS h (school_id, stream_seq)
ON CONFLICT (school_id, recorder_id) DO UPDATE
SET stream_seq = greatest(stream_heads.stream_seq, excluded.stream_seq), updated_at = now()

-- reject --
-- role: hub_system
-- A scan that PostgreSQL refuses is kept as it was journaled, with the refusal; once, however often it is drained.
INSERT INTO access_logs_rejected (recorder_id, journal_row, entry, error)
SELECT $1, $2, $3, $4
WHERE NOT EXISTS (SELECT FROM access_logs_rejected WHERE recorder_id = $1 AND journal_row = $2 AND entry = $3)

-- open_rejects --
-- role: hub_system
-- What PostgreSQL refused and nobody has replayed yet, oldest first.
SELECT id, recorder_id, journal_row, entry, error, rejected_at::text AS rejected_at
FROM access_logs_rejected WHERE replayed_at IS NULL AND ($1::bigint[] IS NULL OR id = ANY ($1::bigint[])) ORDER BY id

-- note_late --
-- role: hub_system
-- The scan $1 of the door $2 comes into the log with a number that its stream has long passed: whoever counts by these
-- numbers is told.
INSERT INTO access_log_changes (kind, scan_id, access_point_id, access_time, recorder_id, stream_seq)
SELECT 'late', $1, $2, i.access_time, $3, $4 FROM scan_ids i WHERE i.device_id = $2 AND i.scan_id = $1

-- settle_reject --
-- role: hub_system
-- It is in the log now.
UPDATE access_logs_rejected SET replayed_at = now() WHERE id = $1

-- add_audit_rows --
-- role: hub_system
-- Audit rows from the journal; one that the log has, because the way here was cut, is left as it is.
INSERT INTO audit_logs (
    id, created_at, school_id, user_id, action, resource_type, resource_id, old_values, new_values, ip_address,
    user_agent, request_id, subject_id, personal, salt
)
SELECT n.id, n.created_at, n.school_id, n.user_id, n.action, n.resource_type, n.resource_id, n.old_values::jsonb,
    n.new_values::jsonb, n.ip_address::inet, n.user_agent, n.request_id, n.subject_id, n.personal, n.salt
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::uuid[], $14::bytea[], $15::bytea[])
    AS n (id, created_at, school_id, user_id, action, resource_type, resource_id, old_values, new_values, ip_address,
        user_agent, request_id, subject_id, personal, salt)
ON CONFLICT (created_at, id) DO NOTHING

-- reject_audit_row --
-- role: hub_system
-- An audit row that PostgreSQL refuses is kept as it was journaled, with the refusal.
INSERT INTO audit_logs_rejected (id, entry, error) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING
