-- Signing in: sessions and their tokens, second factors, and the keys that sign access tokens; what the built-in roles
-- may do; and triggers that hold what no request may forget.
--
-- Secrets of people are never in here as they are: refresh tokens, mailed tokens and recovery codes are SHA-256 of
-- random values, TOTP secrets and private keys are sealed with a key that is not in the database.

-- ---------------------------------------------------------------------------------------------- users and roles

ALTER TABLE public.users ADD COLUMN deleted_at timestamptz;

-- A person who left may come back under the same address.
ALTER TABLE public.users DROP CONSTRAINT users_email_key;
DROP INDEX public.users_lower_email_key;
CREATE UNIQUE INDEX users_lower_email_key ON public.users (lower(email)) WHERE deleted_at IS NULL;
CREATE INDEX idx_users_role_id ON public.users (role_id);

-- A super admin is who belongs to no school, and nobody else does.
ALTER TABLE public.users ADD CONSTRAINT users_school_of_role_check
    CHECK ((role_id = '018bcfe5-6800-7000-8000-000000000001') = (school_id IS NULL));

-- NULL: a role of the installation's. A school may call its own roles what it likes, except as a built-in one.
ALTER TABLE public.roles ADD COLUMN school_id uuid CONSTRAINT roles_school_id_fkey REFERENCES public.schools (id);
ALTER TABLE public.roles ADD COLUMN built_in boolean NOT NULL DEFAULT false;
ALTER TABLE public.roles ADD CONSTRAINT roles_built_in_check CHECK (NOT built_in OR school_id IS NULL);
ALTER TABLE public.roles DROP CONSTRAINT roles_name_key;
CREATE UNIQUE INDEX roles_school_id_name_key ON public.roles (school_id, lower(name)) NULLS NOT DISTINCT;

-- ------------------------------------------------------------------------------------------------------ sessions

