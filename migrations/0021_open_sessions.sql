-- Sessions that their owner, or an administrator, sees and ends one by one; a password that is changed in a session, which
-- then goes on.

-- When a session was carried on last: at its beginning, and with each refresh.
ALTER TABLE public.sessions ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE public.sessions DROP CONSTRAINT sessions_end_reason_check;
ALTER TABLE public.sessions ADD CONSTRAINT sessions_end_reason_check CHECK (end_reason IN (
    'logout', 'token_reuse', 'password_change', 'role_change', 'deactivation', 'ended'));

-- As in 0011: what decides nothing about a session is no change of it.
DROP TRIGGER feed_update ON public.sessions;
CREATE TRIGGER feed_update AFTER UPDATE ON public.sessions REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION public.hub_feed_rows(
        'session', 'id', 'created_at', 'delivery', 'end_reason', 'address', 'user_agent', 'last_used_at');

-- As in 0011, and whoever changes their own password keeps the session in which they do: it says so in hub.keep_session.
GRANT CREATE ON SCHEMA public TO hub_definer;
SET LOCAL ROLE hub_definer;

CREATE OR REPLACE FUNCTION public.hub_end_sessions_of_user() RETURNS trigger
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
    WHERE s.user_id = NEW.id AND s.ended_at IS NULL
      AND (why <> 'password_change' OR s.id::text IS DISTINCT FROM current_setting('hub.keep_session', true));
    RETURN NULL;
END
$$;

RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM hub_definer;
GRANT SELECT (id) ON public.sessions TO hub_definer;
