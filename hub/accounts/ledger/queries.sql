-- add_audit_row --
-- One entry, in the transaction of what it tells of.
INSERT INTO audit_logs (
    id, created_at, school_id, user_id, action, resource_type, resource_id, old_values, new_values, ip_address,
    user_agent, request_id, subject_id, personal, salt
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9::text::jsonb, $10::text::inet, $11, $12, $13, $14, $15)

-- lock_chain --
-- role: hub_system
-- One sealer at a time, whatever host it is on.
SELECT pg_advisory_xact_lock(hashtextextended('passhub audit chain', 0))

-- last_seal --
-- role: hub_system
-- Where the chain ends.
SELECT batch, head FROM audit_seals ORDER BY batch DESC LIMIT 1

-- chain_state --
-- role: hub_system
-- The last transaction that was sealed, and whether the cluster counts from further back: then the database was brought
-- here from another one.
SELECT m.top::text AS top, coalesce(pg_snapshot_xmax(pg_current_snapshot()) <= m.top, false) AS set_back
FROM (SELECT (SELECT top_xid FROM audit_seals ORDER BY batch DESC LIMIT 1) AS top) AS m

-- rows_to_seal --
-- role: hub_system
-- Up to $2 rows that are not sealed, from transaction $1 on, of transactions before which none is open; in the order in
-- which they are sealed. Rows of transactions that this cluster has not had came with a restore, and are settled too.
SELECT l.id, l.created_at, l.school_id, l.user_id, l.action, l.resource_type, l.resource_id,
    l.old_values::text AS old_values, l.new_values::text AS new_values, host(l.ip_address) AS ip_address, l.user_agent,
    l.request_id, l.subject_id, l.personal, l.salt, l.payload_digest, l.xid::text AS xid,
    l.xid < pg_snapshot_xmax(pg_current_snapshot()) AS of_here
FROM audit_logs AS l
WHERE l.xid >= $1::text::xid8
    AND (l.xid < pg_snapshot_xmin(pg_current_snapshot()) OR l.xid >= pg_snapshot_xmax(pg_current_snapshot()))
    AND NOT EXISTS (SELECT FROM audit_sealed AS s WHERE s.created_at = l.created_at AND s.id = l.id)
ORDER BY l.xid, l.created_at, l.id LIMIT $2

-- add_seal --
-- role: hub_system
-- The head of a batch.
INSERT INTO audit_seals (batch, row_count, top_xid, previous, root, head, signer, signature)
VALUES ($1, $2, $3::text::xid8, $4, $5, $6, $7, $8)

-- add_sealed_rows --
-- role: hub_system
-- The rows of a batch ($1), in their order.
INSERT INTO audit_sealed (batch, position, created_at, id, digest)
SELECT $1, * FROM unnest($2::int[], $3::timestamptz[], $4::uuid[], $5::bytea[])

-- seals_after --
-- role: hub_system
-- The next $2 seals after batch $1.
SELECT batch, row_count, top_xid::text AS top, previous, root, head, signer, signature, sealed_at
FROM audit_seals WHERE batch > $1 ORDER BY batch LIMIT $2

-- sealed_rows --
-- role: hub_system
-- The rows of a batch as they were sealed, each beside what the log has now; NULLs where the log has none.
SELECT s.position, s.created_at AS sealed_at, s.id AS sealed_id, s.digest, l.id, l.created_at, l.school_id, l.user_id,
    l.action, l.resource_type, l.resource_id, l.old_values::text AS old_values, l.new_values::text AS new_values,
    host(l.ip_address) AS ip_address, l.user_agent, l.request_id, l.subject_id, l.personal, l.salt, l.payload_digest,
    l.xid::text AS xid
FROM audit_sealed AS s LEFT JOIN audit_logs AS l ON l.created_at = s.created_at AND l.id = s.id
WHERE s.batch = $1 ORDER BY s.position

-- unlisted_batches --
-- role: hub_system
-- Batches that have rows and no seal.
SELECT DISTINCT s.batch FROM audit_sealed AS s
WHERE NOT EXISTS (SELECT FROM audit_seals AS b WHERE b.batch = s.batch) ORDER BY 1

-- late_rows --
-- role: hub_system
-- Rows of transactions before $1 that are not sealed: they came after their time.
SELECT l.id, l.created_at FROM audit_logs AS l
WHERE l.xid < $1::text::xid8
    AND NOT EXISTS (SELECT FROM audit_sealed AS s WHERE s.created_at = l.created_at AND s.id = l.id)
ORDER BY l.created_at, l.id LIMIT 1000

