"""DIR/demo.json: what another program needs to try the demo. It appears when the server is ready, mode 0600."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from hub.demo.place import Place, write_private
from hub.demo.result import SeedResult
from hub.demo.server import Server
from hub.demo.services import Services
from hub.errors import StartError

PIDS_SECONDS = 0.1


class Document:
    """`databaseUrl` is the schema's owner's; `pids` are kept current, None for a process that is not there."""

    def __init__(self, place: Place, server: Server, services: Services, result: SeedResult) -> None:
        self._path = place.document
        self._server = server
        self._services = services
        self._seeded = result.for_demo_json()
        for code in self._seeded["codes"]["denied"]:
            code.pop("passId", None)  # it would say that there is a pass, which is the reader's question
        self._written: dict[str, Any] = {}

    def write(self) -> None:
        """Replaces the file, if anything has changed. Raises StartError."""
        document = {
            "baseUrl": self._server.base_url,
            "databaseUrl": self._services.postgres.running.url(),
            "redisUrl": self._services.valkey.running.url,
            "pids": {**self._server.pids(), **self._services.pids()},
            **self._seeded,
        }
        if document == self._written:
            return
        try:
            write_private(self._path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StartError(f"cannot write {self._path}: {error.strerror}") from error
        self._written = document

    async def keep(self) -> None:
        """Until cancelled. A disk that is full now may not be later."""
        while True:
            with suppress(StartError):
                self.write()
            await asyncio.sleep(PIDS_SECONDS)
