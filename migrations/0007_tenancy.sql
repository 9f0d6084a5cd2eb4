-- Who may see and change which rows. Grants say which verbs a role has; policies say on which rows.
--
-- Row-level security is forced: it holds for the tables' owner too, who has no policy and sees nothing. Policies of a
-- kind are separate, one a role: an OR'ed wildcard ("… OR hub_is_admin()") would make every query read whole tables.

-- The school of this transaction; NULL, and so no row, when none is set. After a transaction that set it locally, the
-- setting reads '' and not NULL. Inlined by the planner: indexes that lead with school_id serve it.
CREATE FUNCTION public.hub_current_school() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(pg_catalog.current_setting('hub.school_id', true), '')::uuid;

-- ----------------------------------------------------------------------------------------------------- policies

DO $$
DECLARE
    relation text;
BEGIN
    -- Tables of a school.
    FOREACH relation IN ARRAY ARRAY['departments', 'users', 'students', 'documents', 'passes', 'access_points',
                                    'device_keys', 'signing_keys', 'access_logs', 'audit_logs'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_api USING (school_id = public.hub_current_school())',
                       relation || '_of_school', relation);
    END LOOP;
    CREATE POLICY schools_of_school ON public.schools TO hub_api USING (id = public.hub_current_school());

    -- The same for every school: roles and permissions are read by all, changed by super admins.
    FOREACH relation IN ARRAY ARRAY['roles', 'permissions', 'role_permissions'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I FOR SELECT TO hub_api USING (true)',
                       relation || '_of_all', relation);
    END LOOP;

    FOREACH relation IN ARRAY ARRAY['schools', 'departments', 'users', 'students', 'documents', 'passes',
                                    'access_points', 'device_keys', 'signing_keys', 'access_logs', 'audit_logs',
                                    'roles', 'permissions', 'role_permissions'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_admin USING (true)', relation || '_of_admin', relation);
    END LOOP;

    FOREACH relation IN ARRAY ARRAY['schools', 'departments', 'users', 'students', 'documents', 'passes',
                                    'access_points', 'device_keys', 'signing_keys', 'access_logs', 'audit_logs',
                                    'access_logs_default', 'audit_logs_default', 'roles', 'permissions',
                                    'role_permissions', 'scan_ids', 'access_logs_rejected'] LOOP
        EXECUTE format('CREATE POLICY %I ON public.%I TO hub_system USING (true)', relation || '_of_system', relation);
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;

-- A school may sign with the installation's key, but neither change nor add one.
CREATE POLICY signing_keys_of_installation ON public.signing_keys FOR SELECT TO hub_api USING (school_id IS NULL);

-- The change feed's functions.
CREATE POLICY passes_of_definer ON public.passes FOR SELECT TO hub_definer USING (true);
CREATE POLICY role_permissions_of_definer ON public.role_permissions FOR SELECT TO hub_definer USING (true);

-- ------------------------------------------------------------------------------------------------------- grants

-- Nothing of a school is hard-deleted by a request, except what is only a link or a file. Logs are append-only.
GRANT SELECT, UPDATE ON public.schools TO hub_api;
GRANT SELECT, INSERT, UPDATE ON public.departments, public.users, public.students, public.passes,
    public.access_points, public.device_keys, public.signing_keys TO hub_api;
GRANT DELETE ON public.departments TO hub_api;
GRANT SELECT, INSERT, DELETE ON public.documents TO hub_api;
GRANT SELECT, INSERT ON public.audit_logs TO hub_api;
GRANT SELECT ON public.access_logs, public.roles, public.permissions, public.role_permissions TO hub_api;

GRANT SELECT, INSERT, UPDATE ON public.schools, public.departments, public.users, public.students, public.passes,
    public.access_points, public.device_keys, public.signing_keys, public.roles, public.permissions TO hub_admin;
GRANT DELETE ON public.departments, public.roles, public.permissions TO hub_admin;
GRANT SELECT, INSERT, DELETE ON public.documents, public.role_permissions TO hub_admin;
GRANT SELECT, INSERT ON public.audit_logs TO hub_admin;
GRANT SELECT ON public.access_logs TO hub_admin;

-- The loader and the feed read what decisions and sessions need: no ciphertext, no password hash.
GRANT SELECT ON public.schools, public.departments, public.passes, public.access_points, public.device_keys,
    public.documents, public.roles, public.permissions, public.role_permissions TO hub_system;
GRANT SELECT (id, student_id, email, first_name, last_name, middle_name, school_id, department_id, program,
    year_of_study, enrollment_date, graduation_date, status, photo_url, created_at, updated_at, deleted_at)
    ON public.students TO hub_system;
GRANT SELECT (id, email, first_name, last_name, role_id, school_id, is_active, email_verified_at, last_login_at,
    created_at, updated_at) ON public.users TO hub_system;
GRANT SELECT (id, kid, school_id, algorithm, public_key, created_at, retired_at, compromised_at)
    ON public.signing_keys TO hub_system;

-- The drain, and what tidies up after it.
GRANT SELECT, INSERT, UPDATE ON public.access_logs TO hub_system;
GRANT SELECT, INSERT, DELETE ON public.scan_ids TO hub_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.access_logs_rejected TO hub_system;
GRANT SELECT, INSERT ON public.audit_logs TO hub_system;
GRANT SELECT ON public.access_logs_default, public.audit_logs_default TO hub_system;
