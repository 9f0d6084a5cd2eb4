-- Numbers of a school, or of all, from what the jobs have counted. Nothing here reads the log.

-- zone --
-- The time zone of the school that this transaction sees.
SELECT timezone FROM schools WHERE id = $1

-- summary --
-- Students and passes of the school, each once.
SELECT total_students, active_students, inactive_students, graduated_students, suspended_students, total_passes,
    active_passes, inactive_passes, expired_passes, revoked_passes, standard_passes, temporary_passes, visitor_passes,
    as_of
FROM student_pass_summary_of_school

-- summary_of_all --
-- role: hub_admin
-- The same of all schools together.
SELECT sum(total_students)::bigint AS total_students, sum(active_students)::bigint AS active_students,
    sum(inactive_students)::bigint AS inactive_students, sum(graduated_students)::bigint AS graduated_students,
    sum(suspended_students)::bigint AS suspended_students, sum(total_passes)::bigint AS total_passes,
    sum(active_passes)::bigint AS active_passes, sum(inactive_passes)::bigint AS inactive_passes,
    sum(expired_passes)::bigint AS expired_passes, sum(revoked_passes)::bigint AS revoked_passes,
    sum(standard_passes)::bigint AS standard_passes, sum(temporary_passes)::bigint AS temporary_passes,
    sum(visitor_passes)::bigint AS visitor_passes, min(as_of) AS as_of
FROM student_pass_summary

-- counted_at --
-- When all that the log held was counted.
SELECT counted_at FROM access_counted_at

-- hours --
-- Scans by hour, from $1 until before $2.
SELECT hour, sum(entries)::bigint AS entries, sum(exits)::bigint AS exits, sum(undirected)::bigint AS undirected,
    sum(denied)::bigint AS denied, sum(annulled)::bigint AS annulled
FROM access_hourly_totals WHERE hour >= $1 AND hour < $2 GROUP BY hour ORDER BY hour

-- busiest_points --
-- Scans by access point, from the day $1 to the day $2; the $3 busiest first, with their names.
SELECT d.access_point_id, p.name, d.entries, d.exits, d.undirected, d.denied
FROM (
    SELECT access_point_id, sum(entries)::bigint AS entries, sum(exits)::bigint AS exits,
        sum(undirected)::bigint AS undirected, sum(denied)::bigint AS denied
    FROM access_daily_points WHERE day >= $1 AND day <= $2 GROUP BY access_point_id
) AS d LEFT JOIN access_points p ON p.id = d.access_point_id
WHERE d.access_point_id <> '00000000-0000-0000-0000-000000000000' AND d.entries + d.exits + d.undirected + d.denied > 0
ORDER BY d.entries + d.exits + d.undirected + d.denied DESC, d.access_point_id LIMIT $3

-- denials --
-- What was denied, by reason, from the day $1 to the day $2; the most frequent first.
SELECT reason, sum(denied)::bigint AS count FROM access_daily_denials WHERE day >= $1 AND day <= $2
GROUP BY reason HAVING sum(denied) > 0 ORDER BY sum(denied) DESC, reason

-- points_in_use --
-- How many access points there are.
SELECT count(*) FROM access_points WHERE deleted_at IS NULL AND is_active

-- not_seen --
-- Students who are here and whom no door of the school $1 has let through since before $2.
SELECT n.student_id AS id, n.since, n.seen_at, s.school_id, s.student_id, s.first_name, s.last_name, s.department_id,
    s.program, s.year_of_study
FROM student_last_seen n JOIN students s ON s.id = n.student_id
WHERE n.school_id = $1 AND n.here AND n.since < $2

-- count_not_seen --
-- How many they are in the school that this transaction sees.
SELECT hub_count_not_seen($1)

-- count_not_seen_of_all --
-- role: hub_admin
-- The same of all schools together.
SELECT count(*) FROM student_last_seen WHERE here AND since < $1