-- One sign-in on one device, and the family of all refresh tokens that came of it. It lives as long as it was given,
-- however often it is used.
CREATE TABLE public.sessions (
    id uuid CONSTRAINT sessions_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES public.users (id),
    -- The user's; NULL for a super admin.
    school_id uuid CONSTRAINT sessions_school_id_fkey REFERENCES public.schools (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- How its tokens travel: a browser's in cookies that no script can read, everybody else's in the answer.
    delivery text NOT NULL DEFAULT 'body',
    ended_at timestamptz,
    end_reason text,
    address inet,
    user_agent varchar(400),
    CONSTRAINT sessions_delivery_check CHECK (delivery IN ('body', 'cookie')),
    CONSTRAINT sessions_end_reason_check CHECK (end_reason IN (
        'logout', 'token_reuse', 'password_change', 'role_change', 'deactivation'))
);

CREATE INDEX idx_sessions_user_id ON public.sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX idx_sessions_expires_at ON public.sessions (expires_at);
CREATE INDEX idx_sessions_school_id ON public.sessions (school_id);

CREATE TABLE public.refresh_tokens (
    hash bytea CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    session_id uuid NOT NULL
        CONSTRAINT refresh_tokens_session_id_fkey REFERENCES public.sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- A token is good for one use. Used again it was stolen, here or there: the session ends.
    used_at timestamptz,
    CONSTRAINT refresh_tokens_hash_check CHECK (octet_length(hash) = 32)
);

CREATE INDEX idx_refresh_tokens_session_id ON public.refresh_tokens (session_id);

-- What is mailed: an invitation, a new password, the proof of an address. One use, one hour.
CREATE TABLE public.mailed_tokens (
    hash bytea CONSTRAINT mailed_tokens_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT mailed_tokens_user_id_fkey REFERENCES public.users (id),
    purpose text NOT NULL,
    -- Where it went: it proves this address and no later one.
    email varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT mailed_tokens_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT mailed_tokens_purpose_check CHECK (purpose IN ('invitation', 'reset', 'verify'))
);

CREATE INDEX idx_mailed_tokens_user_id ON public.mailed_tokens (user_id);

-- ------------------------------------------------------------------------------------------------ second factors

CREATE TABLE public.second_factors (
    user_id uuid CONSTRAINT second_factors_pkey PRIMARY KEY
        CONSTRAINT second_factors_user_id_fkey REFERENCES public.users (id),
    secret bytea NOT NULL,  -- AES-256-GCM ciphertext
    -- NULL until its owner has shown a code: it is not asked for before.
    confirmed_at timestamptz,
    -- The 30 seconds whose code was accepted last: that code, and any before it, is not accepted again.
    last_step bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.recovery_codes (
    user_id uuid NOT NULL
        CONSTRAINT recovery_codes_user_id_fkey REFERENCES public.second_factors (user_id) ON DELETE CASCADE,
    hash bytea NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_hash_check CHECK (octet_length(hash) = 32)
);

-- --------------------------------------------------------------------------------------- keys of access tokens

-- The id is the tokens' kid. The newest that is not before active_from signs; a retired one is still believed for as
-- long as a token lives, so that a rotation signs nobody out.
CREATE TABLE public.token_keys (
    id uuid CONSTRAINT token_keys_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    public_key bytea NOT NULL,
    private_key bytea NOT NULL,  -- AES-256-GCM ciphertext
    created_at timestamptz NOT NULL DEFAULT now(),
    active_from timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    CONSTRAINT token_keys_public_key_check CHECK (octet_length(public_key) = 32)
);

-- ------------------------------------------------------------------------------------ permissions and built-in roles

SET LOCAL ROLE hub_admin;

UPDATE public.roles SET built_in = true
WHERE id BETWEEN '018bcfe5-6800-7000-8000-000000000001' AND '018bcfe5-6800-7000-8000-000000000005';

INSERT INTO public.permissions (name, resource, action)
SELECT p, split_part(p, ':', 1), split_part(p, ':', 2)
FROM unnest(ARRAY[
    'students:create', 'students:read', 'students:update', 'students:delete', 'students:import', 'students:export',
    'students:erase', 'documents:create', 'documents:read', 'documents:delete', 'faces:read', 'passes:create',
    'passes:read', 'passes:update', 'passes:delete', 'passes:send', 'passes:verify', 'templates:create',
    'templates:read', 'templates:update', 'visitors:create', 'access_points:create', 'access_points:read',
    'access_points:update', 'access_points:delete', 'access_logs:read', 'access_logs:create', 'access_logs:annul',
    'access_logs:export', 'live:read', 'lockdown:set', 'schools:create', 'schools:read', 'schools:update',
    'departments:create', 'departments:read', 'departments:update', 'departments:delete', 'users:create',
    'users:read', 'users:update', 'users:delete', 'roles:create', 'roles:read', 'roles:update', 'permissions:read',
    'analytics:read', 'audit_logs:read', 'audit_logs:export', 'signing_keys:rotate', 'jobs:read'
]) AS p;

INSERT INTO public.role_permissions (role_id, permission_id)
SELECT r.id, p.id
FROM public.roles AS r
CROSS JOIN public.permissions AS p
WHERE r.built_in AND CASE r.name
    WHEN 'super_admin' THEN true
    WHEN 'school_admin' THEN p.name NOT IN ('schools:create', 'signing_keys:rotate')
    WHEN 'staff' THEN p.name IN (
        'students:create', 'students:read', 'students:update', 'documents:create', 'documents:read', 'faces:read',
        'passes:create', 'passes:read', 'passes:update', 'passes:delete', 'passes:send', 'templates:read',
        'visitors:create', 'access_points:read', 'access_logs:read', 'live:read', 'schools:read', 'departments:read',
        'analytics:read', 'jobs:read')
    WHEN 'security' THEN p.name IN ('faces:read', 'passes:read', 'access_logs:read', 'live:read')
    WHEN 'card_reader' THEN p.name IN ('passes:verify', 'access_logs:create')
    END;

RESET ROLE;

-- ---------------------------------------------------------------------------------------- what holds by itself

-- Built-in rows are changed by a migration that says so: SET LOCAL hub.built_in_roles = 'change'.
CREATE FUNCTION public.hub_guard_roles() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('hub.built_in_roles', true) = 'change' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.built_in AND (TG_OP = 'DELETE' OR
            (NEW.id, NEW.name, NEW.school_id, NEW.built_in) IS DISTINCT FROM (OLD.id, OLD.name, NULL::uuid, true)) THEN
        RAISE EXCEPTION 'the role % is built in', OLD.name
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_built_in', TABLE = 'roles';
    END IF;
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR NOT OLD.built_in) AND (NEW.built_in OR EXISTS (
            SELECT FROM public.roles AS r WHERE r.built_in AND r.name = lower(NEW.name))) THEN
        RAISE EXCEPTION 'a built-in role is called %', NEW.name
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_built_in', TABLE = 'roles';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

CREATE FUNCTION public.hub_guard_role_permissions() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('hub.built_in_roles', true) = 'change' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF EXISTS (SELECT FROM public.roles AS r WHERE r.built_in AND (
            (TG_OP <> 'INSERT' AND r.id = OLD.role_id) OR (TG_OP <> 'DELETE' AND r.id = NEW.role_id))) THEN
        RAISE EXCEPTION 'what a built-in role may do is not changed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roles_built_in', TABLE = 'role_permissions';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

-- A role of one school is nobody's in another.
CREATE FUNCTION public.hub_guard_role_of_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.roles AS r
               WHERE r.id = NEW.role_id AND r.school_id IS NOT NULL AND r.school_id IS DISTINCT FROM NEW.school_id) THEN
        RAISE EXCEPTION 'the role belongs to another school'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'users_role_of_school', TABLE = 'users';
    END IF;
    RETURN NEW;
