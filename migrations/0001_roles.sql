-- Roles of the cluster, and what this database grants them before there is any table.
--
--   hub_api      one request of one school: sees the rows of the school in `hub.school_id`, none when it is not set
--   hub_admin    super admins: all schools
--   hub_system   the program itself: loader, feed, drain, partitions, retention
--   hub_definer  nobody logs in as it; it owns the functions that must see across schools (the change feed's)
--
-- None has BYPASSRLS, which only a superuser may give on PostgreSQL 15, nor a password: an operator who wants the
-- program to log in as these roles sets one. Otherwise it logs in as the owner and takes the role at connect.

-- Roles belong to the cluster, not to this database: they may exist already, and another database of the cluster may
-- be migrated in this very moment. Advisory locks do not reach across databases, so a lost race is caught instead.
DO $$
DECLARE
    wanted text;
    attempt int;
    no_inherit constant text := CASE WHEN current_setting('server_version_num')::int >= 160000
                                     THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['hub_api', 'hub_admin', 'hub_system', 'hub_definer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION',
                               wanted, CASE wanted WHEN 'hub_definer' THEN 'NOLOGIN' ELSE 'LOGIN' END);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration made it
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'role % is missing and % may not create it: give % CREATEROLE, or have a superuser '
                        'create hub_api, hub_admin, hub_system (LOGIN) and hub_definer (NOLOGIN) and grant them to it',
                        wanted, current_user, current_user;
            END;
        END IF;

        -- The owner must be able to become each of them: `role=` at connect, and functions given to hub_definer.
        -- Without INHERIT (16 and later) it keeps none of their policies for itself. A superuser needs no grant.
        FOR attempt IN 1..50 LOOP
            EXIT WHEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) OR EXISTS (
                SELECT FROM pg_catalog.pg_auth_members AS m
                WHERE m.roleid = to_regrole(wanted) AND m.member = to_regrole(quote_ident(current_user))
                  -- 16 and later: whoever creates a role is its member with ADMIN, but may not SET ROLE to it.
                  AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true));
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user) || no_inherit;
            EXCEPTION
                WHEN internal_error OR unique_violation THEN  -- "tuple concurrently updated"
                    PERFORM pg_sleep(0.02);
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'role % exists and % is not a member of it: have a superuser run '
                        'GRANT hub_api, hub_admin, hub_system, hub_definer TO %',
                        wanted, current_user, quote_ident(current_user) || no_inherit;
            END;
        END LOOP;
    END LOOP;
END
$$;

-- The drain copies into a temporary table; nobody else has a use for one.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO hub_api, hub_admin, hub_system', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO hub_system', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO hub_api, hub_admin, hub_system, hub_definer;
GRANT SELECT ON public.schema_migrations TO hub_api, hub_admin, hub_system;
