-- Months of the two logs. A job calls hub_ensure_partitions ahead of time; what comes outside every month (a reader
-- whose clock is far off, a job that did not run) lands in the default partition, which must be empty and alarms.

CREATE TABLE public.access_logs_default PARTITION OF public.access_logs DEFAULT;
CREATE TABLE public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;

-- Makes the missing months of `parent` ('access_logs' or 'audit_logs'): last month's, this one's, `months_ahead` more,
-- and those within two years that the default partition has rows of. Returns how many it made.
--
-- Rows in the default partition block the making of their month, so each month is built beside the table, given the
-- rows of the default partition, and only then attached; all in the caller's transaction. Meanwhile the default
-- partition is locked, which stops no insert that belongs to an existing month. Runs as the owner of the tables
-- (only an owner may attach), for hub_system; gives up after 5 s rather than queue readers behind its lock.
CREATE FUNCTION public.hub_ensure_partitions(parent text, months_ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' SET timezone = 'UTC'
AS $$
DECLARE
    time_column text;
    months timestamptz[];
    month timestamptz;
    part text;
    made integer := 0;
BEGIN
    time_column := CASE parent WHEN 'access_logs' THEN 'access_time' WHEN 'audit_logs' THEN 'created_at' END;
    IF time_column IS NULL THEN
        RAISE EXCEPTION 'hub_ensure_partitions: % is not partitioned by month', parent
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 120 THEN
        RAISE EXCEPTION 'hub_ensure_partitions: months_ahead must be 0 to 120'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- One caller at a time; reads and writes of the parent go on.
    EXECUTE format('LOCK TABLE ONLY public.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    -- FORCE holds for an owner who is no superuser too: lifted for this transaction, in which nobody else gets in.
    EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', parent || '_default');

    EXECUTE format(
        'SELECT array_agg(month ORDER BY month) FROM ('
        '   SELECT generate_series(date_trunc(''month'', now()) - interval ''1 month'','
        '          date_trunc(''month'', now()) + make_interval(months => $1), interval ''1 month'') AS month'
        '   UNION SELECT date_trunc(''month'', %1$I) FROM public.%2$I'
        '   WHERE %1$I >= date_trunc(''month'', now()) - interval ''24 months'''
        '     AND %1$I < date_trunc(''month'', now()) + interval ''24 months'') AS wanted',
        time_column, parent || '_default') INTO months USING months_ahead;

    FOREACH month IN ARRAY months LOOP
        part := parent || to_char(month, '_YYYY_MM');
        CONTINUE WHEN to_regclass(format('public.%I', part)) IS NOT NULL;
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS'
                       ' INCLUDING STORAGE INCLUDING COMPRESSION)', part, parent);
        EXECUTE format('WITH moved AS (DELETE FROM public.%1$I WHERE %2$I >= $1 AND %2$I < $2 RETURNING *)'
                       ' INSERT INTO public.%3$I SELECT * FROM moved', parent || '_default', time_column, part)
            USING month, month + interval '1 month';
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, part, month, month + interval '1 month');
        -- Policies are the parent's. Whoever reads a month by its own name finds nothing: there is no policy on it.
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        made := made + 1;
    END LOOP;

    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', parent || '_default');
    RETURN made;
END
$$;

REVOKE EXECUTE ON FUNCTION public.hub_ensure_partitions(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_ensure_partitions(text, integer) TO hub_system;

ALTER TABLE public.access_logs_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_logs_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

SELECT public.hub_ensure_partitions('access_logs', 3);
SELECT public.hub_ensure_partitions('audit_logs', 3);
