-- A guard's card of a student shows the year of study too: workers hear of it when that alone has changed.

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while replacing one
SET LOCAL ROLE hub_definer;

CREATE OR REPLACE FUNCTION public.hub_feed_cards() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lo bigint;
    hi bigint;
BEGIN
    WITH changed AS (
        SELECT DISTINCT id
        FROM (SELECT id, student_id, first_name, middle_name, last_name, program, year_of_study, status, photo_url,
                  deleted_at
              FROM before
              UNION ALL
              SELECT id, student_id, first_name, middle_name, last_name, program, year_of_study, status, photo_url,
                  deleted_at
              FROM after) AS sides
        GROUP BY id, student_id, first_name, middle_name, last_name, program, year_of_study, status, photo_url, deleted_at
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

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
