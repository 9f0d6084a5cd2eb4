-- Passes as people deal with them: templates, visitors with a number of uses, what became of each pass, and the mail
-- that brings it.

-- -------------------------------------------------------------------------------------------------------- templates

-- What passes of a kind have in common; what is left out when one is made is taken from here.
CREATE TABLE public.pass_templates (
    id uuid CONSTRAINT pass_templates_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    school_id uuid NOT NULL CONSTRAINT pass_templates_school_id_fkey REFERENCES public.schools (id),
    name varchar(100) NOT NULL,
    pass_type varchar(50) NOT NULL DEFAULT 'standard',
    -- From the first day to the last, both counted.
    valid_days integer,
    number_prefix varchar(10) NOT NULL DEFAULT '',
    -- What a printed or mailed pass shows above the code.
    title varchar(100) NOT NULL DEFAULT '',
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pass_templates_school_id_name_key UNIQUE (school_id, name),
    CONSTRAINT pass_templates_id_school_id_key UNIQUE (id, school_id),
    CONSTRAINT pass_templates_pass_type_check CHECK (pass_type IN ('standard', 'temporary', 'visitor')),
    CONSTRAINT pass_templates_valid_days_check CHECK (valid_days BETWEEN 1 AND 3660)
);

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON public.pass_templates
    FOR EACH ROW EXECUTE FUNCTION public.hub_touch_updated_at();

-- ----------------------------------------------------------------------------------------------------------- passes

ALTER TABLE public.passes
    ADD COLUMN template_id uuid,
    -- A visitor: who comes, and to whom.
    ADD COLUMN visitor_name varchar(200),
    ADD COLUMN host_name varchar(200),
    -- How often it opens a way in; NULL: as often as one likes. `uses`: what the scans in access_logs add up to.
    ADD COLUMN max_uses integer,
    ADD COLUMN uses integer NOT NULL DEFAULT 0,
    -- The pass that this one took the place of.
    ADD COLUMN replaces_id uuid,
    ADD CONSTRAINT passes_id_school_id_key UNIQUE (id, school_id),
    ADD CONSTRAINT passes_template_id_fkey FOREIGN KEY (template_id, school_id)
        REFERENCES public.pass_templates (id, school_id),
    ADD CONSTRAINT passes_replaces_id_fkey FOREIGN KEY (replaces_id, school_id)
        REFERENCES public.passes (id, school_id),
    -- 100 fits into the seven bits that a packed row has for it.
    ADD CONSTRAINT passes_max_uses_check CHECK (max_uses IS NULL OR (max_uses BETWEEN 1 AND 100 AND pass_type = 'visitor'));

-- Each scan that used up one of a limited pass's uses: once, however often it is drained.
CREATE TABLE public.pass_uses (
    device_id uuid NOT NULL,
    scan_id uuid NOT NULL,
    pass_id uuid NOT NULL CONSTRAINT pass_uses_pass_id_fkey REFERENCES public.passes (id),
    used_at timestamptz NOT NULL,
    CONSTRAINT pass_uses_pkey PRIMARY KEY (device_id, scan_id)
);

CREATE INDEX idx_pass_uses_pass_id ON public.pass_uses (pass_id);

-- ---------------------------------------------------------------------------------------------------------- history

-- What became of a pass after it was made, by whomever and whatever way.
CREATE TABLE public.pass_history (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pass_history_pkey PRIMARY KEY,
    pass_id uuid NOT NULL CONSTRAINT pass_history_pass_id_fkey REFERENCES public.passes (id),
    school_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    -- NULL: no person's request.
    user_id uuid,
    reason text,
    changes jsonb NOT NULL,
    CONSTRAINT pass_history_kind_check CHECK (kind IN (
        'activated', 'deactivated', 'revoked', 'expired', 'renewed', 'reissued', 'changed'))
);

CREATE INDEX idx_pass_history_pass_id ON public.pass_history (pass_id, id);

