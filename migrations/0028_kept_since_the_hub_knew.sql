-- How old a scan is, is said by the hub's clock too: one from a reader whose clock is years behind is kept as long as any.

-- When the hub noted the identity of a scan, and that it used up a use of a pass. Those that are there count from today.
ALTER TABLE public.scan_ids ADD COLUMN noted_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE public.pass_uses ADD COLUMN noted_at timestamptz NOT NULL DEFAULT now();

-- BRIN as before (0004); nothing else looked for their own times.
DROP INDEX public.idx_scan_ids_access_time;
CREATE INDEX idx_scan_ids_noted_at ON public.scan_ids USING brin (noted_at);

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while replacing one
SET LOCAL ROLE hub_definer;

-- Deletes up to `most` scans of a school from before a time, by their own time and by the hub's; returns how many.
CREATE OR REPLACE FUNCTION public.hub_prune_access_logs(school uuid, before timestamptz, most integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pruned integer;
BEGIN
    IF before > now() - interval '1 day' THEN
        RAISE EXCEPTION 'hub_prune_access_logs: too young' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH old AS (
        SELECT l.access_time, l.id FROM public.access_logs AS l
        WHERE l.school_id = school AND l.access_time < before AND l.received_at < before
        ORDER BY l.access_time LIMIT most)
    DELETE FROM public.access_logs AS l USING old WHERE l.access_time = old.access_time AND l.id = old.id;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
