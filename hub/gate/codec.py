"""How the two subprotocols of a reader's connection are read and written."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from hub.gate.attempts import PeekId
from hub.gate.messages import FromReader, ReplayItem
from hub.gate.salvage import Salvage

JSON = "passhub.v1.json"
MSGPACK = "passhub.v1.msgpack"


class Codec:
    """How one subprotocol reads and writes."""

    def __init__(self, module: Any, opcode: int) -> None:
        self.decode = module.Decoder(FromReader).decode
        self.item = module.Decoder(ReplayItem).decode
        self.peek = module.Decoder(PeekId).decode
        self.salvage = Salvage(module)
        self.encode = module.Encoder().encode
        self._opcode = 0x80 | opcode

    def frame(self, message: msgspec.Struct) -> bytes:
        """A whole unmasked frame, as servers send them (RFC 6455 section 5.2)."""
        body: bytes = self.encode(message)
        size = len(body)
        if size < 126:
            return bytes((self._opcode, size)) + body
        if size < 65_536:
            return struct.pack(">BBH", self._opcode, 126, size) + body
        return struct.pack(">BBQ", self._opcode, 127, size) + body


CODECS = {JSON: Codec(msgspec.json, 1), MSGPACK: Codec(msgspec.msgpack, 2)}
