"""How many users of each kind: what was asked for, else a share of all."""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.load.targets import LoadError, Targets

SOCKET_SHARE = 0.3
SCREEN_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Crowd:
    """HTTP readers are all that remain of the users."""

    http_readers: int
    socket_readers: int
    screens: int

    def __str__(self) -> str:
        return (
            f"{self.http_readers} readers on HTTP, {self.socket_readers} readers on WebSocket, {self.screens} screens"
        )


def divide(users: int, socket_readers: int | None, screens: int | None, targets: Targets) -> Crowd:
    """None: a share, as far as the file has doors and accounts for it. Raises LoadError when more was asked for.

    A door has one WebSocket, because a newer one closes the older; many may use a key on HTTP, many screens an account.
    """
    if socket_readers is None:
        socket_readers = min(round(users * SOCKET_SHARE), len(targets.doors))
    if screens is None:
        screens = round(users * SCREEN_SHARE) if targets.watchers else 0
    if socket_readers > len(targets.doors):
        raise LoadError(f"{socket_readers} readers on WebSocket need as many doors; the file has {len(targets.doors)}")
    if screens and not targets.watchers:
        raise LoadError("screens need an account of a school with email and password; the file has none")
    if users < max(1, socket_readers + screens):
        raise LoadError(f"--users {users} is less than {socket_readers} readers on WebSocket and {screens} screens")
    return Crowd(users - socket_readers - screens, socket_readers, screens)
