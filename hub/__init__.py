"""passhub: answers pass readers at school doors from memory, and keeps every answer.

One scan, in reading order: gate/socket.py or gate/http.py (parse) → gate/desk.py (the one verb) → gate/credential.py
(code → key) → index/index.py (key → card) → domain/policy.py (verdict) → recorder/client.py (this turn's verdicts, one
frame) → the host's recorder: recorder/process.py, admission.py, journal.py (one fsync for all workers) → back through
the client and the desk to the reader; later recorder/drain.py (journal → access_logs), and recorder/outlet.py →
live/stream.py → live/audience.py (→ screens).

The rooms, from the top; each imports only what is below it:

    cli           passhub …: parsing and printing only
    demo          the embedded default: PostgreSQL and Valkey from their wheels, seed data, simulated people
    supervisor    owns the listening sockets; starts, restarts and replaces processes; adds up the metrics
    app           a worker's composition root
    jobs          background work and its schedule
    live          verdict → screens
    resources     one folder a CRUD resource
    gate          reader → verdict
    rest          what all HTTP routes share
    integrations  other systems
    accounts      who is asking; what is kept of it, and sealed
    index         passes in memory, kept as PostgreSQL has them
    issuing       the keys that sign codes, and pictures of codes
    recorder      keeps what was answered
    store         PostgreSQL, Redis, migrations, named SQL
    reader        the other end of the wire, for others to import
    control       how this host's processes talk
    telemetry     plain numbers; logs
    config        the only reader of the environment
    domain        vocabulary and rules, pure and synchronous
    errors        one tree
"""
