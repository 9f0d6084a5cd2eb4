-- The audit log. Which school's is decided by row-level security.

-- list_entries --
-- What the listing filters and sorts.
SELECT id, created_at, school_id, user_id, action, resource_type, resource_id, subject_id, old_values, new_values,
    personal, payload_digest IS NOT NULL AS is_erased, host(ip_address) AS ip_address, user_agent, request_id
FROM audit_logs

-- get_entry --
-- One entry. Its id was made a moment before it was written, which tells in which month to look.
{list_entries} WHERE id = $1 AND created_at BETWEEN $2 AND $3
