"""Photos and documents: bytes under a key, in a bucket or in a directory, behind one interface.

contract.py  what both do, and how keys are written
s3.py        any S3: private, encrypted by the server, in parts when large
folder.py    a directory; each file sealed under a key of its own, which the key ring seals
opening.py   which of them the settings name
"""

from hub.store.files.contract import CHUNK, Files, Kept, Stored, check_key
from hub.store.files.opening import open_files

__all__ = ["CHUNK", "Files", "Kept", "Stored", "check_key", "open_files"]