END
$$;

-- Somebody who can sign in must stay super admin. The lock makes two who demote each other take turns, and the second
-- of them sees what the first has done.
CREATE FUNCTION public.hub_guard_last_super_admin() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    super_admin constant uuid := '018bcfe5-6800-7000-8000-000000000001';
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.role_id = super_admin AND NEW.is_active AND NEW.deleted_at IS NULL
            AND NEW.password_hash <> '' THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(7203401, 11);
    IF NOT EXISTS (SELECT FROM public.users AS u WHERE u.role_id = super_admin AND u.is_active
                   AND u.deleted_at IS NULL AND u.password_hash <> '') THEN
        RAISE EXCEPTION 'the last super admin stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'users_last_super_admin', TABLE = 'users';
    END IF;
    RETURN NULL;
END
$$;

-- Whatever changes an account so that those who hold its sessions should not go on. A password that is only hashed
-- anew is not changed: whoever does that says so in hub.rehash.
CREATE FUNCTION public.hub_end_sessions_of_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    why text;
BEGIN
    IF NEW.deleted_at IS NOT NULL OR NOT NEW.is_active THEN
        why := 'deactivation';
    ELSIF (NEW.role_id, NEW.school_id) IS DISTINCT FROM (OLD.role_id, OLD.school_id) THEN
        why := 'role_change';
    ELSIF NEW.password_hash <> OLD.password_hash
            AND current_setting('hub.rehash', true) IS DISTINCT FROM NEW.id::text THEN
        why := 'password_change';
    ELSE
        RETURN NULL;
    END IF;
    UPDATE public.sessions AS s SET ended_at = clock_timestamp(), end_reason = why
    WHERE s.user_id = NEW.id AND s.ended_at IS NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER guard_roles BEFORE INSERT OR UPDATE OR DELETE ON public.roles
    FOR EACH ROW EXECUTE FUNCTION public.hub_guard_roles();
CREATE TRIGGER guard_role_permissions BEFORE INSERT OR UPDATE OR DELETE ON public.role_permissions
    FOR EACH ROW EXECUTE FUNCTION public.hub_guard_role_permissions();
CREATE TRIGGER guard_role_of_user BEFORE INSERT OR UPDATE OF role_id, school_id ON public.users
    FOR EACH ROW EXECUTE FUNCTION public.hub_guard_role_of_user();
CREATE TRIGGER guard_last_super_admin AFTER UPDATE OR DELETE ON public.users
    FOR EACH ROW WHEN (OLD.role_id = '018bcfe5-6800-7000-8000-000000000001' AND OLD.is_active
                       AND OLD.deleted_at IS NULL AND OLD.password_hash <> '')
    EXECUTE FUNCTION public.hub_guard_last_super_admin();
CREATE TRIGGER end_sessions AFTER UPDATE ON public.users
    FOR EACH ROW EXECUTE FUNCTION public.hub_end_sessions_of_user();

-- ------------------------------------------------------------------------------------------------ the change feed

ALTER TABLE public.index_changes DROP CONSTRAINT index_changes_kind_check;
ALTER TABLE public.index_changes ADD CONSTRAINT index_changes_kind_check CHECK (kind IN (
    'pass', 'school', 'access_point', 'device_key', 'signing_key', 'user', 'role', 'session', 'token_key', 'reload'));

DO $$
DECLARE
    fed record;
    arguments text;
