"""Background work: PgQueuer jobs and their schedule."""
