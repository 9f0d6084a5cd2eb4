"""What takes longer than a second is a job: asked for in a request, carried out by the jobs process, looked up by id.

    starting.py   in the request: the row, and PgQueuer's beside it, in the request's own transaction
    kinds.py      what a resource declares: a name, what is asked for, what carries it out
    run.py        one run as its code sees it: progress, where to carry on, transactions that another run cannot join
    carrying.py   what the jobs process does with each
    files.py      sealed files of a run
    model.py      a job as it is answered

A resource's `jobs` module holds JOBS, as its `routes` holds ROUTES; both are found by themselves.
"""
