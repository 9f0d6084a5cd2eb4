-- What goes, and when: traces of a person who was erased, logs that are older than their school wants them, what the
-- chain over the audit needs to tell pruning from tampering; and what tells workers that a kept student card is old.

-- --------------------------------------------------------------------------------------------------------- erasure

-- What was asked for goes with whoever it may name.
ALTER TABLE public.job_runs ALTER COLUMN params DROP NOT NULL;

-- Copies that other tables have of a student who was erased, of the school in hub.school_id: words of names that nobody
-- has any more, free text about passes and scans, mail, what jobs were asked for and what they said, their files, and
-- kept answers. `reasons`: those of scans that tell of nobody. It may be called again, for what came late.
CREATE FUNCTION public.hub_erase_traces(student uuid, reasons text[]) RETURNS void
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
    WHERE (r.school_id = school OR r.school_id IS NULL) AND r.status IN ('finished', 'failed');
    UPDATE public.job_runs AS r
    SET params = NULL, state = NULL, errors = gone, status = 'failed', finished_at = now()
    WHERE (r.school_id = school OR r.school_id IS NULL) AND r.status = 'needs_confirmation';
    DELETE FROM public.job_files AS f USING public.job_runs AS r
    WHERE r.id = f.job_id AND (f.school_id = school OR f.school_id IS NULL) AND r.status IN ('finished', 'failed');

    -- That a request was carried out is still known: sent again, it is refused and not done twice.
    UPDATE public.idempotency_keys AS i SET answer = NULL WHERE i.school_id = school OR i.school_id IS NULL;
END
$$;

-- ----------------------------------------------------------------------------------------------------- old log rows

