-- What takes an hour where it should take a minute, when a school of many thousands comes into a large installation or
-- leaves it.

-- Which pass replaced another: asked when a pass is deleted, for each, and by a look at all passes without this.
CREATE INDEX idx_passes_replaces_id ON public.passes (replaces_id) WHERE replaces_id IS NOT NULL;

-- Until the next ANALYZE the planner believes that a new school has one student. This index, small and of the school
-- alone, then looks as good as the one of school and number, and finding a number reads the whole school. As it is now
-- it does not serve such a look, which sees the deleted too; the unique one serves whoever asks for all of a school.
DROP INDEX public.idx_students_school_id;
CREATE INDEX idx_students_school_id ON public.students (school_id) WHERE deleted_at IS NULL;

-- A tenth of a large table is more than a school.
ALTER TABLE public.students SET (autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 1000);
ALTER TABLE public.passes SET (autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 1000);