-- Who and why are set for the transaction by whoever changes passes; a change without them is kept as well.
CREATE FUNCTION public.hub_note_passes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- EXECUTE plans it for this statement's rows: a plan kept from a change of one row would be a nested loop over both
    -- sides of the next roll-over.
    EXECUTE $note$
    INSERT INTO public.pass_history (pass_id, school_id, kind, user_id, reason, changes)
    SELECT a.id, a.school_id,
        CASE
            WHEN a.status <> b.status AND a.status = 'revoked' THEN 'revoked'
            WHEN (a.issue_date, a.expiry_date) <> (b.issue_date, b.expiry_date) THEN 'renewed'
            WHEN a.status <> b.status THEN
                CASE a.status WHEN 'active' THEN 'activated' WHEN 'inactive' THEN 'deactivated' ELSE 'expired' END
            WHEN a.qr_code <> b.qr_code THEN 'reissued'
            ELSE 'changed'
        END,
        nullif(current_setting('hub.user_id', true), '')::uuid,
        nullif(current_setting('hub.reason', true), ''),
        coalesce((SELECT jsonb_object_agg(n.key, n.value)
                  FROM jsonb_each(to_jsonb(a) - '{qr_code,lookup_key,updated_at,uses}'::text[]) AS n
                  WHERE to_jsonb(b) -> n.key IS DISTINCT FROM n.value), '{}')
    FROM after AS a JOIN before AS b ON b.id = a.id
    WHERE (a.status, a.issue_date, a.expiry_date, a.qr_code, a.pass_type, a.pass_number, a.student_id, a.template_id,
           a.max_uses)
        IS DISTINCT FROM
          (b.status, b.issue_date, b.expiry_date, b.qr_code, b.pass_type, b.pass_number, b.student_id, b.template_id,
           b.max_uses)
    $note$;
    RETURN NULL;
END
$$;

CREATE TRIGGER note_passes AFTER UPDATE ON public.passes REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_passes();

-- --------------------------------------------------------------------------------------------------- the change feed

-- As in 0006, and with what a visitor's pass adds to a decision: the name at the door, and whether a use is left.
GRANT CREATE ON SCHEMA public TO hub_definer;
SET LOCAL ROLE hub_definer;

