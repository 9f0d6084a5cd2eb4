"""Keeps what was answered: one process a host, in front of one journal.

In a worker: `client.py`, and `notes.py` for audit rows. In the recorder: `process.py` (sockets, commits),
`admission.py` (new, or known before), `journal.py` (SQLite), `backlog.py` and `drain.py` (journal → access_logs through
`access_log.py`, → audit_logs through `audit_log.py`). `wire.py` is what both say to each other.
"""
