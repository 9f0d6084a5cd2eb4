-- Uses of passes, scans that are annulled, and lists of all students: what the record still owed.

-- ------------------------------------------------------------------------------------------------ uses of passes

-- A scan that was annulled is no use, whichever host brings it, and however late; hub_definer may read those since 0020.

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it
SET LOCAL ROLE hub_definer;

CREATE OR REPLACE FUNCTION public.hub_count_uses(devices uuid[], scans uuid[], passes uuid[], times timestamptz[])
    RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH added AS (
            INSERT INTO public.pass_uses (device_id, scan_id, pass_id, used_at)
            SELECT n.device_id, n.scan_id, n.pass_id, n.used_at
            FROM unnest(devices, scans, passes, times) AS n (device_id, scan_id, pass_id, used_at)
            JOIN public.passes AS p ON p.id = n.pass_id
            WHERE NOT EXISTS (SELECT FROM public.scan_annulments AS a
                              WHERE a.device_id = n.device_id AND a.scan_id = n.scan_id)
            ON CONFLICT DO NOTHING RETURNING pass_id)
        UPDATE public.passes AS p SET uses = p.uses + a.scans
        FROM (SELECT pass_id, count(*)::integer AS scans FROM added GROUP BY pass_id) AS a WHERE p.id = a.pass_id;
    END;

-- Made anew below, with other parameters.
DROP FUNCTION public.hub_search_students(jsonb, text, boolean, text, uuid, integer);
DROP FUNCTION public.hub_search_all_students(jsonb, text, boolean, text, uuid, integer);
DROP FUNCTION public.hub_found_students(text, jsonb, text, boolean, text, uuid, integer);
DROP FUNCTION public.hub_reads_in_lists(uuid);

RESET ROLE;

-- ------------------------------------------------------------------------------------------- what amends a scan

-- A scan of before as it was known later, at its own place in the stream of its recorder: for screens that were away.
CREATE TABLE public.stream_amendments (
    recorder_id uuid NOT NULL,
    school_id uuid NOT NULL,
    stream_seq bigint NOT NULL,
    device_id uuid NOT NULL,  -- access_points.id
    scan_id uuid NOT NULL,
    access_time timestamptz NOT NULL,
    status varchar(20) NOT NULL,
    reason varchar(255),
    access_type varchar(20),
    lookup_key bytea,
    pass_id uuid,
    student_id uuid,
    stale boolean NOT NULL,
    offline boolean NOT NULL,
    annulled boolean NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stream_amendments_pkey PRIMARY KEY (recorder_id, school_id, stream_seq)
);

CREATE POLICY stream_amendments_of_system ON public.stream_amendments TO hub_system USING (true);
ALTER TABLE public.stream_amendments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON public.stream_amendments TO hub_system;

-- ------------------------------------------------------------------------------------- students, found by anything

-- As before, with filters: [["program", "=", "Physics"], …], so that words and filters are found in the index together.
-- Of an e-mail address what stands before the @ is looked up: everybody in a school has the rest.
CREATE FUNCTION public.hub_found_students(
    whose text, patterns jsonb, filters jsonb, sort text, down boolean, value text, after uuid, most integer
) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    -- Only bitmaps of indexes are of use: whoever asks has walked along the order before.
    SET enable_seqscan = off SET enable_indexscan = off SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
    query text := 'SELECT s.id FROM public.students AS s WHERE s.deleted_at IS NULL' || whose;
