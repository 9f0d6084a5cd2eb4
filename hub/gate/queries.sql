-- Scans as the log has them. Which school's is decided by row-level security.

-- find_scan --
-- The scans of an id, at the door $2 or at any: through the doors, because the log itself is in order of time.
SELECT l.access_point_id, l.school_id, l.status, l.received_at, l.id, l.access_time, l.access_type, l.reason,
    l.lookup_key, l.pass_id, l.student_id, l.stale, l.offline
FROM access_points p
JOIN scan_ids s ON s.device_id = p.id AND s.scan_id = $1
JOIN access_logs l ON l.access_time = s.access_time AND l.id = s.scan_id AND l.access_point_id = s.device_id
WHERE $2::uuid IS NULL OR p.id = $2
LIMIT 2

-- doors --
-- The door $1, or all doors that there are.
SELECT id FROM access_points WHERE $1::uuid IS NULL OR id = $1

-- note_readers --
-- role: hub_system
-- When devices' connections were heard last, and when they ended. What an older connection says of itself is too late.
INSERT INTO reader_presence AS p (access_point_id, school_id, connected_at, heard_at, gone_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[]) ORDER BY 1
ON CONFLICT (access_point_id) DO UPDATE
SET school_id = EXCLUDED.school_id, connected_at = EXCLUDED.connected_at, heard_at = EXCLUDED.heard_at,
    gone_at = EXCLUDED.gone_at
WHERE p.connected_at <= EXCLUDED.connected_at

-- use_ticket --
-- role: hub_system
-- A ticket is good once: whoever gets the row has it.
DELETE FROM reader_tickets WHERE hash = $1 AND expires_at > now() RETURNING access_point_id, user_id, session_id
