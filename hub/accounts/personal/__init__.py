"""Personal data at rest: each student's own key, and the list of all sealed columns, for the day when keys change."""
