-- stream_heads --
-- role: hub_system
-- How far access_logs holds each recorder's stream, of the schools that have screens here.
SELECT school_id, recorder_id, stream_seq FROM stream_heads WHERE school_id = ANY ($1::uuid[])

-- stream_head --
-- role: hub_system
-- The same of one recorder and school.
SELECT stream_seq FROM stream_heads WHERE school_id = $1 AND recorder_id = $2

-- events_of_stream --
-- role: hub_system
-- Scans of one recorder and school by their numbers, $3 ≤ stream_seq < $4, and what amends some. Times in µs since 1970.
SELECT stream_seq, id, access_point_id, (extract(epoch FROM access_time) * 1000000)::bigint AS at, status, reason,
    access_type, lookup_key, pass_id, student_id, stale, offline, false AS amends, false AS annulled
FROM access_logs
WHERE recorder_id = $1 AND school_id = $2 AND stream_seq >= $3 AND stream_seq < $4
UNION ALL
SELECT stream_seq, scan_id, device_id, (extract(epoch FROM access_time) * 1000000)::bigint, status, reason,
    access_type, lookup_key, pass_id, student_id, stale, offline, true, annulled
FROM stream_amendments
WHERE recorder_id = $1 AND school_id = $2 AND stream_seq >= $3 AND stream_seq < $4
ORDER BY stream_seq

-- acknowledgements --
-- role: hub_system
-- What somebody has seen to, of some ids.
SELECT a.id, a.school_id, a.scan_id, a.access_point_id, d.name AS access_point, a.note, a.user_id,
    u.first_name || ' ' || u.last_name AS user_name, a.created_at
FROM acknowledgements a
JOIN access_points d ON d.id = a.access_point_id
JOIN users u ON u.id = a.user_id
WHERE a.id = ANY ($1::uuid[])
ORDER BY a.created_at, a.id

-- scans_before --
-- role: hub_system
-- Scans of the school $1 since $2, by door and, since $3, by minute: what was before the numbers that the streams of the
-- recorders $4 began with ($5).
SELECT l.access_point_id, m.minute, count(*) FILTER (WHERE l.status = 'granted') AS granted,
    count(*) FILTER (WHERE l.status = 'denied') AS denied, extract(epoch FROM max(l.received_at))::float8 AS last
FROM access_logs l
LEFT JOIN unnest($4::uuid[], $5::bigint[]) AS s (recorder_id, first) ON s.recorder_id = l.recorder_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN l.access_time >= $3 THEN floor(extract(epoch FROM l.access_time) / 60)::bigint END AS minute
) m
WHERE l.school_id = $1 AND l.access_time >= $2 AND l.access_point_id IS NOT NULL
    AND (l.recorder_id IS NULL OR l.stream_seq < s.first)
GROUP BY l.access_point_id, m.minute

-- readers_heard --
-- role: hub_system
-- When each door's reader of the school $1 was heard last, in µs since 1970.
SELECT access_point_id, (extract(epoch FROM COALESCE(gone_at, heard_at)) * 1000000)::bigint AS heard
FROM reader_presence WHERE school_id = $1
