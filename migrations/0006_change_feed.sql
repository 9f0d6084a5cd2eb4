-- The change feed: what a worker's index must read again.
--
-- One statement-level trigger per table and event (transition tables allow neither several events nor UPDATE OF).
-- It compares decision columns before and after, writes to index_changes every key from BEFORE and from AFTER (a
-- replaced code must stop working), and sends one NOTIFY a statement: the range of seqs it wrote, `lo-hi`. A
-- statement that changed no decision writes and sends nothing. TRUNCATE writes a single 'reload'.
--
-- Neither seq nor xid is commit order, and no reader relies on one: keys are re-read as the tables are now.

-- ------------------------------------------------------------------------------------------------------ tables

CREATE TABLE public.index_changes (
    seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT index_changes_pkey PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind text NOT NULL,
    -- 'pass': passes.lookup_key; 'reload': empty; else the 16 bytes of the row's id.
    key bytea NOT NULL,
    CONSTRAINT index_changes_kind_check CHECK (kind IN (
        'pass', 'school', 'access_point', 'device_key', 'signing_key', 'user', 'role', 'reload'))
);

CREATE INDEX idx_index_changes_xid ON public.index_changes (xid);

-- Workers whose last safe xid is below pruned_below have missed what was pruned: they reload.
CREATE TABLE public.index_changes_state (
    only_row boolean CONSTRAINT index_changes_state_pkey PRIMARY KEY DEFAULT true,
    pruned_below xid8 NOT NULL DEFAULT '0',
    CONSTRAINT index_changes_state_only_row_check CHECK (only_row)
);

INSERT INTO public.index_changes_state DEFAULT VALUES;

-- The xmin at a time: "a day ago" in the units of xid.
CREATE TABLE public.index_changes_marks (
    noted_at timestamptz CONSTRAINT index_changes_marks_pkey PRIMARY KEY,
    safe xid8 NOT NULL
);

-- --------------------------------------------------------------------------------------- triggers: bulky tables

-- Passes and students come by the hundred thousand, so their columns are spelt out, and each comparison is one
-- grouping instead of a join: a row whose decision columns stayed the same appears twice, once from each side
-- (lookup_key stands for qr_code, which it is made from). A join's cached plan, made for a one-row statement, would
-- be a nested loop over both sides of the next import.
CREATE FUNCTION public.hub_feed_passes() RETURNS trigger
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
            FROM (SELECT id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date
                  FROM before
                  UNION ALL
                  SELECT id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date
                  FROM after) AS sides
            GROUP BY id, lookup_key, school_id, student_id, pass_number, pass_type, status, issue_date, expiry_date
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

-- A changed student changes its passes. There is no trigger for INSERT and DELETE: a student that was not there, or
-- may be deleted, has no passes, by foreign key.
CREATE FUNCTION public.hub_feed_students() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    WITH changed AS (
        SELECT DISTINCT id
        FROM (SELECT id, school_id, first_name, middle_name, last_name, status, photo_url, deleted_at FROM before
              UNION ALL
              SELECT id, school_id, first_name, middle_name, last_name, status, photo_url, deleted_at FROM after
             ) AS sides
        GROUP BY id, school_id, first_name, middle_name, last_name, status, photo_url, deleted_at
        HAVING count(*) = 1
    ), written AS (
        INSERT INTO public.index_changes (kind, key)
        SELECT 'pass', held.lookup_key
        FROM changed
        -- OFFSET 0 keeps this an index look-up per student, whichever size of statement the plan was cached for.
        CROSS JOIN LATERAL (
            SELECT p.lookup_key FROM public.passes AS p WHERE p.student_id = changed.id OFFSET 0) AS held
        RETURNING seq)
    SELECT min(seq), max(seq) FROM written INTO lo, hi;
    IF lo IS NOT NULL THEN
        PERFORM pg_notify('hub_index', lo || '-' || hi);
    END IF;
    RETURN NULL;
END
$$;

-- ---------------------------------------------------------------------------------------- triggers: small tables

