-- What guards need: acknowledgements, when readers were heard last, tickets for a browser as a reader, wall screens.

-- ------------------------------------------------------------------------------------------------ acknowledgements

-- Somebody has seen to it: to one scan, or to a door that is silent. There may be several; none is changed or taken back.
CREATE TABLE public.acknowledgements (
    id uuid CONSTRAINT acknowledgements_pkey PRIMARY KEY,
    school_id uuid NOT NULL CONSTRAINT acknowledgements_school_id_fkey REFERENCES public.schools (id),
    access_point_id uuid NOT NULL
        CONSTRAINT acknowledgements_access_point_id_fkey REFERENCES public.access_points (id),
    -- NULL: the door itself. No foreign key, as the log is by month; with the door it is the scan's identity.
    scan_id uuid,
    -- Whom the scan tells of.
    student_id uuid,
    user_id uuid NOT NULL CONSTRAINT acknowledgements_user_id_fkey REFERENCES public.users (id),
    note varchar(500),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idx_acknowledgements_school_id ON public.acknowledgements (school_id, created_at, id);
CREATE INDEX idx_acknowledgements_scan_id ON public.acknowledgements (access_point_id, scan_id, created_at);

-- ------------------------------------------------------------------------------------------------ reader_presence

-- The connection that a door's reader had last, as its worker wrote it every few seconds. Many small updates of few rows.
CREATE TABLE public.reader_presence (
    access_point_id uuid CONSTRAINT reader_presence_pkey PRIMARY KEY,
    school_id uuid NOT NULL,
    connected_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    -- NULL while it is open, or since its worker is gone without a word.
    gone_at timestamptz
) WITH (fillfactor = 50);

CREATE INDEX idx_reader_presence_school_id ON public.reader_presence (school_id);

-- ------------------------------------------------------------------------------------------------- reader_tickets

-- Lets a browser connect as the reader of a door, once, within half a minute. The SHA-256 of a random value.
CREATE TABLE public.reader_tickets (
    hash bytea CONSTRAINT reader_tickets_pkey PRIMARY KEY,
    school_id uuid NOT NULL CONSTRAINT reader_tickets_school_id_fkey REFERENCES public.schools (id),
    access_point_id uuid NOT NULL
        CONSTRAINT reader_tickets_access_point_id_fkey REFERENCES public.access_points (id),
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT reader_tickets_hash_check CHECK (octet_length(hash) = 32)
);

CREATE INDEX idx_reader_tickets_expires_at ON public.reader_tickets (expires_at);

-- --------------------------------------------------------------------------------------------------- wall screens

CREATE TABLE public.wall_screens (
    id uuid CONSTRAINT wall_screens_pkey PRIMARY KEY,
    school_id uuid NOT NULL CONSTRAINT wall_screens_school_id_fkey REFERENCES public.schools (id),
    name varchar(100) NOT NULL,
    created_by uuid NOT NULL CONSTRAINT wall_screens_created_by_fkey REFERENCES public.users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- SHA-256 of what its browser shows; NULL until it has come for it.
    token_hash bytea CONSTRAINT wall_screens_token_hash_key UNIQUE,
    claimed_at timestamptz,
    last_seen_at timestamptz,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT wall_screens_token_hash_check CHECK (octet_length(token_hash) = 32)
);

CREATE INDEX idx_wall_screens_school_id ON public.wall_screens (school_id, created_at, id);

-- A screen that asks to be let in: whoever reads the code off it may confirm it, and it alone has the secret.
CREATE TABLE public.pairings (
    id uuid CONSTRAINT pairings_pkey PRIMARY KEY,
    code varchar(8) NOT NULL CONSTRAINT pairings_code_key UNIQUE,
    secret_hash bytea NOT NULL CONSTRAINT pairings_secret_hash_key UNIQUE,
    expires_at timestamptz NOT NULL,
    -- Both NULL until somebody has confirmed it.
    school_id uuid CONSTRAINT pairings_school_id_fkey REFERENCES public.schools (id),
    wall_screen_id uuid CONSTRAINT pairings_wall_screen_id_fkey REFERENCES public.wall_screens (id) ON DELETE CASCADE,
    CONSTRAINT pairings_secret_hash_check CHECK (octet_length(secret_hash) = 32)
);

CREATE INDEX idx_pairings_expires_at ON public.pairings (expires_at);

-- ---------------------------------------------------------------------------------------------------- permissions

SET LOCAL ROLE hub_admin;
SET LOCAL hub.built_in_roles = 'change';

INSERT INTO public.permissions (name, resource, action)
SELECT p, split_part(p, ':', 1), split_part(p, ':', 2)
FROM unnest(ARRAY[
    'acknowledgements:create', 'access_points:scan', 'wall_screens:create', 'wall_screens:read',
    'wall_screens:update', 'wall_screens:delete'
]) AS p;

INSERT INTO public.role_permissions (role_id, permission_id)
SELECT r.id, p.id
FROM public.roles AS r
CROSS JOIN public.permissions AS p
WHERE r.built_in AND (
    r.name IN ('super_admin', 'school_admin') AND p.name IN (
        'acknowledgements:create', 'access_points:scan', 'wall_screens:create',
        'wall_screens:read', 'wall_screens:update', 'wall_screens:delete')
    OR r.name IN ('staff', 'security') AND p.name = 'acknowledgements:create');

SET LOCAL hub.built_in_roles = '';
RESET ROLE;

-- ------------------------------------------------------------------------------------------------ the change feed

-- Those that there are, and ours.
DO $$
DECLARE
    kinds text;
BEGIN
    SELECT string_agg(DISTINCT quote_literal(k.kind), ', ') INTO kinds
    FROM (SELECT m[1] AS kind
          FROM pg_constraint AS c
          CROSS JOIN LATERAL regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS m
          WHERE c.conname = 'index_changes_kind_check'
          UNION ALL VALUES ('acknowledgement'), ('wall_screen')) AS k;
    ALTER TABLE public.index_changes DROP CONSTRAINT index_changes_kind_check;
    EXECUTE format('ALTER TABLE public.index_changes ADD CONSTRAINT index_changes_kind_check CHECK (kind IN (%s))', kinds);
END
$$;

CREATE TRIGGER feed_insert AFTER INSERT ON public.acknowledgements REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows('acknowledgement', 'id');

CREATE TRIGGER feed_insert AFTER INSERT ON public.wall_screens REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows('wall_screen', 'id');
CREATE TRIGGER feed_update AFTER UPDATE ON public.wall_screens REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows(
        'wall_screen', 'id', 'name', 'created_by', 'created_at', 'claimed_at', 'last_seen_at');
CREATE TRIGGER feed_delete AFTER DELETE ON public.wall_screens REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows('wall_screen', 'id');
CREATE TRIGGER feed_truncate AFTER TRUNCATE ON public.wall_screens
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_reload();

-- ------------------------------------------------------------------------------------------- policies and grants

DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['acknowledgements', 'reader_presence', 'reader_tickets', 'wall_screens', 'pairings'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_admin USING (true)', relation || '_of_admin', relation);
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
        IF relation <> 'pairings' THEN
            EXECUTE format('CREATE POLICY %I ON public.%I TO hub_api USING (school_id = public.hub_current_school())',
                           relation || '_of_school', relation);
        END IF;
    END LOOP;
END
$$;

-- Until it is confirmed a pairing is nobody's; whoever has its code makes it their school's.
CREATE POLICY pairings_of_nobody ON public.pairings TO hub_api
    USING (school_id IS NULL OR school_id = public.hub_current_school())
    WITH CHECK (school_id = public.hub_current_school());

GRANT SELECT, INSERT ON public.acknowledgements TO hub_api, hub_admin;
GRANT SELECT ON public.acknowledgements TO hub_system;
GRANT SELECT ON public.reader_presence TO hub_api, hub_admin;
GRANT SELECT, INSERT, UPDATE ON public.reader_presence TO hub_system;
GRANT INSERT ON public.reader_tickets TO hub_api, hub_admin;
GRANT SELECT, DELETE ON public.reader_tickets TO hub_system;
GRANT SELECT (id, school_id, name, created_by, created_at, claimed_at, last_seen_at, expires_at, revoked_at), INSERT,
    UPDATE (name, revoked_at) ON public.wall_screens TO hub_api;
GRANT SELECT, INSERT, UPDATE ON public.wall_screens TO hub_admin;
GRANT SELECT, DELETE ON public.wall_screens TO hub_system;
GRANT SELECT (id, code, expires_at, school_id, wall_screen_id), UPDATE (school_id, wall_screen_id)
    ON public.pairings TO hub_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.pairings TO hub_admin;
GRANT SELECT, DELETE ON public.pairings TO hub_system;