BEGIN
    SELECT query || coalesce(string_agg(' AND (' || anyone.test || ')', ''), '') INTO query
    FROM jsonb_array_elements(patterns) AS word
    CROSS JOIN LATERAL (
        SELECT string_agg(CASE WHEN pattern ~ '[a-z0-9]{3}@[^%]'
            THEN format('s.search LIKE %L AND s.search || '''' LIKE %L', split_part(pattern, '@', 1) || '@%', pattern)
            ELSE format('s.search LIKE %L', pattern) END, ' OR ') AS test
        FROM jsonb_array_elements_text(word) AS pattern) AS anyone;
    SELECT query || coalesce(string_agg(format(' AND s.%I %s (%L)', given ->> 0, CASE given ->> 1
        WHEN '=' THEN '=' WHEN '>=' THEN '>=' WHEN '<=' THEN '<=' WHEN '<' THEN '<' WHEN '= ANY' THEN '= ANY' END,
        given ->> 2), ''), '') INTO query
    FROM jsonb_array_elements(filters) AS given;
    IF after IS NOT NULL THEN
        -- The first of these says nothing new, but to the planner, which takes it for the other end of a range.
        query := query || format(' AND s.%I %2$s= %3$L AND (s.%1$I, s.id) %2$s (%3$L, %4$L::uuid)', sort,
                                 CASE WHEN down THEN '<' ELSE '>' END, value, after);
    END IF;
    IF sort IS NOT NULL THEN
        query := query || format(' ORDER BY s.%I %2$s, s.id %2$s', sort, CASE WHEN down THEN 'DESC' ELSE 'ASC' END);
    END IF;
    IF most IS NOT NULL THEN
        query := query || format(' LIMIT %s', most);
    END IF;
    RETURN QUERY EXECUTE query;
END
$$;

CREATE FUNCTION public.hub_search_students(
    patterns jsonb, filters jsonb DEFAULT '[]', sort text DEFAULT NULL, down boolean DEFAULT false,
    value text DEFAULT NULL, after uuid DEFAULT NULL, most integer DEFAULT NULL
) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    BEGIN ATOMIC
        SELECT public.hub_found_students(
            format(' AND s.school_id = %L', public.hub_current_school()), patterns, filters, sort, down, value, after,
            most);
    END;

CREATE FUNCTION public.hub_search_all_students(
    patterns jsonb, filters jsonb DEFAULT '[]', sort text DEFAULT NULL, down boolean DEFAULT false,
    value text DEFAULT NULL, after uuid DEFAULT NULL, most integer DEFAULT NULL
) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    BEGIN ATOMIC
        SELECT public.hub_found_students('', patterns, filters, sort, down, value, after, most);
    END;

GRANT SELECT (
    email, first_name, middle_name, gender, department_id, program, year_of_study, status, enrollment_date,
    graduation_date, phone_bidx, date_of_birth_bidx
) ON public.students TO hub_definer;

-- A page in the order of numbers, of all schools.
CREATE INDEX idx_students_all_student_id ON public.students (student_id, id) WHERE deleted_at IS NULL;

-- ------------------------------------------------------------------------------------ who exported a student's data

-- An export's parts are entries with the ids of those in them, as a list's reading is.
CREATE INDEX idx_audit_logs_export_ids ON public.audit_logs USING gin ((new_values -> 'ids') jsonb_path_ops)
    WHERE action = 'export' AND resource_type = 'student';

CREATE FUNCTION public.hub_reads_in_lists(student uuid)
    RETURNS TABLE (id uuid, created_at timestamptz, user_id uuid, action text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT l.id, l.created_at, l.user_id, l.action::text FROM public.audit_logs AS l
        WHERE l.action = 'read' AND l.resource_type = 'student'
            AND (l.school_id = public.hub_current_school() OR l.school_id IS NULL)
            AND l.new_values -> 'ids' @> to_jsonb(student::text)
        UNION ALL
        SELECT l.id, l.created_at, l.user_id, l.action::text FROM public.audit_logs AS l
        WHERE l.action = 'export' AND l.resource_type = 'student'
            AND (l.school_id = public.hub_current_school() OR l.school_id IS NULL)
            AND l.new_values -> 'ids' @> to_jsonb(student::text);
    END;

-- ---------------------------------------------------------------------------------------------------- scans by id

-- A scan is found by its id through scan_ids, which forgets after 90 days. Months that are over get an index of ids: it
-- costs no scan anything, for hardly any comes there any more. Runs as the owner of the tables; one month a call, so
-- that a late scan waits for no more; returns how many it made.
CREATE FUNCTION public.hub_index_past_months() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' SET timezone = 'UTC'
AS $$
DECLARE
    part text;
BEGIN
    SELECT c.relname INTO part
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.access_logs'::regclass
        AND c.relname ~ '^access_logs_[0-9]{4}_[0-9]{2}$'
        AND c.relname < 'access_logs' || to_char(now(), '_YYYY_MM')
        AND to_regclass('public.idx_' || c.relname || '_id') IS NULL
    ORDER BY c.relname LIMIT 1;
    IF part IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('CREATE INDEX %I ON public.%I (id)', 'idx_' || part || '_id', part);
    RETURN 1;
END
$$;

REVOKE EXECUTE ON FUNCTION public.hub_index_past_months() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_index_past_months() TO hub_system;

-- ------------------------------------------------------------------------------------------------ owners and grants

ALTER FUNCTION public.hub_found_students(text, jsonb, jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_search_students(jsonb, jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_search_all_students(jsonb, jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_reads_in_lists(uuid) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;

REVOKE EXECUTE ON FUNCTION
    public.hub_found_students(text, jsonb, jsonb, text, boolean, text, uuid, integer),
    public.hub_search_students(jsonb, jsonb, text, boolean, text, uuid, integer),
    public.hub_search_all_students(jsonb, jsonb, text, boolean, text, uuid, integer),
    public.hub_reads_in_lists(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_search_students(jsonb, jsonb, text, boolean, text, uuid, integer),
    public.hub_reads_in_lists(uuid) TO hub_api, hub_admin;
GRANT EXECUTE ON FUNCTION public.hub_search_all_students(jsonb, jsonb, text, boolean, text, uuid, integer)
    TO hub_admin;
