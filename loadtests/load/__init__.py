"""Load on a hub, with locust: readers on HTTP and WebSocket, and screens. `make load`, or any server with `--host`.

    __main__.py       `make load`: a demo of its own, locust on it, everything stopped
    demo.py           that demo, from start to stop
    ../locustfile.py  what locust reads: the users, the options, the verdict at the end
    options.py        what can be set
    stage.py          what the users of a run share
    targets.py        whom to be: doors with their keys and codes, accounts that may watch
    signed_in.py      the sign-in of such an account
    crowd.py          how many of each kind
    http_reader.py    ┐
    socket_reader.py  ├ the users, as docs/readers.md says
    screen.py         ┘
    connected.py      a user that keeps a WebSocket open
    line.py           one WebSocket
    scan.py           a scan, and what is wrong with an answer
    book.py           scans that wait for their answer
    kept.py           scans that were answered, so that screens have to show them
    comeback.py       how long to stay away after a cut
    packets.py        Socket.IO's packets
    watching.py       what one screen has seen
    rows.py           results: the table, and the thresholds
    results.py        results out of locust

Importing locust patches the standard library, so what can be tested without it (targets.py, crowd.py, and scan.py to
rows.py) does not import it.
"""
