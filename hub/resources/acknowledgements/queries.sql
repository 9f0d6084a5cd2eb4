-- Acknowledgements, and what is open. Which school's is decided by row-level security.

-- list_acknowledgements --
-- What a listing filters and sorts. Whoever belongs to no school is nameless to one.
SELECT a.id, a.school_id, a.scan_id, a.access_point_id, a.student_id, a.note, a.user_id, a.created_at,
    u.first_name || ' ' || u.last_name AS user_name
FROM acknowledgements a
LEFT JOIN users u ON u.id = a.user_id

-- get_acknowledgement --
-- One of them.
{list_acknowledgements} WHERE a.id = $1

-- scan_to_acknowledge --
-- The scan of an id, at whichever door of the school it was.
SELECT l.school_id, l.access_point_id, l.student_id FROM access_logs l
JOIN scan_ids s ON s.device_id = l.access_point_id AND s.scan_id = l.id AND s.access_time = l.access_time
WHERE s.scan_id = $1 AND s.device_id IN (SELECT id FROM access_points)
ORDER BY l.received_at DESC LIMIT 1

-- door_to_acknowledge --
-- A door.
SELECT school_id, id AS access_point_id, NULL::uuid AS student_id FROM access_points
WHERE id = $1 AND deleted_at IS NULL

-- add_acknowledgement --
-- Somebody has seen to it.
INSERT INTO acknowledgements (id, school_id, access_point_id, scan_id, student_id, user_id, note)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- hand_over --
-- Since $1: denials that nobody acknowledged, entries by hand, notes; and doors whose reader was there and has not been
-- heard of for $2 seconds, with nobody having acknowledged that. A door's time is when it was heard last.
SELECT i.id, i.kind, i.at, i.school_id, i.access_point_id, d.name AS access_point, i.scan_id, i.status, i.reason, i.note,
    i.student_id, s.first_name || ' ' || s.last_name AS student_name, s.photo_url IS NOT NULL AS has_photo,
    i.user_id, u.first_name || ' ' || u.last_name AS user_name
FROM (
    SELECT l.id, 'denial' AS kind, l.access_time AS at, l.school_id, l.access_point_id, l.id AS scan_id, l.status,
        l.reason, NULL AS note, l.student_id, NULL::uuid AS user_id
    FROM access_logs l
    WHERE l.status = 'denied' AND l.access_time >= $1 AND l.recorded_by IS NULL AND NOT EXISTS (
        SELECT FROM acknowledgements a WHERE a.access_point_id = l.access_point_id AND a.scan_id = l.id)
    UNION ALL
    SELECT l.id, 'entry', l.access_time, l.school_id, l.access_point_id, l.id, l.status, l.reason, NULL, l.student_id,
        l.recorded_by
    FROM access_logs l
    WHERE l.recorded_by IS NOT NULL AND l.access_time >= $1
    UNION ALL
    SELECT a.id, 'note', a.created_at, a.school_id, a.access_point_id, a.scan_id, NULL, NULL, a.note, a.student_id,
        a.user_id
    FROM acknowledgements a
    WHERE a.created_at >= $1
    UNION ALL
    SELECT p.access_point_id, 'door', coalesce(p.gone_at, p.heard_at), p.school_id, p.access_point_id, NULL, NULL,
        CASE WHEN p.gone_at IS NULL THEN 'silent' ELSE 'offline' END, NULL, NULL, NULL
    FROM reader_presence p
    WHERE (p.gone_at IS NOT NULL OR p.heard_at < now() - make_interval(secs => $2)) AND NOT EXISTS (
        SELECT FROM acknowledgements a
        WHERE a.access_point_id = p.access_point_id AND a.scan_id IS NULL
            AND a.created_at >= coalesce(p.gone_at, p.heard_at))
) i
JOIN access_points d ON d.id = i.access_point_id
LEFT JOIN students s ON s.id = i.student_id
LEFT JOIN users u ON u.id = i.user_id
WHERE i.kind <> 'door' OR d.is_active AND d.deleted_at IS NULL
