"""Photos and documents of students, as far as several resources and jobs share them. Bytes: hub/store/files.

photos.py     reading a photo: `read_photo`, for whoever draws or sends one
parts.py      where a handler finds the place for files
naming.py     the keys that the bytes have
kinds.py      what a file is, by its content; names made harmless
receiving.py  files of a form, as they come
asking.py     whose they are, and whether they carry a virus: in a request
intake.py     the same for jobs; pictures decoded
shrinking.py    by this process
holding.py    rows, and the bytes that belong to them
following.py  what is asked for in a transaction, to be done after it
"""
