"""The chain over audit_logs that shows whether a row was removed, changed, added or moved afterwards.

`digests.py` (a row, a batch, a head: pure), `sealing.py` (the job), `heads.py` (the file of signed heads), `verify.py`.
"""