-- Arguments: the kind, the column that is the key, then the columns that decide nothing. A column that is added later
-- counts as deciding until it is named there: forgetting it costs a few re-reads, not a wrong answer.
CREATE FUNCTION public.hub_feed_rows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH written AS (
            INSERT INTO public.index_changes (kind, key)
            SELECT DISTINCT TG_ARGV[0], uuid_send((to_jsonb(a) ->> TG_ARGV[1])::uuid) FROM after AS a
            RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    ELSIF TG_OP = 'DELETE' THEN
        WITH written AS (
            INSERT INTO public.index_changes (kind, key)
            SELECT DISTINCT TG_ARGV[0], uuid_send((to_jsonb(b) ->> TG_ARGV[1])::uuid) FROM before AS b
            RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    ELSE
        WITH changed AS (
            SELECT decides ->> TG_ARGV[1] AS key
            FROM (SELECT to_jsonb(b) - TG_ARGV[2:] AS decides FROM before AS b
                  UNION ALL
                  SELECT to_jsonb(a) - TG_ARGV[2:] FROM after AS a) AS sides
            GROUP BY decides
            HAVING count(*) = 1
        ), written AS (
            INSERT INTO public.index_changes (kind, key) SELECT DISTINCT TG_ARGV[0], uuid_send(key::uuid) FROM changed
            RETURNING seq)
        SELECT min(seq), max(seq) FROM written INTO lo, hi;
    END IF;
    IF lo IS NOT NULL THEN
        PERFORM pg_notify('hub_index', lo || '-' || hi);
    END IF;
    RETURN NULL;
END
$$;

-- What a permission means is part of every role that holds it.
CREATE FUNCTION public.hub_feed_permissions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    WITH changed AS (
        SELECT DISTINCT id
        FROM (SELECT id, name, resource, action FROM before
              UNION ALL
              SELECT id, name, resource, action FROM after) AS sides
        GROUP BY id, name, resource, action
        HAVING count(*) = 1
    ), written AS (
        INSERT INTO public.index_changes (kind, key)
        SELECT DISTINCT 'role', uuid_send(rp.role_id)
        FROM changed JOIN public.role_permissions AS rp ON rp.permission_id = changed.id
        RETURNING seq)
    SELECT min(seq), max(seq) FROM written INTO lo, hi;
    IF lo IS NOT NULL THEN
        PERFORM pg_notify('hub_index', lo || '-' || hi);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.hub_feed_reload() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO public.index_changes (kind, key) VALUES ('reload', '') RETURNING seq INTO written;
    PERFORM pg_notify('hub_index', written || '-' || written);
    RETURN NULL;
END
$$;

-- ------------------------------------------------------------------------------------------------ who fires what

CREATE TRIGGER feed_insert AFTER INSERT ON public.passes REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_passes();
CREATE TRIGGER feed_update AFTER UPDATE ON public.passes REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_passes();
CREATE TRIGGER feed_delete AFTER DELETE ON public.passes REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_passes();
CREATE TRIGGER feed_truncate AFTER TRUNCATE ON public.passes
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_reload();

CREATE TRIGGER feed_update AFTER UPDATE ON public.students REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_students();
CREATE TRIGGER feed_truncate AFTER TRUNCATE ON public.students
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_reload();

CREATE TRIGGER feed_update AFTER UPDATE ON public.permissions REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_permissions();
CREATE TRIGGER feed_truncate AFTER TRUNCATE ON public.permissions
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_reload();

DO $$
DECLARE
    fed record;
    arguments text;
BEGIN
    FOR fed IN SELECT * FROM (VALUES
        ('schools', 'school', 'id', ARRAY['address', 'phone', 'email', 'website', 'created_at', 'updated_at']),
        ('access_points', 'access_point', 'id', ARRAY['created_at', 'updated_at']),
        ('device_keys', 'device_key', 'id', ARRAY['created_at', 'revoked_by', 'revoke_reason']),
        ('signing_keys', 'signing_key', 'id', ARRAY['created_at', 'private_key']),
        ('users', 'user', 'id', ARRAY['email_verified_at', 'last_login_at', 'created_at', 'updated_at']),
        ('roles', 'role', 'id', ARRAY['description', 'created_at', 'updated_at']),
        ('role_permissions', 'role', 'role_id', ARRAY[]::text[])
    ) AS v (relation, kind, key_column, undecided) LOOP
        SELECT string_agg(quote_literal(a), ', ') INTO arguments
        FROM unnest(ARRAY[fed.kind, fed.key_column] || fed.undecided) AS a;
        EXECUTE format('CREATE TRIGGER feed_insert AFTER INSERT ON public.%I REFERENCING NEW TABLE AS after '
                       'FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows(%s)', fed.relation, arguments);
        EXECUTE format('CREATE TRIGGER feed_update AFTER UPDATE ON public.%I '
                       'REFERENCING OLD TABLE AS before NEW TABLE AS after '
                       'FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows(%s)', fed.relation, arguments);
        EXECUTE format('CREATE TRIGGER feed_delete AFTER DELETE ON public.%I REFERENCING OLD TABLE AS before '
                       'FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows(%s)', fed.relation, arguments);
        EXECUTE format('CREATE TRIGGER feed_truncate AFTER TRUNCATE ON public.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_reload()', fed.relation);
    END LOOP;
END
$$;

-- ----------------------------------------------------------------------------------------------------- pruning

-- Deletes changes of transactions below `before`; returns how many. pruned_below rises first, in the same
-- transaction: whoever sees a gap sees why.
CREATE FUNCTION public.hub_prune_changes(before xid8) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned bigint;
BEGIN
    UPDATE public.index_changes_state AS s SET pruned_below = greatest(s.pruned_below, hub_prune_changes.before);
    DELETE FROM public.index_changes AS c WHERE c.xid < hub_prune_changes.before;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

-- Notes the present xmin, and prunes below the newest one that was noted at least `keep` ago. For a job that runs
-- every hour or so; the first run after `keep` is the first that prunes.
CREATE FUNCTION public.hub_prune_old_changes(keep interval DEFAULT '24 hours') RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mark public.index_changes_marks;
BEGIN
    INSERT INTO public.index_changes_marks (noted_at, safe)
    VALUES (clock_timestamp(), pg_snapshot_xmin(pg_current_snapshot()));
    SELECT * INTO mark FROM public.index_changes_marks
    WHERE noted_at <= clock_timestamp() - keep ORDER BY noted_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    DELETE FROM public.index_changes_marks WHERE noted_at < mark.noted_at;
    RETURN public.hub_prune_changes(mark.safe);
END
$$;

-- ------------------------------------------------------------------------------------------------- whose they are

-- hub_definer and not the owner: under FORCE, an owner who is no superuser would find no passes of a student.
GRANT SELECT, INSERT, DELETE ON public.index_changes TO hub_definer;
GRANT SELECT, UPDATE ON public.index_changes_state TO hub_definer;
GRANT SELECT, INSERT, DELETE ON public.index_changes_marks TO hub_definer;
GRANT SELECT (student_id, lookup_key) ON public.passes TO hub_definer;
GRANT SELECT ON public.role_permissions TO hub_definer;
GRANT SELECT ON public.index_changes, public.index_changes_state, public.index_changes_marks TO hub_system;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_feed_passes() OWNER TO hub_definer;
ALTER FUNCTION public.hub_feed_students() OWNER TO hub_definer;
ALTER FUNCTION public.hub_feed_rows() OWNER TO hub_definer;
ALTER FUNCTION public.hub_feed_permissions() OWNER TO hub_definer;
ALTER FUNCTION public.hub_feed_reload() OWNER TO hub_definer;
ALTER FUNCTION public.hub_prune_changes(xid8) OWNER TO hub_definer;
ALTER FUNCTION public.hub_prune_old_changes(interval) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;

REVOKE EXECUTE ON FUNCTION public.hub_feed_passes(), public.hub_feed_students(), public.hub_feed_rows(),
    public.hub_feed_permissions(), public.hub_feed_reload(),
    public.hub_prune_changes(xid8), public.hub_prune_old_changes(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_prune_changes(xid8), public.hub_prune_old_changes(interval)
    TO hub_system, hub_definer;
