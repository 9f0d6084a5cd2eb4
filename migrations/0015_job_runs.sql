-- What takes longer than a second, as whoever asked for it sees it; and the files of it, sealed.
--
-- PgQueuer's row says that a run is due and is gone with it; this one says what became of it. A run is carried out by
-- one process at a time: whoever takes it up raises `attempt`, and nothing is committed under an older one.

CREATE TABLE public.job_runs (
    id uuid CONSTRAINT job_runs_pkey PRIMARY KEY,
    -- NULL: the installation's.
    school_id uuid CONSTRAINT job_runs_school_id_fkey REFERENCES public.schools (id),
    kind text NOT NULL,
    status text NOT NULL DEFAULT 'queued',
    -- What was asked for; AES-256-GCM under the key ring, because a filter may name people.
    params bytea NOT NULL,
    -- While a run with this is queued or running, no other of the school is.
    exclusive text,
    attempt integer NOT NULL DEFAULT 0,
    confirmed boolean NOT NULL DEFAULT false,
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    -- Where to carry on; says nothing about anybody.
    state jsonb,
    result jsonb,
    errors jsonb NOT NULL DEFAULT '[]',
    user_id uuid,
    request_id varchar(128),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT job_runs_status_check CHECK (status IN ('queued', 'running', 'finished', 'failed', 'needs_confirmation'))
);

CREATE UNIQUE INDEX job_runs_exclusive_key ON public.job_runs (school_id, exclusive)
    WHERE status IN ('queued', 'running');
CREATE INDEX idx_job_runs_school_id ON public.job_runs (school_id, created_at DESC);
CREATE INDEX idx_job_runs_created_at ON public.job_runs (created_at);

-- A file of a run: what was uploaded, or what came of it. In the database, for a run is carried out on any host.
CREATE TABLE public.job_files (
    id uuid CONSTRAINT job_files_pkey PRIMARY KEY,
    job_id uuid NOT NULL CONSTRAINT job_files_job_id_fkey REFERENCES public.job_runs (id) ON DELETE CASCADE,
    school_id uuid CONSTRAINT job_files_school_id_fkey REFERENCES public.schools (id),
    name text NOT NULL,
    -- The file's own 32 bytes, sealed under the key ring: without it what is left of the file, wherever, is noise.
    key bytea NOT NULL,
    size bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT job_files_job_id_name_key UNIQUE (job_id, name)
);

CREATE TABLE public.job_file_parts (
    file_id uuid NOT NULL CONSTRAINT job_file_parts_file_id_fkey REFERENCES public.job_files (id) ON DELETE CASCADE,
    number integer NOT NULL,
    school_id uuid CONSTRAINT job_file_parts_school_id_fkey REFERENCES public.schools (id),
    content bytea NOT NULL,
    CONSTRAINT job_file_parts_pkey PRIMARY KEY (file_id, number)
);
-- Ciphertext does not become smaller.
ALTER TABLE public.job_file_parts ALTER COLUMN content SET STORAGE EXTERNAL;

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['job_runs', 'job_files', 'job_file_parts'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_api USING (school_id = public.hub_current_school())',
                       relation || '_of_school', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_admin USING (true)', relation || '_of_admin', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE ON public.job_runs TO hub_api, hub_admin;
GRANT SELECT, UPDATE, DELETE ON public.job_runs TO hub_system;
GRANT SELECT, INSERT, DELETE ON public.job_files, public.job_file_parts TO hub_api, hub_admin;
GRANT UPDATE (key) ON public.job_files TO hub_admin;
GRANT SELECT, DELETE ON public.job_files TO hub_system;
