"""Who is asking, and what is kept of what they do.

Audit: `trail.py` makes an entry a row (`masking.py`: what of it in clear), `ledger/` the chain that shows a change,
`personal/` each student's own key and the exchange of keys.
"""
