-- Photos and documents: which there are, of whom, and whether somebody has looked for viruses in them. The bytes are in
-- a bucket or a directory (hub/store/files); a row is written when they are there, and deleted before they go.

-- waiting: nobody has looked yet, and nobody gets it; trusted: taken where nothing looks (HUB_FILES_UNSCANNED).
ALTER TABLE public.documents
    ADD COLUMN scan text NOT NULL DEFAULT 'waiting',
    ADD CONSTRAINT documents_scan_check CHECK (scan IN ('waiting', 'clean', 'trusted'));

-- One of each student. `version` is part of the names of its files, so that no two photos ever have the same name;
-- students.photo_url is set while it may be shown.
CREATE TABLE public.student_photos (
    student_id uuid CONSTRAINT student_photos_pkey PRIMARY KEY,
    school_id uuid NOT NULL CONSTRAINT student_photos_school_id_fkey REFERENCES public.schools (id),
    version uuid NOT NULL,
    scan text NOT NULL,
    uploaded_by uuid CONSTRAINT student_photos_uploaded_by_fkey REFERENCES public.users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT student_photos_student_id_fkey FOREIGN KEY (student_id, school_id)
        REFERENCES public.students (id, school_id),
    CONSTRAINT student_photos_scan_check CHECK (scan IN ('waiting', 'clean', 'trusted'))
);

CREATE INDEX idx_student_photos_school_id ON public.student_photos (school_id, student_id);

CREATE POLICY student_photos_of_school ON public.student_photos TO hub_api
    USING (school_id = public.hub_current_school());
CREATE POLICY student_photos_of_admin ON public.student_photos TO hub_admin USING (true);
CREATE POLICY student_photos_of_system ON public.student_photos TO hub_system USING (true);
ALTER TABLE public.student_photos ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON public.student_photos TO hub_api, hub_admin;
GRANT UPDATE (scan) ON public.documents TO hub_api, hub_admin;
GRANT SELECT ON public.student_photos TO hub_system;
