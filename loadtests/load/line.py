"""One WebSocket, for one greenlet that reads and others that write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress

import websocket

PING_SECONDS = 15.0  # of silence; after as much again the line is cut
NO_CODE = 1005


class Refused(Exception):
    """No connection; `status` is the answer to the handshake, None where there was none."""

    def __init__(self, status: int | None, sentence: str) -> None:
        super().__init__(f"refused with {status}" if status else sentence)
        self.status = status


class Cut(Exception):
    """The connection has ended; `code` None: without a close frame."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip() if code else reason)
        self.code = code


class Line:
    """An open connection. One greenlet calls receive(); send() may be called from any."""

    def __init__(self, url: str, headers: Mapping[str, str], subprotocols: Sequence[str]) -> None:
        """Raises Refused."""
        try:
            self._socket = websocket.create_connection(
                url,
                timeout=PING_SECONDS,
                header=[f"{name}: {value}" for name, value in headers.items()],
                subprotocols=list(subprotocols) or None,
                redirect_limit=0,
                enable_multithread=True,
            )
        except websocket.WebSocketBadStatusException as error:
            raise Refused(error.status_code, str(error)) from error
        except (websocket.WebSocketException, OSError) as error:
            raise Refused(None, str(error) or type(error).__name__) from error

    def send(self, text: str) -> None:
        """Raises Cut."""
        try:
            self._socket.send(text)
        except (websocket.WebSocketException, OSError) as error:
            raise Cut(None, _sentence(error)) from error

    def receive(self) -> str:
        """The next text; pings are answered, and sent when it is quiet. Raises Cut."""
        quiet = False
        while True:
            try:
                opcode, frame = self._socket.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException as error:
                if quiet:
                    raise Cut(None, f"nothing came for {2 * PING_SECONDS:.0f} s") from error
                quiet = True
                self._ping()
                continue
            except (websocket.WebSocketException, OSError) as error:
                raise Cut(None, _sentence(error)) from error
            quiet = False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise _closed(frame.data)
            if opcode == websocket.ABNF.OPCODE_TEXT:
                return bytes(frame.data).decode()

    def close(self) -> None:
        """Says goodbye and does not wait for the answer. Nobody may be reading any more."""
        with suppress(websocket.WebSocketException, OSError):  # it may be gone already
            self._socket.send_close()
        self._socket.shutdown()

    def _ping(self) -> None:
        try:
            self._socket.ping()
        except (websocket.WebSocketException, OSError) as error:
            raise Cut(None, _sentence(error)) from error


def _closed(payload: bytes) -> Cut:
    if len(payload) < 2:
        return Cut(NO_CODE, "")
    (code,) = struct.unpack_from(">H", payload)
    return Cut(code, bytes(payload[2:]).decode(errors="replace"))


def _sentence(error: Exception) -> str:
    return f"the line was cut: {type(error).__name__}"