BEGIN
    FOR fed IN SELECT * FROM (VALUES
        ('sessions', 'session', 'id', ARRAY['created_at', 'delivery', 'end_reason', 'address', 'user_agent']),
        ('second_factors', 'user', 'user_id', ARRAY['secret', 'last_step', 'created_at']),
        ('token_keys', 'token_key', 'id', ARRAY['private_key', 'created_at'])
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

-- ------------------------------------------------------------------------------------------------------ policies

DO $$
DECLARE
    relation text;
    role_name text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['sessions', 'refresh_tokens', 'mailed_tokens', 'second_factors', 'recovery_codes',
                                    'token_keys'] LOOP
        FOREACH role_name IN ARRAY ARRAY['hub_admin', 'hub_system'] LOOP
            EXECUTE format('CREATE POLICY %I ON public.%I TO %I USING (true)',
                           relation || '_of_' || replace(role_name, 'hub_', ''), relation, role_name);
        END LOOP;
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;

CREATE POLICY sessions_of_school ON public.sessions TO hub_api USING (school_id = public.hub_current_school());

-- Through the user, whose own policy holds in the subquery too.
CREATE POLICY second_factors_of_school ON public.second_factors TO hub_api
    USING (EXISTS (SELECT FROM public.users AS u WHERE u.id = user_id));
CREATE POLICY recovery_codes_of_school ON public.recovery_codes TO hub_api
    USING (EXISTS (SELECT FROM public.users AS u WHERE u.id = user_id));

-- A school reads the installation's roles and its own, and changes its own.
DROP POLICY roles_of_all ON public.roles;
DROP POLICY role_permissions_of_all ON public.role_permissions;
CREATE POLICY roles_of_school ON public.roles TO hub_api
    USING (school_id = public.hub_current_school()) WITH CHECK (school_id = public.hub_current_school());
CREATE POLICY roles_of_installation ON public.roles FOR SELECT TO hub_api USING (school_id IS NULL);
CREATE POLICY role_permissions_of_roles ON public.role_permissions FOR SELECT TO hub_api
    USING (EXISTS (SELECT FROM public.roles AS r WHERE r.id = role_id));
CREATE POLICY role_permissions_to_add ON public.role_permissions FOR INSERT TO hub_api
    WITH CHECK (EXISTS (SELECT FROM public.roles AS r
                        WHERE r.id = role_id AND r.school_id = public.hub_current_school()));
CREATE POLICY role_permissions_to_take ON public.role_permissions FOR DELETE TO hub_api
    USING (EXISTS (SELECT FROM public.roles AS r
                   WHERE r.id = role_id AND r.school_id = public.hub_current_school()));

CREATE POLICY roles_of_definer ON public.roles FOR SELECT TO hub_definer USING (true);
CREATE POLICY users_of_definer ON public.users FOR SELECT TO hub_definer USING (true);
CREATE POLICY sessions_of_definer ON public.sessions TO hub_definer USING (true);

-- -------------------------------------------------------------------------------------------------------- grants

-- Who asks for a school never sees a password's hash: only signing in, which belongs to no school yet, does.
REVOKE SELECT ON public.users FROM hub_api;
GRANT SELECT (id, email, first_name, last_name, role_id, school_id, is_active, email_verified_at, last_login_at,
    created_at, updated_at, deleted_at) ON public.users TO hub_api;
GRANT SELECT, UPDATE (ended_at, end_reason) ON public.sessions TO hub_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.second_factors, public.recovery_codes TO hub_api, hub_admin;
GRANT INSERT, UPDATE ON public.roles TO hub_api;
GRANT INSERT, DELETE ON public.role_permissions TO hub_api;

GRANT SELECT, INSERT, UPDATE ON public.sessions, public.refresh_tokens, public.mailed_tokens, public.token_keys
    TO hub_admin;

GRANT SELECT (deleted_at) ON public.users TO hub_system;
GRANT SELECT, DELETE ON public.sessions TO hub_system;
GRANT SELECT (user_id, confirmed_at) ON public.second_factors TO hub_system;
GRANT SELECT (id, public_key, created_at, active_from, retired_at), INSERT, UPDATE (retired_at) ON public.token_keys
    TO hub_system;
GRANT DELETE ON public.token_keys TO hub_system;
-- The job that mails a token makes it: it is nowhere before it is on its way.
GRANT SELECT, INSERT, DELETE ON public.mailed_tokens TO hub_system;

GRANT SELECT (id, name, school_id, built_in) ON public.roles TO hub_definer;
GRANT SELECT (role_id, is_active, deleted_at, password_hash) ON public.users TO hub_definer;
GRANT SELECT (user_id, ended_at), UPDATE (ended_at, end_reason) ON public.sessions TO hub_definer;

GRANT CREATE ON SCHEMA public TO hub_definer;  -- an owner of functions must have it while becoming one
ALTER FUNCTION public.hub_guard_roles() OWNER TO hub_definer;
ALTER FUNCTION public.hub_guard_role_permissions() OWNER TO hub_definer;
ALTER FUNCTION public.hub_guard_role_of_user() OWNER TO hub_definer;
ALTER FUNCTION public.hub_guard_last_super_admin() OWNER TO hub_definer;
ALTER FUNCTION public.hub_end_sessions_of_user() OWNER TO hub_definer;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
REVOKE EXECUTE ON FUNCTION public.hub_guard_roles(), public.hub_guard_role_permissions(),
    public.hub_guard_role_of_user(), public.hub_guard_last_super_admin(), public.hub_end_sessions_of_user()
    FROM PUBLIC;
