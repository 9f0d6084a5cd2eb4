-- A school's logo, as its badges have it: small, of nobody, and so in the row. schools.logo_url is its address here
-- while it is in use; it may also be any address elsewhere, and then nothing is printed.

CREATE TABLE public.school_logos (
    school_id uuid CONSTRAINT school_logos_pkey PRIMARY KEY
        CONSTRAINT school_logos_school_id_fkey REFERENCES public.schools (id),
    version uuid NOT NULL,
    picture bytea NOT NULL CONSTRAINT school_logos_picture_check CHECK (octet_length(picture) <= 262144),
    uploaded_by uuid CONSTRAINT school_logos_uploaded_by_fkey REFERENCES public.users (id),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE POLICY school_logos_of_school ON public.school_logos TO hub_api
    USING (school_id = public.hub_current_school());
CREATE POLICY school_logos_of_admin ON public.school_logos TO hub_admin USING (true);
ALTER TABLE public.school_logos ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON public.school_logos TO hub_api, hub_admin;
