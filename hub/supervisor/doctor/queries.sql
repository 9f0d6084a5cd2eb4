-- What `passhub doctor` asks. Nothing here writes; pg_notify wakes nobody but its own listener.

-- who --
-- Who a connection is, what that role may do beyond its policies, and which database of which cluster it reached.
-- role: hub_system
SELECT current_user::text AS role, session_user::text AS login, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
    l.rolsuper AS login_superuser, pg_is_in_recovery() AS standby,
    (SELECT system_identifier FROM pg_control_system())::text || '/'
        || (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database
FROM pg_roles r, pg_roles l
WHERE r.rolname = current_user AND l.rolname = session_user

-- applied_migrations --
-- Which migrations were applied, and as which text.
-- role: hub_system
SELECT name, sha256 FROM schema_migrations

-- tables_without_forced_policies --
-- Tables with rows of a school, and those of $1, on which row-level security is not both enabled and forced.
-- role: hub_system
SELECT c.relname::text AS name
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    AND (c.relname = ANY ($1::text[]) OR EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'school_id' AND NOT a.attisdropped))
ORDER BY 1

-- tables_with_forced_policies --
-- How many tables have row-level security forced.
-- role: hub_system
SELECT count(*) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity AND relforcerowsecurity

-- triggers_that_do_not_fire --
-- Of the triggers named $2 on the tables $1: those that are missing, or switched off.
-- role: hub_system
SELECT w.relation || '.' || w.trigger AS name, t.oid IS NULL AS missing
FROM unnest($1::text[], $2::text[]) AS w (relation, trigger)
LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass('public.' || w.relation) AND t.tgname = w.trigger
WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A')
ORDER BY 1

-- months --
-- Whether this month and the next have a partition in each of the logs. The connection's time zone is UTC.
-- role: hub_system
SELECT log || to_char(month, '_YYYY_MM') AS name, month > now() AS ahead, EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('public.' || log) AND c.relname = log || to_char(month, '_YYYY_MM')) AS made
FROM unnest(ARRAY['access_logs', 'audit_logs']) AS log,
    unnest(ARRAY[date_trunc('month', now()), date_trunc('month', now()) + interval '1 month']) AS month
ORDER BY 1

-- rows_outside_months --
-- Rows in the default partitions, counted up to $1.
-- role: hub_system
SELECT (SELECT count(*) FROM (SELECT FROM access_logs_default LIMIT $1) a) AS access_logs,
    (SELECT count(*) FROM (SELECT FROM audit_logs_default LIMIT $1) b) AS audit_logs

-- clock --
-- PostgreSQL's clock, in seconds since 1970.
-- role: hub_system
SELECT extract(epoch FROM clock_timestamp())::float8

-- notify --
-- Wakes the listener of channel $1.
-- role: hub_system
SELECT pg_notify($1, '')

-- become_login --
-- Until the end of the transaction, the role that logged in: it sees its own sessions in pg_stat_activity.
-- role: hub_system
SET LOCAL ROLE NONE

-- long_transactions --
-- Transactions open for longer than $1 seconds that hold back xmin, or wait for their client with what they locked.
-- role: hub_system
SELECT pid, usename::text AS who, datname::text AS database, application_name AS program, state,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    AND xact_start < clock_timestamp() - make_interval(secs => $1)
ORDER BY xact_start
LIMIT 20

-- prepared_transactions --
-- Transactions that were prepared (two-phase commit) longer than $1 seconds ago: nobody ends them but a person.
-- role: hub_system
SELECT gid, owner::text AS who, extract(epoch FROM clock_timestamp() - prepared)::float8 AS seconds
FROM pg_prepared_xacts
WHERE prepared < clock_timestamp() - make_interval(secs => $1)
ORDER BY prepared
LIMIT 20

-- unseen_sessions --
-- Sessions of others whose transactions this role may not see.
-- role: hub_system
SELECT count(*) FROM pg_stat_activity WHERE usename IS NOT NULL AND query = '<insufficient privilege>'

-- waiting_sessions --
-- Sessions of this database that have waited for a lock for longer than $1 seconds, and for whom.
-- role: hub_system
SELECT l.pid, max(extract(epoch FROM clock_timestamp() - l.waitstart))::float8 AS seconds,
    pg_blocking_pids(l.pid) AS blockers
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE NOT l.granted AND a.datname = current_database()
    AND l.waitstart < clock_timestamp() - make_interval(secs => $1)
GROUP BY l.pid
ORDER BY seconds DESC
LIMIT 20

-- room --
-- How many connections there may be, are kept for superusers, and are open; `reserved_connections` came with 16.
-- role: hub_system
SELECT LEAST(current_setting('max_connections')::int, NULLIF(d.datconnlimit, -1)) AS most,
    current_setting('superuser_reserved_connections')::int
        + COALESCE(current_setting('reserved_connections', true), '0')::int AS reserved,
    (SELECT sum(numbackends) FROM pg_stat_database)::int AS open
FROM pg_database d
WHERE d.datname = current_database()

-- signing_keys --
-- Keys that sign codes now, with their sealed private halves.
-- role: hub_admin
SELECT kid, public_key, private_key
FROM signing_keys
WHERE retired_at IS NULL AND compromised_at IS NULL
ORDER BY created_at DESC
LIMIT 1000

-- ending_device_keys --
-- Keys of doors in use that end within $1 days, and those that have ended with none in their place.
-- role: hub_system
SELECT * FROM (
    SELECT s.code || ' ' || a.name AS door, k.expires_at AS ends, k.expires_at <= now() AS ended, EXISTS (
        SELECT FROM device_keys o
        WHERE o.school_id = k.school_id AND o.access_point_id = k.access_point_id AND o.id <> k.id
            AND o.revoked_at IS NULL AND COALESCE(o.expires_at, 'infinity') > k.expires_at
            AND COALESCE(o.expires_at, 'infinity') > now()) AS replaced
    FROM device_keys k
    JOIN access_points a ON a.id = k.access_point_id
    JOIN schools s ON s.id = k.school_id
    WHERE k.revoked_at IS NULL AND a.deleted_at IS NULL AND a.is_active AND s.is_active
        AND k.expires_at < now() + make_interval(days => $1)
) ending
WHERE NOT (ended AND replaced)
ORDER BY ends
LIMIT 1000

-- refused_scans --
-- Scans that PostgreSQL refused and nobody has seen to.
-- role: hub_system
SELECT count(*) AS scans, extract(epoch FROM now() - min(rejected_at))::float8 AS seconds
FROM access_logs_rejected
WHERE replayed_at IS NULL

-- time_zones --
-- The time zone of each school.
-- role: hub_system
SELECT code, timezone FROM schools ORDER BY code

-- newest_seal --
-- The end of the audit chain, and how long ago it was sealed.
-- role: hub_system
SELECT batch, row_count, top_xid::text AS top, previous, root, head, signer, signature,
    extract(epoch FROM now() - sealed_at)::float8 AS seconds
FROM audit_seals ORDER BY batch DESC LIMIT 1

-- unsealed --
-- Entries after the transaction $1 that could be sealed by now, and how old the oldest is; as the job looks for them.
-- role: hub_system
SELECT count(*) AS entries, coalesce(extract(epoch FROM now() - min(l.created_at)), 0)::float8 AS seconds
FROM audit_logs AS l
WHERE l.xid >= $1::text::xid8 AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
    AND NOT EXISTS (SELECT FROM audit_sealed AS s WHERE s.created_at = l.created_at AND s.id = l.id)
