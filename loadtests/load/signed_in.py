"""A sign-in that all screens of an account share: by e-mail and password once, by its refresh token from then on."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30.0
BETWEEN_SECONDS = 1.0  # two tries, so that a hub that refuses is not asked by every screen at once


class NotSignedIn(Exception):
    """The hub did not let the account in: its sentence, or why it could not be asked."""


class SignedIn:
    """`host`: where the hub is, http://… or https://…."""

    def __init__(self, host: str, email: str, password: str) -> None:
        self._host = host
        self._credentials = {"email": email, "password": password}
        self._lock = threading.Lock()
        self._access = self._refresh = ""
        self._failed_at = float("-inf")
        self._failure = ""

    def token(self, refused: str | None = None) -> str:
        """An access token. `refused`: one that the hub does not take any more; another one then. Raises NotSignedIn."""
        with self._lock:
            if not self._access or self._access == refused:
                self._next()
            return self._access

    def _next(self) -> None:
        if time.monotonic() - self._failed_at < BETWEEN_SECONDS:
            raise NotSignedIn(self._failure)
        try:
            if not (self._refresh and self._ask("refresh", {"refreshToken": self._refresh})):
                self._sign_in()
        except NotSignedIn as error:
            self._failed_at, self._failure = time.monotonic(), str(error)
            raise

    def _sign_in(self) -> None:
        if not self._ask("login", self._credentials):
            raise NotSignedIn(f"{self._credentials['email']} was not let in: is the password right?")

    def _ask(self, what: str, body: dict[str, str]) -> bool:
        """Whether there are tokens; those that were there are forgotten where it was refused."""
        status, answer = _post(self._host, f"/api/v1/auth/{what}", body)
        if status >= 500 or status == 429:
            raise NotSignedIn(f"{what} was answered {status}")
        self._access, self._refresh = answer.get("accessToken", ""), answer.get("refreshToken", "")
        return status == 200


def _post(host: str, path: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(host)
    assert parts.hostname is not None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname, parts.port, timeout=SECONDS)) as connection:
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise NotSignedIn(f"{path} was not answered: {type(error).__name__}") from error
    return response.status, answer
