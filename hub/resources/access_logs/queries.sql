-- The access log. Which school's is decided by row-level security.

-- list_logs --
-- What the listing filters and sorts.
SELECT l.id, l.school_id, l.student_id, l.pass_id, l.access_point_id, l.access_time, l.access_type, l.status, l.reason,
    l.device_info, l.created_at, l.received_at, l.reader_time, l.skew_ms, l.stale, l.offline, l.hub_status,
    l.hub_reason, l.reader_status, l.reader_reason, l.conflict, l.recorded_by, a.annulled_at, a.annulled_by,
    a.reason AS annul_reason
FROM access_logs l
LEFT JOIN scan_annulments a ON a.device_id = l.access_point_id AND a.scan_id = l.id

-- get_log --
-- The scan of an id: its door and its id tell its time, and the time the month to look in.
SELECT list.* FROM ({list_logs}) AS list
JOIN scan_ids s ON s.device_id = list.access_point_id AND s.scan_id = list.id AND s.access_time = list.access_time
WHERE s.scan_id = $1 AND s.device_id IN (SELECT id FROM access_points)
ORDER BY list.received_at DESC LIMIT 1

-- get_old_log --
-- The scan of an id that scan_ids has forgotten: months that are over have an index of ids.
{list_logs} WHERE l.id = $1 AND l.access_time < date_trunc('month', now()) ORDER BY l.received_at DESC LIMIT 1

-- door --
-- The access point at which somebody is let in; `direction`: the one that it has, or null for both.
SELECT id, school_id, nullif(access_type, 'both') AS direction FROM access_points WHERE id = $1 AND deleted_at IS NULL

-- pass_shown --
-- A pass and whose it is, unless its student was deleted.
SELECT p.id, p.school_id, p.student_id, p.lookup_key, p.max_uses FROM passes p
LEFT JOIN students s ON s.id = p.student_id
WHERE p.id = $1 AND s.deleted_at IS NULL

-- student_shown --
-- A student with the pass that would most likely have been shown, if there is any.
SELECT p.id, s.school_id, s.id AS student_id, p.lookup_key, p.max_uses FROM students s
LEFT JOIN LATERAL (
    SELECT id, lookup_key, max_uses FROM passes WHERE student_id = s.id
    ORDER BY status = 'active' DESC, expiry_date DESC, id LIMIT 1
) p ON true
WHERE s.id = $1 AND s.deleted_at IS NULL

-- count_logs --
-- How many scans there were from $2 until $3: by the column of time that they fall in, by door, and by reason.
SELECT
    CASE WHEN grouping(l.at) = 0 THEN 'time' WHEN grouping(l.access_point_id) = 0 THEN 'door' ELSE 'reason' END AS kind,
    l.at, l.access_point_id, l.status, l.reason, count(*) AS count
FROM (
    SELECT date_bin($1, access_time, date_trunc('day', $2::timestamptz, 'UTC')) AS at, access_point_id, status, reason
    FROM access_logs
    WHERE access_time >= $2 AND access_time < $3
) l
GROUP BY GROUPING SETS ((l.at, l.status), (l.access_point_id, l.status), (l.status, l.reason))
