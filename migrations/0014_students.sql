-- Students as people look for them: lists that stay fast with a million rows, a search that forgives accents and typos,
-- and what is left of a student who was erased.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

-- ------------------------------------------------------------------------------------------------------ columns

ALTER TABLE public.students
    -- Set when personal data was erased: the row stays, empty, because logs point to it.
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT students_erased_at_check CHECK (erased_at IS NULL OR deleted_at IS NOT NULL);

-- Set while a pass is inactive because its student was deleted: a student who comes back has it again.
ALTER TABLE public.passes ADD COLUMN student_deleted_at timestamptz;

-- Text as it is searched: no capitals, accents or apostrophes, Cyrillic and Greek in Latin letters. What is no ASCII then
-- becomes digits of its bytes, for trigrams are made of letters and digits, and where the locale is C no other is one.
CREATE FUNCTION public.hub_fold(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN pg_catalog.replace(pg_catalog.encode(pg_catalog.convert_to(pg_catalog.translate(
        pg_catalog.lower(public.unaccent('public.unaccent'::pg_catalog.regdictionary, pg_catalog.lower(value))),
        'абвгґдђеёєжзиіїйјклљмнњопрстћуфхцчџшщыэюяαάβγδεέζηήθιίϊΐκλμνξοόπρσςτυύϋΰφχψωώьъ''',
        'abvggddeeezziiiijkllmnnoprstcufhccdssyeuaaabgdeeziitiiiiklmnxooprsstuuuufhpoo'), 'UTF8'), 'escape'), '\', 'x');

-- Each word has a space before it, and those of names one behind, too.
ALTER TABLE public.students ADD COLUMN search text GENERATED ALWAYS AS (
    ' ' || public.hub_fold(first_name || ' ' || coalesce(middle_name || ' ', '') || last_name || ' ' || student_id
        || coalesce(' ' || email, ''))
) STORED;

-- ------------------------------------------------------------------------------------------------------ indexes

-- A page in each order: in one school, and in all of them for super admins.
CREATE INDEX idx_students_created_at ON public.students (school_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_last_name ON public.students (school_id, last_name, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_updated_at ON public.students (school_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_all_created_at ON public.students (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_all_last_name ON public.students (last_name, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_all_updated_at ON public.students (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX idx_students_deleted_at ON public.students (school_id, created_at, id) WHERE deleted_at IS NOT NULL;

-- The search, and every filter that few rows may pass, in whichever combination.
CREATE INDEX idx_students_search ON public.students USING gin (
    school_id, search public.gin_trgm_ops, status, department_id, program, year_of_study, gender, first_name,
    middle_name, enrollment_date, graduation_date
) WITH (gin_pending_list_limit = 1024);

-- ------------------------------------------------------------------------------------------------ words of names

-- The words that names of a school's students are made of, folded: what a misspelt word is taken for. There is no
-- unique key, because two transactions that bring the same word would wait for each other, or worse.
CREATE TABLE public.student_words (
    school_id uuid NOT NULL CONSTRAINT student_words_school_id_fkey REFERENCES public.schools (id),
    word text NOT NULL
);

-- Of the students that are there.
GRANT INSERT ON public.student_words TO hub_admin;
SET LOCAL ROLE hub_admin;
INSERT INTO public.student_words (school_id, word)
SELECT DISTINCT s.school_id, w.word
FROM public.students AS s
CROSS JOIN LATERAL string_to_table(
    public.hub_fold(s.first_name || ' ' || coalesce(s.middle_name || ' ', '') || s.last_name), ' ') AS w (word)
WHERE length(w.word) > 2;
RESET ROLE;
REVOKE INSERT ON public.student_words FROM hub_admin;

CREATE INDEX idx_student_words_word ON public.student_words (school_id, word);
CREATE INDEX idx_student_words_similar ON public.student_words USING gin (school_id, word public.gin_trgm_ops);

CREATE FUNCTION public.hub_note_student_words() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO public.student_words (school_id, word)
    SELECT DISTINCT a.school_id, w.word
    FROM after AS a
    CROSS JOIN LATERAL string_to_table(
        public.hub_fold(a.first_name || ' ' || coalesce(a.middle_name || ' ', '') || a.last_name), ' ') AS w (word)
    WHERE length(w.word) > 2 AND NOT EXISTS (
        SELECT FROM public.student_words AS k WHERE k.school_id = a.school_id AND k.word = w.word);
    RETURN NULL;
END
$$;

CREATE TRIGGER note_words_insert AFTER INSERT ON public.students REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_student_words();
CREATE TRIGGER note_words_update AFTER UPDATE ON public.students REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_note_student_words();

-- ------------------------------------------------------------------------------------------------------- search

-- LIKE is not leakproof, so under row-level security no index serves it. These functions look beyond it, and keep to
-- hub.school_id themselves: unset, they find nothing. Only hub_admin, which sees all, may look for words of all schools.

-- `patterns`: [["%ada%"], ["%lovelace%", "% lovelase%"]]: of each list one has to match. `most`: only so many, in the
-- order of the column `sort`, after the row (`value`, `after`). For the two functions below alone, which say whose.
CREATE FUNCTION public.hub_found_students(
    whose text, patterns jsonb, sort text, down boolean, value text, after uuid, most integer
) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    -- Only the index of trigrams is of use: whoever asks has walked along the others before.
    SET enable_seqscan = off SET enable_indexscan = off AS $$
DECLARE
    query text := 'SELECT s.id FROM public.students AS s WHERE s.deleted_at IS NULL' || whose;
BEGIN
    SELECT query || string_agg(' AND (' || anyone.test || ')', '') INTO query
    FROM jsonb_array_elements(patterns) AS word
    CROSS JOIN LATERAL (
        SELECT string_agg(format('s.search LIKE %L', pattern), ' OR ') AS test
        FROM jsonb_array_elements_text(word) AS pattern) AS anyone;
    IF after IS NOT NULL THEN
        query := query || format(' AND (s.%I, s.id) %s (%L, %L::uuid)', sort,
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
    patterns jsonb, sort text DEFAULT NULL, down boolean DEFAULT false, value text DEFAULT NULL,
    after uuid DEFAULT NULL, most integer DEFAULT NULL
) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    BEGIN ATOMIC
        SELECT public.hub_found_students(
            format(' AND s.school_id = %L', public.hub_current_school()), patterns, sort, down, value, after, most);
    END;

CREATE FUNCTION public.hub_search_all_students(
    patterns jsonb, sort text DEFAULT NULL, down boolean DEFAULT false, value text DEFAULT NULL,
    after uuid DEFAULT NULL, most integer DEFAULT NULL
) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
    BEGIN ATOMIC
        SELECT public.hub_found_students('', patterns, sort, down, value, after, most);
    END;

-- The words of names that look like this one, the most similar first.
CREATE FUNCTION public.hub_similar_words(misspelt text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET pg_trgm.similarity_threshold = 0.15 ROWS 20
    BEGIN ATOMIC
        SELECT k.word FROM public.student_words AS k
        WHERE k.school_id = public.hub_current_school() AND k.word OPERATOR(public.%) misspelt
        GROUP BY k.word ORDER BY public.similarity(k.word, misspelt) DESC, k.word LIMIT 50;
    END;

CREATE FUNCTION public.hub_similar_words_of_all(misspelt text) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET pg_trgm.similarity_threshold = 0.3 ROWS 20
    BEGIN ATOMIC
        SELECT k.word FROM public.student_words AS k
        WHERE k.word OPERATOR(public.%) misspelt
        GROUP BY k.word ORDER BY public.similarity(k.word, misspelt) DESC, k.word LIMIT 50;
    END;

-- Words that nobody's name has any more are forgotten; the caller names those that a student's name had.
CREATE FUNCTION public.hub_forget_student_words(words text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    school constant uuid := public.hub_current_school();
    gone text;
BEGIN
    FOREACH gone IN ARRAY words LOOP
        EXECUTE format('DELETE FROM public.student_words AS k WHERE k.school_id = $1 AND k.word = $2 AND NOT EXISTS ('
            'SELECT FROM public.students AS s WHERE s.school_id = $1 AND s.search LIKE %L)',
            '% ' || replace(replace(replace(gone, '\', '\\'), '%', '\%'), '_', '\_') || ' %')
        USING school, gone;
    END LOOP;
END
$$;

-- --------------------------------------------------------------------------------------------- who read a student

-- A list's reading is one entry with the ids of those on the page.
CREATE INDEX idx_audit_logs_read_ids ON public.audit_logs USING gin ((new_values -> 'ids') jsonb_path_ops)
    WHERE action = 'read' AND resource_type = 'student';

CREATE FUNCTION public.hub_reads_in_lists(student uuid)
    RETURNS TABLE (id uuid, created_at timestamptz, user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT l.id, l.created_at, l.user_id FROM public.audit_logs AS l
        WHERE l.action = 'read' AND l.resource_type = 'student' AND (l.school_id = public.hub_current_school() OR l.school_id IS NULL)
            AND l.new_values -> 'ids' @> to_jsonb(student::text);
    END;

-- ------------------------------------------------------------------------------------------- policies and grants

CREATE POLICY student_words_of_definer ON public.student_words TO hub_definer USING (true);
CREATE POLICY students_of_definer ON public.students FOR SELECT TO hub_definer USING (true);
ALTER TABLE public.student_words ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, DELETE ON public.student_words TO hub_definer;
GRANT SELECT (id, school_id, student_id, last_name, created_at, updated_at, deleted_at, search) ON public.students
    TO hub_definer;
GRANT SELECT (erased_at) ON public.students TO hub_system;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_note_student_words() OWNER TO hub_definer;
ALTER FUNCTION public.hub_found_students(text, jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_search_students(jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_search_all_students(jsonb, text, boolean, text, uuid, integer) OWNER TO hub_definer;
ALTER FUNCTION public.hub_similar_words(text) OWNER TO hub_definer;
ALTER FUNCTION public.hub_similar_words_of_all(text) OWNER TO hub_definer;
ALTER FUNCTION public.hub_forget_student_words(text[]) OWNER TO hub_definer;
ALTER FUNCTION public.hub_reads_in_lists(uuid) OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;

REVOKE EXECUTE ON FUNCTION public.hub_note_student_words(), public.hub_similar_words(text),
    public.hub_found_students(text, jsonb, text, boolean, text, uuid, integer),
    public.hub_search_students(jsonb, text, boolean, text, uuid, integer),
    public.hub_search_all_students(jsonb, text, boolean, text, uuid, integer),
    public.hub_similar_words_of_all(text), public.hub_forget_student_words(text[]), public.hub_reads_in_lists(uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.hub_search_students(jsonb, text, boolean, text, uuid, integer),
    public.hub_similar_words(text), public.hub_forget_student_words(text[]), public.hub_reads_in_lists(uuid)
    TO hub_api, hub_admin;
GRANT EXECUTE ON FUNCTION public.hub_search_all_students(jsonb, text, boolean, text, uuid, integer),
    public.hub_similar_words_of_all(text) TO hub_admin;
