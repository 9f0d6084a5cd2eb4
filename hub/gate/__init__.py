"""Reader → verdict. `http.py` and `socket.py` parse and reply; `desk.py` is the one verb behind both.

Concurrency: one loop a worker. Nothing here waits but for the recorder's acknowledgement, which is called back.
"""