-- Drops a month of a log; returns whether there was one. The caller has made sure that nobody wants it any more; what
-- is younger than anybody may let go stays all the same. Gives up after 2 s rather than queue readers behind its lock.
CREATE FUNCTION public.hub_drop_month(parent text, month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC'
AS $$
DECLARE
    part constant text := parent || to_char(month, '_YYYY_MM');
BEGIN
    IF parent NOT IN ('access_logs', 'audit_logs') OR parent IS NULL OR month <> date_trunc('month', month) THEN
        RAISE EXCEPTION 'hub_drop_month: not a month of a log' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (month + interval '1 month') > now() - make_interval(days => (CASE parent WHEN 'audit_logs' THEN 365 ELSE 1 END)) THEN
        RAISE EXCEPTION 'hub_drop_month: % is too young', part USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(format('public.%I', part)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', parent, part);
    EXECUTE format('DROP TABLE public.%I', part);
    RETURN true;
END
$$;

-- Deletes up to `most` scans of a school from before a time; returns how many.
CREATE FUNCTION public.hub_prune_access_logs(school uuid, before timestamptz, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned integer;
BEGIN
    IF before > now() - interval '1 day' THEN
        RAISE EXCEPTION 'hub_prune_access_logs: too young' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH old AS (
        SELECT l.access_time, l.id FROM public.access_logs AS l
        WHERE l.school_id = school AND l.access_time < before ORDER BY l.access_time LIMIT most)
    DELETE FROM public.access_logs AS l USING old WHERE l.access_time = old.access_time AND l.id = old.id;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

-- Deletes these entries of the audit, of those that are older than a year; returns how many.
CREATE FUNCTION public.hub_prune_audit_logs(times timestamptz[], ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned integer;
BEGIN
    DELETE FROM public.audit_logs AS l USING unnest(times, ids) AS old (created_at, id)
    WHERE l.created_at = old.created_at AND l.id = old.id AND l.created_at < now() - interval '365 days';
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

-- ------------------------------------------------------------------------------------------- the chain, where it ends

-- That the row has been let go by a signed note; `passhub audit verify` believes the note and not this.
ALTER TABLE public.audit_sealed ADD COLUMN pruned boolean NOT NULL DEFAULT false;
CREATE INDEX idx_audit_sealed_kept ON public.audit_sealed (batch) WHERE NOT pruned;

-- Rows of a batch that were let go because they were old, by their places in it; signed like a head.
CREATE TABLE public.audit_prunes (
    batch bigint NOT NULL,
    number integer NOT NULL,
    pruned_at timestamptz NOT NULL DEFAULT now(),
    positions integer[] NOT NULL,
    signer bytea NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_prunes_pkey PRIMARY KEY (batch, number)
);

-- Up to which batch nothing is left, with the head that the next one follows; signed like a head.
CREATE TABLE public.audit_floors (
    batch bigint CONSTRAINT audit_floors_pkey PRIMARY KEY,
    head bytea NOT NULL,
    pruned_at timestamptz NOT NULL DEFAULT now(),
    signer bytea NOT NULL,
    signature bytea NOT NULL
);

-- Forgets batches of which no row is left, up to the floor that was noted.
CREATE FUNCTION public.hub_prune_chain(floor bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.audit_floors AS f WHERE f.batch = floor)
            OR EXISTS (SELECT FROM public.audit_sealed AS s WHERE s.batch <= floor AND NOT s.pruned) THEN
        RAISE EXCEPTION 'hub_prune_chain: batch % is not below everything that is kept', floor
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    DELETE FROM public.audit_sealed AS s WHERE s.batch <= floor;
    DELETE FROM public.audit_prunes AS p WHERE p.batch <= floor;
    DELETE FROM public.audit_seals AS s WHERE s.batch <= floor;
    DELETE FROM public.audit_floors AS f WHERE f.batch < floor;
END
$$;

-- --------------------------------------------------------------------------------------------------- student cards

-- Workers keep what a guard sees of a student. What the doors decide by comes as 'pass'; the rest of the card as this.
DO $$
DECLARE
    rule text;
BEGIN
    SELECT pg_get_constraintdef(oid) INTO rule FROM pg_constraint WHERE conname = 'index_changes_kind_check';
    ALTER TABLE public.index_changes DROP CONSTRAINT index_changes_kind_check;
    EXECUTE 'ALTER TABLE public.index_changes ADD CONSTRAINT index_changes_kind_check '
        || replace(rule, '''reload''::text', '''reload''::text, ''student''::text');
END
$$;

CREATE FUNCTION public.hub_feed_cards() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    WITH changed AS (
        SELECT DISTINCT id
        FROM (SELECT id, student_id, first_name, middle_name, last_name, program, status, photo_url, deleted_at FROM before
              UNION ALL
              SELECT id, student_id, first_name, middle_name, last_name, program, status, photo_url, deleted_at FROM after
             ) AS sides
        GROUP BY id, student_id, first_name, middle_name, last_name, program, status, photo_url, deleted_at
        HAVING count(*) = 1
    ), written AS (
        INSERT INTO public.index_changes (kind, key) SELECT 'student', uuid_send(id) FROM changed RETURNING seq)
    SELECT min(seq), max(seq) FROM written INTO lo, hi;
    IF lo IS NOT NULL THEN
        PERFORM pg_notify('hub_index', lo || '-' || hi);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER feed_cards AFTER UPDATE ON public.students REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_cards();

-- --------------------------------------------------------------------------------------------- policies and grants

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['audit_prunes', 'audit_floors'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_definer USING (true)', relation || '_of_definer', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
    FOREACH relation IN ARRAY ARRAY['audit_seals', 'audit_sealed', 'access_logs', 'scan_annulments', 'pass_mails',
                                    'job_runs', 'job_files', 'idempotency_keys'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_definer USING (true)', relation || '_of_definer', relation);
    END LOOP;
END
$$;

CREATE POLICY pass_history_to_erase ON public.pass_history TO hub_definer USING (true);
CREATE POLICY pass_history_of_system ON public.pass_history TO hub_system USING (true);
CREATE POLICY pass_mails_of_system ON public.pass_mails TO hub_system USING (true);
CREATE POLICY documents_to_prune ON public.documents FOR DELETE TO hub_system USING (true);
CREATE POLICY pass_uses_to_prune ON public.pass_uses FOR DELETE TO hub_system USING (true);

-- What the functions need.
GRANT SELECT (erased_at) ON public.students TO hub_definer;
GRANT SELECT, UPDATE (reason, changes) ON public.pass_history TO hub_definer;
GRANT SELECT, DELETE ON public.pass_mails TO hub_definer;
GRANT SELECT, UPDATE (reason) ON public.scan_annulments TO hub_definer;
GRANT SELECT, UPDATE (device_info, reason, reader_reason), DELETE ON public.access_logs TO hub_definer;
GRANT SELECT, UPDATE (params, state, errors, status, finished_at) ON public.job_runs TO hub_definer;
GRANT SELECT, DELETE ON public.job_files TO hub_definer;
GRANT SELECT, UPDATE (answer) ON public.idempotency_keys TO hub_definer;
GRANT DELETE ON public.audit_logs TO hub_definer;
GRANT SELECT, DELETE ON public.audit_seals, public.audit_sealed, public.audit_prunes, public.audit_floors TO hub_definer;

-- What the nightly job looks at, and lets go.
GRANT SELECT, INSERT ON public.audit_prunes, public.audit_floors TO hub_system;
GRANT UPDATE (pruned) ON public.audit_sealed TO hub_system;
GRANT SELECT (student_id, school_id, erased_at) ON public.student_keys TO hub_system;
GRANT SELECT, DELETE ON public.pass_history, public.pass_mails TO hub_system;
GRANT DELETE ON public.documents, public.pass_uses, public.stream_heads, public.scan_annulments,
    public.audit_logs_rejected TO hub_system;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_erase_traces(uuid, text[]) OWNER TO hub_definer;
ALTER FUNCTION public.hub_prune_access_logs(uuid, timestamptz, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_prune_audit_logs(timestamptz[], uuid[]) OWNER TO hub_definer;
ALTER FUNCTION public.hub_prune_chain(bigint) OWNER TO hub_definer;
ALTER FUNCTION public.hub_feed_cards() OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_erase_traces(uuid, text[]), public.hub_drop_month(text, date),
    public.hub_prune_access_logs(uuid, timestamptz, integer), public.hub_prune_audit_logs(timestamptz[], uuid[]),
    public.hub_prune_chain(bigint), public.hub_feed_cards() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_erase_traces(uuid, text[]) TO hub_api, hub_admin;
GRANT EXECUTE ON FUNCTION public.hub_drop_month(text, date), public.hub_prune_access_logs(uuid, timestamptz, integer),
    public.hub_prune_audit_logs(timestamptz[], uuid[]), public.hub_prune_chain(bigint) TO hub_system;
