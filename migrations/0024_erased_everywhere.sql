-- What came to know of students since: guards' notes about scans, and photos. As in 0020, whoever is erased is erased here.

CREATE POLICY acknowledgements_to_let_go ON public.acknowledgements TO hub_definer USING (true);
CREATE POLICY student_photos_to_let_go ON public.student_photos TO hub_definer USING (true);
CREATE POLICY access_log_changes_to_let_go ON public.access_log_changes TO hub_definer USING (true);
GRANT SELECT, UPDATE (reason) ON public.access_log_changes TO hub_definer;
CREATE POLICY stream_amendments_to_let_go ON public.stream_amendments TO hub_definer USING (true);
GRANT SELECT, UPDATE (reason) ON public.stream_amendments TO hub_definer;
GRANT SELECT, UPDATE (note) ON public.acknowledgements TO hub_definer;
GRANT SELECT, DELETE ON public.student_photos TO hub_definer;
-- With the scans that they are about.
GRANT DELETE ON public.acknowledgements TO hub_system;

CREATE FUNCTION public.hub_erase_notes(student uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.students AS s
                   WHERE s.id = student AND s.school_id = public.hub_current_school() AND s.erased_at IS NOT NULL) THEN
        RAISE EXCEPTION 'hub_erase_notes: no such erased student here' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE public.acknowledgements AS a SET note = NULL WHERE a.student_id = student AND a.note IS NOT NULL;
    UPDATE public.stream_amendments AS m SET reason = NULL
    WHERE m.student_id = student AND m.reason IS NOT NULL
        AND (m.status = 'granted' OR public.hub_counted_reason(m.status, m.reason) = 'other');
    -- What waits to be counted: of a grant no reason is, and any words of a person's count as `other`.
    UPDATE public.access_log_changes AS c SET reason = CASE c.status WHEN 'granted' THEN NULL ELSE 'other' END
    WHERE c.reason <> 'other' AND (c.status = 'granted' OR public.hub_counted_reason(c.status, c.reason) = 'other');
    DELETE FROM public.student_photos AS p WHERE p.student_id = student;
END
$$;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_erase_notes(uuid) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_erase_notes(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_erase_notes(uuid) TO hub_api, hub_admin;
