"""Photos and documents of students, as far as several resources and jobs share them. Bytes: hub/store/files.

naming.py   the keys that the bytes have
photos.py   reading a photo: `read_photo`, for whoever draws or sends one
parts.py    where a handler finds the place for files
"""
