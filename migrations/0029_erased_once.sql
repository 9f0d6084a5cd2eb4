-- What a school does after somebody was erased is its own: looking again for what came late leaves newer jobs alone.

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it
SET LOCAL ROLE hub_definer;

DROP FUNCTION public.hub_erase_traces(uuid, text[]);

-- As in 0020. `until`: jobs that were asked for later, and answers to later requests, cannot tell of the student, and stay.
CREATE FUNCTION public.hub_erase_traces(student uuid, reasons text[], until timestamptz DEFAULT 'infinity') RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    school constant uuid := public.hub_current_school();
    gone constant jsonb := '[{"message": "not kept any more: somebody was erased"}]';
BEGIN
    IF NOT EXISTS (SELECT FROM public.students AS s
                   WHERE s.id = student AND s.school_id = school AND s.erased_at IS NOT NULL) THEN
        RAISE EXCEPTION 'hub_erase_traces: no such erased student here' USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- Old names too, which imports and plain SQL have left behind.
    DELETE FROM public.student_words AS k
    WHERE k.school_id = school AND NOT EXISTS (
        SELECT FROM public.students AS s CROSS JOIN LATERAL string_to_table(s.search, ' ') AS w (word)
        WHERE s.school_id = school AND w.word = k.word);

    UPDATE public.pass_history AS h
    SET reason = NULL, changes = h.changes - '{pass_number,revoke_reason,visitor_name,host_name}'::text[]
    FROM public.passes AS p WHERE p.id = h.pass_id AND p.student_id = student;
    DELETE FROM public.pass_mails AS m USING public.passes AS p WHERE p.id = m.pass_id AND p.student_id = student;

    UPDATE public.scan_annulments AS a SET reason = NULL
    FROM public.access_logs AS l
    WHERE l.student_id = student AND a.device_id = l.access_point_id AND a.scan_id = l.id AND a.reason IS NOT NULL;
    UPDATE public.access_logs AS l
    SET device_info = NULL,
        reason = CASE WHEN l.reason = ANY (reasons) THEN l.reason END,
        reader_reason = CASE WHEN l.reader_reason = ANY (reasons) THEN l.reader_reason END
    WHERE l.student_id = student AND (l.device_info IS NOT NULL OR l.reason <> ALL (reasons)
                                      OR l.reader_reason <> ALL (reasons));

    -- One that is under way loses the same when it ends (hub/rest/jobs): it began before.
    UPDATE public.job_runs AS r
    SET params = NULL, state = NULL, errors = CASE r.errors WHEN '[]' THEN r.errors ELSE gone END
    WHERE (r.school_id = school OR r.school_id IS NULL) AND r.created_at <= until AND r.status IN ('finished', 'failed');
    UPDATE public.job_runs AS r
    SET params = NULL, state = NULL, errors = gone, status = 'failed', finished_at = now()
    WHERE (r.school_id = school OR r.school_id IS NULL) AND r.created_at <= until AND r.status = 'needs_confirmation';
    DELETE FROM public.job_files AS f USING public.job_runs AS r
    WHERE r.id = f.job_id AND (f.school_id = school OR f.school_id IS NULL) AND r.created_at <= until
        AND r.status IN ('finished', 'failed');

    -- That a request was carried out is still known: sent again, it is refused and not done twice.
    UPDATE public.idempotency_keys AS i SET answer = NULL
    WHERE (i.school_id = school OR i.school_id IS NULL) AND i.created_at <= until;
END
$$;

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_erase_traces(uuid, text[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_erase_traces(uuid, text[], timestamptz) TO hub_api, hub_admin;