CREATE OR REPLACE FUNCTION public.hub_feed_passes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH written AS (
            INSERT INTO public.index_changes (kind, key) SELECT 'pass', lookup_key FROM after RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    ELSIF TG_OP = 'DELETE' THEN
        WITH written AS (
            INSERT INTO public.index_changes (kind, key) SELECT 'pass', lookup_key FROM before RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    ELSE
        WITH changed AS (
            SELECT lookup_key
            FROM (SELECT id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date,
                         visitor_name, max_uses, uses >= max_uses AS used_up
                  FROM before
                  UNION ALL
                  SELECT id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date,
                         visitor_name, max_uses, uses >= max_uses
                  FROM after) AS sides
            GROUP BY id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date,
                visitor_name, max_uses, used_up
            HAVING count(*) = 1
        ), written AS (
            INSERT INTO public.index_changes (kind, key) SELECT DISTINCT 'pass', lookup_key FROM changed RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    END IF;
    IF lo IS NOT NULL THEN
        PERFORM pg_notify('hub_index', lo || '-' || hi);
    END IF;
    RETURN NULL;
END
$$;

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM hub_definer;

-- ------------------------------------------------------------------------------------------------- the program's work

-- Marks up to `most` active passes whose last day is over at their school; returns how many. An unknown zone is UTC, as
-- at the doors. Doors need none of it: they know what day it is.
CREATE FUNCTION public.hub_expire_passes(most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    marked integer;
BEGIN
    WITH over AS (
        SELECT p.id FROM public.passes AS p
        JOIN public.schools AS c ON c.id = p.school_id
        LEFT JOIN pg_timezone_names AS z ON z.name = c.timezone
        WHERE p.status = 'active'
          AND p.expiry_date <= (now() + interval '1 day')::date  -- the index finds these; the zone decides
          AND p.expiry_date < (now() AT TIME ZONE coalesce(z.name, 'UTC'))::date
        LIMIT most FOR NO KEY UPDATE OF p SKIP LOCKED)
    UPDATE public.passes AS p SET status = 'expired' FROM over WHERE p.id = over.id;
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END
$$;

-- Counts scans that each used up one of a pass's uses; one that was counted before is not counted again.
CREATE FUNCTION public.hub_count_uses(devices uuid[], scans uuid[], passes uuid[], times timestamptz[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH added AS (
            INSERT INTO public.pass_uses (device_id, scan_id, pass_id, used_at)
            SELECT n.device_id, n.scan_id, n.pass_id, n.used_at
            FROM unnest(devices, scans, passes, times) AS n (device_id, scan_id, pass_id, used_at)
            JOIN public.passes AS p ON p.id = n.pass_id
            ON CONFLICT DO NOTHING RETURNING pass_id)
        UPDATE public.passes AS p SET uses = p.uses + a.scans
        FROM (SELECT pass_id, count(*)::integer AS scans FROM added GROUP BY pass_id) AS a WHERE p.id = a.pass_id;
    END;

-- Gives uses back: the readers were told something else, or nobody went through.
CREATE FUNCTION public.hub_return_uses(devices uuid[], scans uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH gone AS (
            DELETE FROM public.pass_uses AS u USING unnest(devices, scans) AS n (device_id, scan_id)
            WHERE u.device_id = n.device_id AND u.scan_id = n.scan_id RETURNING u.pass_id)
        UPDATE public.passes AS p SET uses = p.uses - g.scans
        FROM (SELECT pass_id, count(*)::integer AS scans FROM gone GROUP BY pass_id) AS g WHERE p.id = g.pass_id;
    END;

-- ----------------------------------------------------------------------------------------------------- signing keys

ALTER TABLE public.signing_keys
    ADD COLUMN retired_by uuid CONSTRAINT signing_keys_retired_by_fkey REFERENCES public.users (id),
    ADD COLUMN compromise_reason text;

CREATE INDEX idx_passes_key_id ON public.passes (key_id, id);

-- The installation's first key, made when a school signs its first pass: schools may not add one of the installation's
-- themselves. Returns whether it was the first; one that another transaction is making is waited for.
CREATE FUNCTION public.hub_first_signing_key(id uuid, kid text, public_key bytea, private_key bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('hub.first_signing_key'));
    INSERT INTO public.signing_keys (id, kid, public_key, private_key)
    SELECT hub_first_signing_key.id, hub_first_signing_key.kid, hub_first_signing_key.public_key,
        hub_first_signing_key.private_key
    WHERE NOT EXISTS (SELECT FROM public.signing_keys AS k
                      WHERE k.school_id IS NULL AND k.retired_at IS NULL AND k.compromised_at IS NULL);
    RETURN FOUND;
END
$$;

-- --------------------------------------------------------------------------------------------- policies and grants

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['pass_templates', 'pass_history'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_api USING (school_id = public.hub_current_school())',
                       relation || '_of_school', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_admin USING (true)', relation || '_of_admin', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;

CREATE POLICY pass_templates_of_system ON public.pass_templates FOR SELECT TO hub_system USING (true);
CREATE POLICY pass_history_of_definer ON public.pass_history FOR INSERT TO hub_definer WITH CHECK (true);
CREATE POLICY pass_uses_of_definer ON public.pass_uses TO hub_definer USING (true);
CREATE POLICY pass_uses_of_system ON public.pass_uses FOR SELECT TO hub_system USING (true);
ALTER TABLE public.pass_uses ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY passes_to_mark ON public.passes FOR UPDATE TO hub_definer USING (true);
CREATE POLICY schools_of_definer ON public.schools FOR SELECT TO hub_definer USING (true);
CREATE POLICY signing_keys_of_definer ON public.signing_keys TO hub_definer USING (true);

GRANT SELECT, INSERT, UPDATE ON public.pass_templates TO hub_api, hub_admin;
GRANT SELECT ON public.pass_templates TO hub_system;
GRANT SELECT ON public.pass_history TO hub_api, hub_admin;
GRANT INSERT ON public.pass_history TO hub_definer;
GRANT SELECT ON public.pass_uses TO hub_system;
GRANT SELECT, INSERT, DELETE ON public.pass_uses TO hub_definer;
GRANT SELECT (id, school_id, status, expiry_date, uses), UPDATE (uses, status) ON public.passes TO hub_definer;
GRANT SELECT (id, timezone) ON public.schools TO hub_definer;
GRANT SELECT, INSERT ON public.signing_keys TO hub_definer;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_note_passes() OWNER TO hub_definer;
ALTER FUNCTION public.hub_first_signing_key(uuid, text, bytea, bytea) OWNER TO hub_definer;
ALTER FUNCTION public.hub_expire_passes(integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_count_uses(uuid[], uuid[], uuid[], timestamptz[]) OWNER TO hub_definer;
ALTER FUNCTION public.hub_return_uses(uuid[], uuid[]) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_note_passes(), public.hub_first_signing_key(uuid, text, bytea, bytea),
    public.hub_expire_passes(integer), public.hub_count_uses(uuid[], uuid[], uuid[], timestamptz[]),
    public.hub_return_uses(uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_expire_passes(integer),
    public.hub_count_uses(uuid[], uuid[], uuid[], timestamptz[]), public.hub_return_uses(uuid[], uuid[]) TO hub_system;
GRANT EXECUTE ON FUNCTION public.hub_first_signing_key(uuid, text, bytea, bytea) TO hub_api, hub_admin;
