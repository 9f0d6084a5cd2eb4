-- Scans by hour, and when each student was seen last: what is new in the log is added to what was counted before.

-- lock_counting --
-- role: hub_system
-- One run counts at a time; what it counts it sees after it has this.
SELECT pg_try_advisory_xact_lock(hashtext('hub.access_counted'))

-- schools_to_place --
-- role: hub_system
-- Schools of which nobody has said yet where their hours and days begin, or that are in another time zone by now.
SELECT s.id, s.timezone, h.zone FROM schools s LEFT JOIN access_hours h ON h.school_id = s.id
WHERE h.zone IS NULL OR h.zone <> s.timezone

-- place_school --
-- role: hub_system
-- Hours of the school $1 begin $2 minutes after those of UTC; its days are those of the zone $3. The minutes stay what
-- they were.
INSERT INTO access_hours (school_id, minutes, zone) VALUES ($1, $2, $3)
ON CONFLICT (school_id) DO UPDATE SET zone = excluded.zone

-- forget_days_of_points --
-- role: hub_system
-- The school $1 is in another zone: its days are added up anew.
DELETE FROM access_daily_points WHERE school_id = $1

-- forget_days_of_denials --
-- role: hub_system
-- The same of its denials.
DELETE FROM access_daily_denials WHERE school_id = $1

-- add_days_of_points --
-- role: hub_system
-- Days of the school $1, out of its hours.
INSERT INTO access_daily_points (school_id, day, access_point_id, entries, exits, undirected, denied)
SELECT h.school_id, (h.hour AT TIME ZONE o.zone)::date, h.access_point_id,
    coalesce(sum(scans - annulled) FILTER (WHERE reason = '' AND access_type = 'entry'), 0),
    coalesce(sum(scans - annulled) FILTER (WHERE reason = '' AND access_type = 'exit'), 0),
    coalesce(sum(scans - annulled) FILTER (WHERE reason = '' AND access_type = ''), 0),
    coalesce(sum(scans - annulled) FILTER (WHERE reason <> ''), 0)
FROM access_hourly h JOIN access_hours o ON o.school_id = h.school_id
WHERE h.school_id = $1 GROUP BY 1, 2, 3

-- add_days_of_denials --
-- role: hub_system
-- The same of its denials.
INSERT INTO access_daily_denials (school_id, day, reason, denied)
SELECT h.school_id, (h.hour AT TIME ZONE o.zone)::date, h.reason, sum(h.scans - h.annulled)
FROM access_hourly h JOIN access_hours o ON o.school_id = h.school_id
WHERE h.school_id = $1 AND h.reason <> '' GROUP BY 1, 2, 3