-- waiting_rows --
-- role: hub_system
-- How many rows wait to be sealed, from transaction $1 on, and how many entries PostgreSQL refused.
SELECT (SELECT count(*) FROM audit_logs AS l WHERE l.xid >= $1::text::xid8
        AND NOT EXISTS (SELECT FROM audit_sealed AS s WHERE s.created_at = l.created_at AND s.id = l.id)) AS waiting,
    (SELECT count(*) FROM audit_logs_rejected) AS refused

-- one_row --
-- role: hub_system
-- One entry, to erase its values.
SELECT old_values::text AS old_values, new_values::text AS new_values, personal, salt, payload_digest
FROM audit_logs WHERE created_at = $1 AND id = $2

-- erase_values --
-- role: hub_system
-- The values of an entry are gone; $3, their digest, stays. False when there was nothing to erase.
SELECT hub_erase_audit_values($1, $2, $3)

-- count_old_rows --
-- role: hub_system
-- Entries of the school $1 (NULL: nobody's) from before $2.
SELECT count(*) FROM audit_logs WHERE school_id IS NOT DISTINCT FROM $1 AND created_at < $2

-- count_rows_between --
-- role: hub_system
-- All entries between $1 and $2.
SELECT count(*) FROM audit_logs WHERE created_at >= $1 AND created_at < $2

-- rows_wanted --
-- role: hub_system
-- Whether between $1 and $2 anybody has entries but the schools $3; the nil UUID stands for nobody's.
SELECT EXISTS (
    SELECT FROM audit_logs WHERE created_at >= $1 AND created_at < $2
        AND coalesce(school_id, '00000000-0000-0000-0000-000000000000') <> ALL ($3::uuid[]))

-- old_rows_of_school --
-- role: hub_system
-- Up to $2 entries of the school $3 from before $1, the oldest first, with their places in the chain.
SELECT l.created_at, l.id, s.batch, s.position
FROM audit_logs AS l LEFT JOIN audit_sealed AS s ON s.created_at = l.created_at AND s.id = l.id
WHERE l.school_id = $3 AND l.created_at < $1 ORDER BY l.created_at LIMIT $2

-- old_rows_of_nobody --
-- role: hub_system
-- The same of no school's.
SELECT l.created_at, l.id, s.batch, s.position
FROM audit_logs AS l LEFT JOIN audit_sealed AS s ON s.created_at = l.created_at AND s.id = l.id
WHERE l.school_id IS NULL AND l.created_at < $1 ORDER BY l.created_at LIMIT $2

-- prune_rows --
-- role: hub_system
-- These entries are gone, those that are older than a year.
SELECT hub_prune_audit_logs($1, $2)

-- unsealed_between --
-- role: hub_system
-- Whether any entry between $1 and $2 is in no batch.
SELECT EXISTS (
    SELECT FROM audit_logs AS l WHERE l.created_at >= $1 AND l.created_at < $2
        AND NOT EXISTS (SELECT FROM audit_sealed AS s WHERE s.created_at = l.created_at AND s.id = l.id))

-- sealed_between --
-- role: hub_system
-- Up to $3 places in the chain of entries between $1 and $2 that were not let go.
SELECT batch, position FROM audit_sealed WHERE created_at >= $1 AND created_at < $2 AND NOT pruned
ORDER BY batch, position LIMIT $3

-- next_prune --
-- role: hub_system
-- The number of the next note about the batch $1.
SELECT coalesce(max(number), 0) + 1 FROM audit_prunes WHERE batch = $1

-- add_prune --
-- role: hub_system
-- A note of what was let go.
INSERT INTO audit_prunes (batch, number, positions, signer, signature) VALUES ($1, $2, $3, $4, $5)

-- mark_pruned --
-- role: hub_system
-- So that it is not let go a second time.
UPDATE audit_sealed SET pruned = true WHERE batch = $1 AND position = ANY ($2::integer[])

-- prunes_of --
-- role: hub_system
-- The notes about a batch.
SELECT number, positions, signer, signature FROM audit_prunes WHERE batch = $1 ORDER BY number

-- next_floor --
-- role: hub_system
-- The highest batch below every one that has a row, and below the last one of all.
SELECT batch, head FROM audit_seals
WHERE batch < coalesce((SELECT min(s.batch) FROM audit_sealed AS s WHERE NOT s.pruned), 9223372036854775807)
    AND batch < (SELECT max(batch) FROM audit_seals)
ORDER BY batch DESC LIMIT 1

-- add_floor --
-- role: hub_system
-- Nothing is left up to this batch.
INSERT INTO audit_floors (batch, head, signer, signature) VALUES ($1, $2, $3, $4)

-- prune_chain --
-- role: hub_system
-- Forget what is below the floor.
SELECT hub_prune_chain($1)

-- floor --
-- role: hub_system
-- Where the chain begins.
SELECT batch, head, pruned_at, signer, signature FROM audit_floors ORDER BY batch DESC LIMIT 1
