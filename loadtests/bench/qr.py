"""QR codes: pictures as the hub draws them, in a process beside the worker, against the library alone in this one."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import qrcode
from qrcode.image.pil import PilImage
from qrcode.image.svg import SvgPathImage

from hub.domain.ids import new_id
from hub.domain.qr import generate_signing_key, sign_code
from hub.issuing.drawing import Drawing, Format
from hub.issuing.pictures import Pictures
from loadtests.bench.section import Section, at_least, item, mid, ratio

FORMATS: tuple[Format, ...] = ("svg", "png")
WRITERS: dict[str, Any] = {"svg": SvgPathImage, "png": PilImage}
PIXELS = 400


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    return asyncio.run(_measure(rounds, seconds))


async def _measure(rounds: int, seconds: float) -> dict[str, Any]:
    key, school, now = generate_signing_key(), new_id(), int(time.time())
    pictures = Pictures()

    def code() -> str:
        return sign_code(key, school, new_id(), now, now + 86_400)

    async def alone(form: Format) -> None:
        made = qrcode.make(code(), image_factory=WRITERS[form], error_correction=qrcode.constants.ERROR_CORRECT_M)
        made.save(io.BytesIO())

    async def ours(form: Format) -> None:
        await pictures.of(Drawing(code(), form, PIXELS, "M"))

    found: dict[str, Any] = {f"{form}_{way}": [] for form in FORMATS for way in ("alone", "ours", "again")}
    try:
        for form in FORMATS:
            same = Drawing(code(), form, PIXELS, "M")
            await pictures.of(same)
            for _ in range(rounds):
                found[f"{form}_alone"].append(await _rate(partial(alone, form), seconds))
                found[f"{form}_ours"].append(await _rate(partial(ours, form), seconds))
                found[f"{form}_again"].append(await _rate(partial(pictures.of, same), seconds / 3))
    finally:
        await pictures.close()
    return found


async def _rate(do: Callable[[], Awaitable[object]], seconds: float) -> dict[str, float]:
    """Calls a second, one after the other."""
    count, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        await do()
        count += 1
    return {"rate": count / spent}


def section(found: dict[str, Any]) -> Section:
    must, figures = [], []
    for form in FORMATS:
        alone, ours, again = (found[f"{form}_{way}"] for way in ("alone", "ours", "again"))
        name = form.upper()
        must += [
            at_least(f"QR as {name}, beside the library alone", ratio(ours, alone, "rate"), 0.8),
            at_least(f"the same {name} again, beside the first time", ratio(again, ours, "rate"), 20),
        ]
        rates = ", ".join(f"{word} {mid(one, 'rate'):,.0f}/s" for word, one in (("ours", ours), ("library", alone)))
        figures.append(item(f"QR as {name}: {rates}, again {mid(again, 'rate'):,.0f}/s"))
    how = item(
        "**QR.** Codes of new passes, error correction M, one after the other: `hub.issuing.pictures` with its niced"
        " process, and `qrcode.make(…).save(…)` in this one. Again: what a worker has drawn before. Without HTTP."
    )
    return Section(must, figures, [how])
