"""`passhub doctor`: looks at every part that the settings name, as a starting hub would meet it, and changes nothing.

rounds.py      all parts at once, each with its time-out; what comes out, in the order in which to read it
findings.py    one line about one thing: right, a warning, a fault with what to do, or not checked and why
waiting.py     work that may hang (a dead disk, a silent name server), left behind when its time is up
address.py     where a URL leads, never showing what is secret in it

variables.py   HUB_* variables
program.py     Python and the packages' least versions
database.py    PostgreSQL: reached as each role, who that is, its version; then, on the same connections:
server.py        NOTIFY, clock, sessions that hold others up, room for connections
schema.py        migrations, row-level security, the feed's triggers, months
rows.py          keys, time zones, refused scans
chain.py           the end of the audit chain
events.py      Redis or Valkey
files.py       the bucket or directory of photos and documents, and clamd
here.py        the hub that runs on this host, if one does, and what its /health says
journal.py     the journal's directory, its lock, and what waits in it
disk.py        the disk below it: file system, room, how long it takes to keep something
port.py        the listening port, and who has it
certificate.py the certificate for TLS: its key, and for how long it is valid

Lifecycle: one call of `rounds.examine`, a few seconds. A fault is what keeps doors from being answered, answers from
being kept or a school's rows from being its own; a warning is what will, or may one day.
"""

from hub.supervisor.doctor.findings import Finding, Level
from hub.supervisor.doctor.rounds import Report, examine

__all__ = ["Finding", "Level", "Report", "examine"]
