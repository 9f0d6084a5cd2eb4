"""`passhub demo`: PostgreSQL and Valkey out of their wheels, two made-up schools, and people who walk through doors."""
