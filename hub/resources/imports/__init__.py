"""Students by the file: CSV or XLSX, tried first or written at once, all of it or what is good of it.

recognise.py   which form and encoding a file has, while it comes in
tables.py      its rows, one after the other, whichever form it has
header.py      which column is which field
cells.py       a cell's text becomes a value, or a fault
batches.py     rows become students, or faults with their lines
writing.py     a batch in the tables: found, sealed, inserted or updated, passes signed
work.py        the job
"""