-- count_scans --
-- role: hub_system
-- One step, in one statement and so with one view of all tables: up to $1 scans a stream and about as many in all, and
-- what became of those that were counted in earlier steps. How many scans it counted, and whether there is more.
--
-- A change is taken away here by the step that first sees it. If that very step also counts its scan, it counts it as it
-- is now; otherwise the scan was counted by a step that did not see the change, and so as it was before.
WITH changes AS (
    DELETE FROM access_log_changes RETURNING id, kind, access_point_id, scan_id, access_time, status, reason,
        recorder_id, stream_seq
), waiting AS (
    SELECT h.school_id, h.recorder_id, coalesce(c.stream_seq, -1) AS counted, h.stream_seq AS head,
        least(h.stream_seq, coalesce(c.stream_seq, -1) + $1::bigint) AS upto
    FROM stream_heads h LEFT JOIN access_counted c ON c.school_id = h.school_id AND c.recorder_id = h.recorder_id
    WHERE h.stream_seq > coalesce(c.stream_seq, -1)
), taken AS (
    SELECT * FROM (
        SELECT w.*, sum(w.upto - w.counted) OVER (ORDER BY w.school_id, w.recorder_id) - (w.upto - w.counted) AS before
        FROM waiting w) w
    WHERE w.before < $1
), fresh AS (
    SELECT t.school_id, l.access_point_id, l.student_id, l.access_time,
        hub_counted_hour(l.access_time, o.minutes) AS hour, hub_counted_type(l.status, l.access_type) AS access_type,
        hub_counted_reason(l.status, l.reason) AS reason, a.scan_id IS NOT NULL AS annulled
    FROM taken t
    CROSS JOIN LATERAL (
        SELECT l.id, coalesce(l.access_point_id, uuid_nil.nil) AS access_point_id, l.student_id, l.access_time,
            l.access_type, l.status, l.reason
        FROM access_logs l CROSS JOIN (SELECT '00000000-0000-0000-0000-000000000000'::uuid AS nil) AS uuid_nil
        WHERE l.recorder_id = t.recorder_id AND l.school_id = t.school_id
            AND l.stream_seq > t.counted AND l.stream_seq <= t.upto
        OFFSET 0  -- a look-up for each stream, by its index, and no join
    ) AS l
    LEFT JOIN access_hours o ON o.school_id = t.school_id
    LEFT JOIN scan_annulments a ON a.device_id = l.access_point_id AND a.scan_id = l.id
), changed AS (
    SELECT g.access_point_id, g.scan_id, max(g.access_time) AS access_time,
        bool_or(g.kind = 'annulled') AS annulled,
        (array_agg(g.status ORDER BY g.id) FILTER (WHERE g.kind = 'amended'))[1] AS status,
        (array_agg(g.reason ORDER BY g.id) FILTER (WHERE g.kind = 'amended'))[1] AS reason,
        (array_agg(g.recorder_id ORDER BY g.id) FILTER (WHERE g.kind = 'late'))[1] AS recorder_id,
        (array_agg(g.stream_seq ORDER BY g.id) FILTER (WHERE g.kind = 'late'))[1] AS stream_seq
    FROM changes g GROUP BY g.access_point_id, g.scan_id
), placed AS (
    SELECT g.*, coalesce(g.access_time, i.access_time) AS at
    FROM changed g LEFT JOIN scan_ids i ON i.device_id = g.access_point_id AND i.scan_id = g.scan_id
), recounted AS (
    SELECT l.school_id, l.access_point_id, l.student_id, l.access_time,
        hub_counted_hour(l.access_time, o.minutes) AS hour,
        (l.recorder_id, l.stream_seq) IS NOT DISTINCT FROM (g.recorder_id, g.stream_seq) AS late,
        hub_counted_type(coalesce(g.status, l.status), l.access_type) AS old_type,
        coalesce(g.reason, hub_counted_reason(l.status, l.reason)) AS old_reason,
        a.scan_id IS NOT NULL AND NOT g.annulled AS old_annulled,
        hub_counted_type(l.status, l.access_type) AS access_type, hub_counted_reason(l.status, l.reason) AS reason,
        a.scan_id IS NOT NULL AS annulled
    FROM placed g
    JOIN access_logs l ON l.access_time = g.at AND l.id = g.scan_id AND l.access_point_id = g.access_point_id
    JOIN access_counted c
        ON c.school_id = l.school_id AND c.recorder_id = l.recorder_id AND c.stream_seq >= l.stream_seq
    LEFT JOIN access_hours o ON o.school_id = l.school_id
    LEFT JOIN scan_annulments a ON a.device_id = l.access_point_id AND a.scan_id = l.id
), differences AS (
    SELECT school_id, hour, access_point_id, access_type, reason, count(*) AS scans,
        count(*) FILTER (WHERE annulled) AS annulled
    FROM fresh GROUP BY school_id, hour, access_point_id, access_type, reason
    UNION ALL
    SELECT school_id, hour, access_point_id, old_type, old_reason, -1, -old_annulled::integer
    FROM recounted WHERE NOT late
    UNION ALL
    SELECT school_id, hour, access_point_id, access_type, reason, 1, annulled::integer FROM recounted
), summed AS (
    SELECT d.school_id, d.hour, d.access_point_id, d.access_type, d.reason, sum(d.scans) AS scans,
        sum(d.annulled) AS annulled
    FROM differences d GROUP BY d.school_id, d.hour, d.access_point_id, d.access_type, d.reason
    HAVING sum(d.scans) <> 0 OR sum(d.annulled) <> 0
), added AS (
    INSERT INTO access_hourly AS h (school_id, hour, access_point_id, access_type, reason, scans, annulled)
    SELECT school_id, hour, access_point_id, access_type, reason, scans, annulled FROM summed
    ON CONFLICT (school_id, hour, access_point_id, access_type, reason) DO UPDATE
    SET scans = h.scans + excluded.scans, annulled = h.annulled + excluded.annulled
), passed AS (
    SELECT s.school_id, s.hour, (s.hour AT TIME ZONE coalesce(o.zone, 'UTC'))::date AS day, s.access_point_id, s.reason,
        CASE WHEN s.reason = '' AND s.access_type = 'entry' THEN s.scans - s.annulled ELSE 0 END AS entries,
        CASE WHEN s.reason = '' AND s.access_type = 'exit' THEN s.scans - s.annulled ELSE 0 END AS exits,
        CASE WHEN s.reason = '' AND s.access_type = '' THEN s.scans - s.annulled ELSE 0 END AS undirected,
        CASE WHEN s.reason <> '' THEN s.scans - s.annulled ELSE 0 END AS denied, s.annulled
    FROM summed s LEFT JOIN access_hours o ON o.school_id = s.school_id
), hours AS (
    INSERT INTO access_hourly_totals AS h (school_id, hour, entries, exits, undirected, denied, annulled)
    SELECT school_id, hour, sum(entries), sum(exits), sum(undirected), sum(denied), sum(annulled)
    FROM passed GROUP BY school_id, hour
    ON CONFLICT (school_id, hour) DO UPDATE
    SET entries = h.entries + excluded.entries, exits = h.exits + excluded.exits,
        undirected = h.undirected + excluded.undirected, denied = h.denied + excluded.denied,
        annulled = h.annulled + excluded.annulled
), points AS (
    INSERT INTO access_daily_points AS p (school_id, day, access_point_id, entries, exits, undirected, denied)
    SELECT school_id, day, access_point_id, sum(entries), sum(exits), sum(undirected), sum(denied)
    FROM passed GROUP BY school_id, day, access_point_id
    ON CONFLICT (school_id, day, access_point_id) DO UPDATE
    SET entries = p.entries + excluded.entries, exits = p.exits + excluded.exits,
        undirected = p.undirected + excluded.undirected, denied = p.denied + excluded.denied
), denials AS (
    INSERT INTO access_daily_denials AS d (school_id, day, reason, denied)
    SELECT school_id, day, reason, sum(denied) FROM passed WHERE reason <> '' GROUP BY school_id, day, reason
    ON CONFLICT (school_id, day, reason) DO UPDATE SET denied = d.denied + excluded.denied
), sightings AS (
    SELECT student_id, school_id, access_time AS at, false AS lost FROM fresh WHERE reason = '' AND NOT annulled
    UNION ALL
    SELECT student_id, school_id, access_time, false FROM recounted WHERE reason = '' AND NOT annulled
    UNION ALL
    SELECT student_id, school_id, NULL, true FROM recounted WHERE reason <> '' OR annulled
), sighted AS (
    SELECT s.student_id, s.school_id, bool_or(s.lost) AS lost, max(s.at) AS at
    FROM sightings s WHERE s.student_id IS NOT NULL GROUP BY s.student_id, s.school_id
), seen AS (
    UPDATE student_last_seen AS s SET seen_at = n.at
    FROM (
        SELECT n.student_id, n.school_id, n.lost, CASE WHEN n.lost THEN (
            SELECT max(l.access_time) FROM access_logs l
            WHERE l.student_id = n.student_id AND l.status = 'granted' AND NOT EXISTS (
                SELECT FROM scan_annulments a WHERE a.device_id = l.access_point_id AND a.scan_id = l.id)
        ) ELSE n.at END AS at
        FROM sighted n) AS n
    WHERE s.student_id = n.student_id AND s.school_id = n.school_id
        AND s.seen_at IS DISTINCT FROM n.at AND (n.lost OR s.seen_at IS NULL OR n.at > s.seen_at)
), moved AS (
    INSERT INTO access_counted AS c (school_id, recorder_id, stream_seq)
    SELECT school_id, recorder_id, upto FROM taken
    ON CONFLICT (school_id, recorder_id) DO UPDATE SET stream_seq = excluded.stream_seq
)
SELECT (SELECT count(*) FROM fresh) AS scans,
    (SELECT count(*) FROM waiting) > (SELECT count(*) FROM taken WHERE upto = head) AS more

-- note_counted --
-- role: hub_system
-- All that the log held when this transaction began is counted.
INSERT INTO access_counted_at (counted_at) VALUES (now())
ON CONFLICT (only_row) DO UPDATE SET counted_at = excluded.counted_at

-- refresh_summary --
-- role: hub_system
-- Students and passes of each school, counted anew; whoever reads meanwhile reads what was there.
SELECT hub_refresh_summary()
