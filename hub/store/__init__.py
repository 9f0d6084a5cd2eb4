"""The doors to PostgreSQL and Redis. asyncpg and redis are imported here and nowhere else (PgQueuer's by hub/jobs).

pg.py          roles, connections, pools, the transaction of one school
redis.py       clients with the time-outs that their use needs
queries.py     named SQL from the queries.sql beside the code that runs it
migrate.py     brings a database to this version's schema
files/         photos and documents: a bucket, or a directory, encrypted
clamd.py       looks for viruses in them
statements.py  SQL text cut into statements

Everything that says "PostgreSQL is away" leaves this room as StoreUnavailable, or is known by `pg.is_outage`.
"""
