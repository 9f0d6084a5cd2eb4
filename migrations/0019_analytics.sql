-- Numbers of a school that no request counts out of the log: scans by hour, when each student was seen last, and one
-- row a school of its students and passes.
--
-- A job adds up what the log has got since it last looked, by the recorders' cursors, and puts right what was changed in
-- rows that it had counted. Counts are added to and never counted anew: they outlive the months of the log.

-- ------------------------------------------------------------------------------------------------ words and hours

-- As what a scan counts. Reasons are the hub's own words: what a reader or a person wrote may be anything, or a name.
CREATE FUNCTION public.hub_counted_reason(status text, reason text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN status = 'granted' THEN ''
        WHEN reason IS NULL THEN 'not_said'
        WHEN reason IN ('malformed_code', 'bad_signature', 'unknown_pass', 'inactive_pass', 'not_yet_valid',
            'expired_pass', 'revoked_pass', 'student_inactive', 'student_suspended', 'wrong_school',
            'access_point_inactive', 'wrong_direction', 'scan_id_reused', 'stale_index', 'hub_unavailable',
            'school_inactive', 'uses_exhausted') THEN reason
        ELSE 'other'
    END;

-- Which way; of what was denied nobody went any.
CREATE FUNCTION public.hub_counted_type(status text, access_type text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN status = 'granted' THEN coalesce(access_type, '') ELSE '' END;

-- Where a school's hours begin, in minutes after those of UTC, as it was when its first scan was counted; and the zone in
-- which its days are counted. Kept, so that a scan that is counted differently afterwards is taken from the hour and the
-- day in which it was counted. A school that moves has its days added up anew out of the hours.
CREATE TABLE public.access_hours (
    school_id uuid CONSTRAINT access_hours_pkey PRIMARY KEY,
    minutes smallint NOT NULL,
    zone text NOT NULL,
    CONSTRAINT access_hours_minutes_check CHECK (minutes BETWEEN 0 AND 59)
);

CREATE FUNCTION public.hub_counted_hour(at timestamptz, minutes smallint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_bin(interval '1 hour', at,
                    timestamptz '2000-01-01 00:00:00+00' + coalesce(minutes, 0) * interval '1 minute');

-- --------------------------------------------------------------------------------------------------------- counts

-- `scans` holds the annulled ones too.
CREATE TABLE public.access_hourly (
    school_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    access_point_id uuid NOT NULL,
    access_type text NOT NULL,
    reason text NOT NULL,
    scans bigint NOT NULL,
    annulled bigint NOT NULL,
    CONSTRAINT access_hourly_pkey PRIMARY KEY (school_id, hour, access_point_id, access_type, reason)
) WITH (fillfactor = 80);

-- The same added up in the three ways in which it is asked for. A year of a school is a few thousand rows of each.
CREATE TABLE public.access_hourly_totals (
    school_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    entries bigint NOT NULL,
    exits bigint NOT NULL,
    undirected bigint NOT NULL,
    denied bigint NOT NULL,
    annulled bigint NOT NULL,
    CONSTRAINT access_hourly_totals_pkey PRIMARY KEY (school_id, hour)
) WITH (fillfactor = 80);

CREATE TABLE public.access_daily_points (
    school_id uuid NOT NULL,
    day date NOT NULL,
    access_point_id uuid NOT NULL,
    entries bigint NOT NULL,
    exits bigint NOT NULL,
    undirected bigint NOT NULL,
    denied bigint NOT NULL,
    CONSTRAINT access_daily_points_pkey PRIMARY KEY (school_id, day, access_point_id)
) WITH (fillfactor = 80);

CREATE TABLE public.access_daily_denials (
    school_id uuid NOT NULL,
    day date NOT NULL,
    reason text NOT NULL,
    denied bigint NOT NULL,
    CONSTRAINT access_daily_denials_pkey PRIMARY KEY (school_id, day, reason)
) WITH (fillfactor = 80);

-- All schools at once: rows come in the order of their times.
CREATE INDEX idx_access_hourly_totals_hour ON public.access_hourly_totals USING brin (hour);
CREATE INDEX idx_access_daily_points_day ON public.access_daily_points USING brin (day);
CREATE INDEX idx_access_daily_denials_day ON public.access_daily_denials USING brin (day);

-- Up to where each recorder's stream of each school is counted.
CREATE TABLE public.access_counted (
    school_id uuid NOT NULL,
    recorder_id uuid NOT NULL,
    stream_seq bigint NOT NULL,
    CONSTRAINT access_counted_pkey PRIMARY KEY (school_id, recorder_id)
) WITH (fillfactor = 50);

-- When all that the log held was counted; one row.
CREATE TABLE public.access_counted_at (
    only_row boolean CONSTRAINT access_counted_at_pkey PRIMARY KEY DEFAULT true,
    counted_at timestamptz,
    CONSTRAINT access_counted_at_only_row_check CHECK (only_row)
);

-- What became of scans that may be counted already: their reader was told something else (`status` and `reason` as they
-- were counted), nobody passed, or they came into the log behind the cursor (`recorder_id` and `stream_seq`). Emptied by the job.
CREATE TABLE public.access_log_changes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT access_log_changes_pkey PRIMARY KEY,
    kind text NOT NULL,
    access_point_id uuid NOT NULL,
    scan_id uuid NOT NULL,
    access_time timestamptz,
    status text,
    reason text,
    recorder_id uuid,
    stream_seq bigint,
    CONSTRAINT access_log_changes_kind_check CHECK (kind IN ('amended', 'annulled', 'late'))
);

CREATE FUNCTION public.hub_note_amended_scans() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.access_log_changes (kind, access_point_id, scan_id, access_time, status, reason)
    SELECT 'amended', b.access_point_id, b.id, b.access_time, b.status, public.hub_counted_reason(b.status, b.reason)
    FROM before AS b JOIN after AS a ON a.access_time = b.access_time AND a.id = b.id
    WHERE b.access_point_id IS NOT NULL AND (a.status, public.hub_counted_reason(a.status, a.reason))
        IS DISTINCT FROM (b.status, public.hub_counted_reason(b.status, b.reason));
    RETURN NULL;
END
$$;

CREATE TRIGGER note_amended_scans AFTER UPDATE ON public.access_logs REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_amended_scans();

CREATE FUNCTION public.hub_note_annulled_scans() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.access_log_changes (kind, access_point_id, scan_id)
    SELECT 'annulled', a.device_id, a.scan_id FROM after AS a;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_annulled_scans AFTER INSERT ON public.scan_annulments REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_annulled_scans();

-- ------------------------------------------------------------------------------------------------------- last seen

-- A row a student: when a door last let them through. `here`: neither deleted nor suspended, graduated or inactive;
-- `since`: seen then, or made and never seen.
CREATE TABLE public.student_last_seen (
    student_id uuid CONSTRAINT student_last_seen_pkey PRIMARY KEY
        CONSTRAINT student_last_seen_student_id_fkey REFERENCES public.students (id) ON DELETE CASCADE,
    school_id uuid NOT NULL,
    here boolean NOT NULL,
    made_at timestamptz NOT NULL,
    seen_at timestamptz,
    since timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(seen_at, made_at)) STORED
) WITH (fillfactor = 80);

CREATE INDEX idx_student_last_seen_since ON public.student_last_seen (school_id, since, student_id) WHERE here;

CREATE FUNCTION public.hub_note_new_students() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.student_last_seen (student_id, school_id, here, made_at)
    SELECT a.id, a.school_id, a.deleted_at IS NULL AND a.status = 'active', a.created_at FROM after AS a
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_new_students AFTER INSERT ON public.students REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_new_students();

-- How many of this transaction's school are here and not seen since. A policy is asked about each row, which for a large
-- school takes longer than all the rest of its numbers; this keeps to hub.school_id itself, and finds nobody without.
CREATE FUNCTION public.hub_count_not_seen(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    school constant uuid := public.hub_current_school();
BEGIN
    RETURN (SELECT count(*) FROM public.student_last_seen AS l
            WHERE l.school_id = school AND l.here AND l.since < before);
END
$$;

-- Who was erased leaves no times here either. Planned anew each time: a plan that was kept from a change of one row would
-- compare each of a hundred thousand with each.
CREATE FUNCTION public.hub_note_changed_students() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE $change$
        UPDATE public.student_last_seen AS l SET here = a.deleted_at IS NULL AND a.status = 'active'
        FROM after AS a JOIN before AS b ON b.id = a.id
        WHERE l.student_id = a.id AND (a.deleted_at IS NULL, a.status) IS DISTINCT FROM (b.deleted_at IS NULL, b.status)
    $change$;
    EXECUTE $erased$
        DELETE FROM public.student_last_seen AS l USING after AS a
        WHERE l.student_id = a.id AND a.erased_at IS NOT NULL
    $erased$;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_changed_students AFTER UPDATE ON public.students
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_changed_students();

-- --------------------------------------------------------------------------------------------- students and passes

-- The source's view. There a student counts once for each pass; here each counts once, with whatever status, and passes
-- are counted apart: those of visitors too, those of deleted students not.
CREATE MATERIALIZED VIEW public.student_pass_summary AS
SELECT c.id AS school_id,
    coalesce(s.total, 0) AS total_students,
    coalesce(s.active, 0) AS active_students,
    coalesce(s.inactive, 0) AS inactive_students,
    coalesce(s.graduated, 0) AS graduated_students,
    coalesce(s.suspended, 0) AS suspended_students,
    coalesce(p.total, 0) AS total_passes,
    coalesce(p.active, 0) AS active_passes,
    coalesce(p.inactive, 0) AS inactive_passes,
    coalesce(p.expired, 0) AS expired_passes,
    coalesce(p.revoked, 0) AS revoked_passes,
    coalesce(p.standard, 0) AS standard_passes,
    coalesce(p.temporary, 0) AS temporary_passes,
    coalesce(p.visitor, 0) AS visitor_passes,
    now() AS as_of
FROM public.schools AS c
LEFT JOIN (
    SELECT school_id, count(*) AS total, count(*) FILTER (WHERE status = 'active') AS active,
        count(*) FILTER (WHERE status = 'inactive') AS inactive,
        count(*) FILTER (WHERE status = 'graduated') AS graduated,
        count(*) FILTER (WHERE status = 'suspended') AS suspended
    FROM public.students WHERE deleted_at IS NULL GROUP BY school_id
) AS s ON s.school_id = c.id
LEFT JOIN (
    SELECT p.school_id, count(*) AS total, count(*) FILTER (WHERE p.status = 'active') AS active,
        count(*) FILTER (WHERE p.status = 'inactive') AS inactive,
        count(*) FILTER (WHERE p.status = 'expired') AS expired,
        count(*) FILTER (WHERE p.status = 'revoked') AS revoked,
        count(*) FILTER (WHERE p.pass_type = 'standard') AS standard,
        count(*) FILTER (WHERE p.pass_type = 'temporary') AS temporary,
        count(*) FILTER (WHERE p.pass_type = 'visitor') AS visitor
    FROM public.passes AS p LEFT JOIN public.students AS s ON s.id = p.student_id
    WHERE s.deleted_at IS NULL GROUP BY p.school_id
) AS p ON p.school_id = c.id;

CREATE UNIQUE INDEX student_pass_summary_school_id_key ON public.student_pass_summary (school_id);

-- Row-level security does not reach a materialized view: requests of a school get their row through this function, and
-- have no right to the view itself.
CREATE FUNCTION public.hub_student_pass_summary() RETURNS SETOF public.student_pass_summary
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
    BEGIN ATOMIC
        SELECT v.* FROM public.student_pass_summary AS v WHERE v.school_id = public.hub_current_school();
    END;

CREATE VIEW public.student_pass_summary_of_school WITH (security_invoker = true) AS
SELECT * FROM public.hub_student_pass_summary();

CREATE FUNCTION public.hub_refresh_summary() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY public.student_pass_summary;
END
$$;

-- ---------------------------------------------------------------------------------------------------------- badges

-- What the head of a printed badge is coloured with.
ALTER TABLE public.pass_templates
    ADD COLUMN color varchar(7) NOT NULL DEFAULT '#1f4e79',
    ADD CONSTRAINT pass_templates_color_check CHECK (color ~ '^#[0-9a-f]{6}$');

-- -------------------------------------------------------------------------------------------- policies and grants

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['access_hourly', 'access_hourly_totals', 'access_daily_points',
                                    'access_daily_denials', 'access_hours', 'student_last_seen'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I FOR SELECT TO hub_api'
                       ' USING (school_id = public.hub_current_school())', relation || '_of_school', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I FOR SELECT TO hub_admin USING (true)',
                       relation || '_of_admin', relation);
        EXECUTE format('GRANT SELECT ON public.%I TO hub_api, hub_admin', relation);
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['access_hourly', 'access_hourly_totals', 'access_daily_points',
                                    'access_daily_denials', 'access_hours', 'student_last_seen', 'access_counted',
                                    'access_counted_at', 'access_log_changes'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
    -- The view is refreshed as its owner, by way of a temporary table.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO hub_definer', current_database());
END
$$;

CREATE POLICY access_counted_at_of_all ON public.access_counted_at FOR SELECT TO hub_api, hub_admin USING (true);
CREATE POLICY student_last_seen_of_definer ON public.student_last_seen TO hub_definer USING (true);
CREATE POLICY access_log_changes_of_definer ON public.access_log_changes FOR INSERT TO hub_definer WITH CHECK (true);

GRANT SELECT ON public.access_counted_at TO hub_api, hub_admin;
GRANT SELECT, INSERT, UPDATE ON public.access_hourly, public.access_hourly_totals, public.access_daily_points,
    public.access_daily_denials, public.access_hours, public.access_counted, public.access_counted_at TO hub_system;
GRANT DELETE ON public.access_daily_points, public.access_daily_denials TO hub_system;
GRANT SELECT, INSERT, DELETE ON public.access_log_changes TO hub_system;
GRANT SELECT, UPDATE ON public.student_last_seen TO hub_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.student_last_seen TO hub_definer;
GRANT INSERT ON public.access_log_changes TO hub_definer;
GRANT SELECT (status) ON public.students TO hub_definer;
GRANT SELECT (student_id, pass_type) ON public.passes TO hub_definer;
GRANT SELECT ON public.student_pass_summary TO hub_admin;
GRANT SELECT ON public.student_pass_summary_of_school TO hub_api;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner must have it while becoming one
ALTER MATERIALIZED VIEW public.student_pass_summary OWNER TO hub_definer;
ALTER FUNCTION public.hub_student_pass_summary() OWNER TO hub_definer;
ALTER FUNCTION public.hub_refresh_summary() OWNER TO hub_definer;
ALTER FUNCTION public.hub_count_not_seen(timestamptz) OWNER TO hub_definer;
ALTER FUNCTION public.hub_note_amended_scans() OWNER TO hub_definer;
ALTER FUNCTION public.hub_note_annulled_scans() OWNER TO hub_definer;
ALTER FUNCTION public.hub_note_new_students() OWNER TO hub_definer;
ALTER FUNCTION public.hub_note_changed_students() OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;

REVOKE EXECUTE ON FUNCTION public.hub_student_pass_summary(), public.hub_refresh_summary(),
    public.hub_count_not_seen(timestamptz),
    public.hub_note_amended_scans(), public.hub_note_annulled_scans(), public.hub_note_new_students(),
    public.hub_note_changed_students() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_student_pass_summary(), public.hub_count_not_seen(timestamptz) TO hub_api;
GRANT EXECUTE ON FUNCTION public.hub_refresh_summary() TO hub_system;

-- ---------------------------------------------------------------------------------------------- what is there already

GRANT INSERT ON public.student_last_seen TO hub_system;
SET LOCAL ROLE hub_system;
INSERT INTO public.student_last_seen (student_id, school_id, here, made_at)
SELECT id, school_id, deleted_at IS NULL AND status = 'active', created_at FROM public.students WHERE erased_at IS NULL;
RESET ROLE;
REVOKE INSERT ON public.student_last_seen FROM hub_system;
