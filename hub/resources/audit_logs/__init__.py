"""Who did what: the audit log as people with the right to it read it."""
