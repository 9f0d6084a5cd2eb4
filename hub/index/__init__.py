"""Passes in memory, kept as PostgreSQL has them.

`index.py` holds them, `directory.py` what a decision needs beside them; `loader.py` reads everything in one snapshot,
`feed.py` what changes after it, `comparison.py` holds both against the tables.
"""
