"""Events are published for other hosts alone, and only while one of them watches."""

from __future__ import annotations

import msgspec
from pydantic import SecretStr

from hub.domain.ids import new_id_bytes
from hub.live.remote import Remote
from hub.recorder.publisher import Publisher
from hub.recorder.wire import Events, ToScreens
from tests.beside import beside
from tests.integration.gate.place import until


async def test_nothing_is_published_that_nobody_elsewhere_watches(valkey: str) -> None:
    school, ours, theirs = new_id_bytes(), new_id_bytes(), new_id_bytes()
    begun: list[bytes] = []
    heard: list[ToScreens] = []
    publisher = Publisher(SecretStr(valkey), lambda: ours)
    publisher.on_wanted = begun.append
    here = Remote(SecretStr(valkey), heard.append, lambda: None)
    there = Remote(SecretStr(valkey), heard.append, lambda: None)
    here.know_own(ours)
    there.know_own(theirs)
    body = msgspec.msgpack.encode(Events(school, ours, 1, []))
    async with beside(publisher.run(), here.run(), there.run()):
        here.watch(school)
        await until(lambda: here.subscribed, bool)
        publisher.offer(school, ours, body)
        there.watch(school)
        await until(lambda: school in publisher.wanted, bool)
        assert (publisher.published, begun) == (0, [school])
        publisher.offer(school, ours, body)
        await until(lambda: heard, bool)
        assert heard == [Events(school, ours, 1, [])]  # its own host does not hear it again
        there.unwatch(school)
        await until(lambda: school not in publisher.wanted, bool)
