"""One process that owns the listening sockets and keeps the others alive.

run.py       the supervisor: start, restart what dies, replace workers on SIGHUP, stop
children.py  one child: its process, its control line, its latest numbers
sockets.py   one listening socket a worker slot (SO_REUSEPORT)
metrics.py   everybody's numbers added up, in Prometheus' text format
child.py     what a child process runs
doctor/      looks at every part that the settings name, and says what to do about each fault
"""
