-- list_permissions --
-- What can be allowed: the same in every school.
SELECT id, name, resource, action, description FROM permissions
