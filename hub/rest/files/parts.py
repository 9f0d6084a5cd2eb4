"""What hub/app.py opens for handlers: `call.part(FILES)`. A job has the same in `run.files`."""

from __future__ import annotations

from aiohttp import web

from hub.store.files import Files

FILES = web.AppKey("files", Files)
