"""/auth/sessions: where one is signed in, and out again."""

from __future__ import annotations

from hub.rest.call import Call
from hub.rest.pages import Page
from hub.rest.sessions import OpenSession, SessionsQuery, end_session_of, sessions_of


async def list_own_sessions(call: Call[SessionsQuery, None]) -> Page[OpenSession]:
    return await sessions_of(call, call.identity.user_id)


async def end_own_session(call: Call[None, None]) -> None:
    """Its own session, too."""
    await end_session_of(call, call.id, call.identity.user_id, call.identity.school_id)
