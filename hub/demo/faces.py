"""Portraits of people who do not exist: drawn, not photographed, and the same for the same seed.

`python -m hub.demo.faces` draws as a child of the seed (hub/control/hand.py). A drawing goes through what every
uploaded photo goes through (hub/rest/files/shrinking.py), and comes out in the sizes that photos are kept in.
"""

from __future__ import annotations

import io
import os
import random
import sys
from collections.abc import Callable

import msgspec
from PIL import Image, ImageDraw

from hub.control.framing import answer_each
from hub.rest.files.naming import SIZES
from hub.rest.files.shrinking import Task, perform

EDGE = max(SIZES)
GENTLY = "gently"
Colour = tuple[int, int, int]
Drawing = ImageDraw.ImageDraw

SKINS: tuple[Colour, ...] = (
    *((255, 224, 196), (247, 206, 172), (236, 188, 148), (222, 168, 122)),
    *((198, 140, 96), (168, 112, 74), (136, 88, 58), (104, 66, 44), (84, 54, 38)),
)
HAIRS: tuple[Colour, ...] = (
    *((28, 24, 26), (42, 32, 30), (60, 42, 34), (88, 58, 38), (122, 82, 48)),
    *((176, 132, 76), (150, 72, 40), (112, 108, 112)),
)
#: How common each is.
_HAIR_SHARES = (30, 24, 18, 12, 7, 4, 3, 2)
GROUNDS: tuple[Colour, ...] = (
    *((206, 224, 240), (214, 234, 220), (244, 226, 206), (232, 218, 240), (246, 236, 200)),
    *((212, 232, 236), (240, 214, 214), (224, 226, 232)),
)
CLOTHES: tuple[Colour, ...] = (
    *((46, 74, 120), (120, 46, 60), (52, 104, 86), (92, 74, 130), (214, 120, 60)),
    *((60, 66, 76), (226, 226, 220), (196, 160, 60), (70, 130, 170), (156, 84, 110)),
)
IRISES: tuple[Colour, ...] = ((58, 40, 30), (40, 32, 30), (88, 64, 40), (70, 100, 130), (84, 110, 76))


class Asked(msgspec.Struct, array_like=True):
    """A portrait for each seed. Who is `soft` has long hair more often, and no beard."""

    seeds: list[tuple[str, bool]]


class Drawn(msgspec.Struct, array_like=True):
    """JPEGs of each, in the order of SIZES."""

    portraits: list[list[bytes]]


def draw(seed: str, *, soft: bool = False) -> Image.Image:
    """A face with shoulders, a square of EDGE pixels in RGB."""
    rng = random.Random(f"face {seed}")
    picture = Image.new("RGB", (EDGE, EDGE), rng.choice(GROUNDS))
    on = ImageDraw.Draw(picture)
    skin, hair = rng.choice(SKINS), rng.choices(HAIRS, _HAIR_SHARES)[0]
    width, height = rng.randint(74, 86), rng.randint(92, 106)
    head = (200 - width, 190 - height, 200 + width, 190 + height)
    style = rng.choice(_LONG if soft and rng.random() < 0.8 else _SHORT)
    style(on, head, hair, behind=True)
    _body(on, rng, skin)
    _head(on, head, skin)
    _features(on, rng, skin, hair)
    if not soft and rng.random() < 0.3:
        _beard(on, head, hair, skin)
    style(on, head, hair, behind=False)
    if rng.random() < 0.28:
        _glasses(on, rng)
    return picture


def portrait(seed: str, *, soft: bool = False) -> list[bytes]:
    """JPEGs in the order of SIZES, as an uploaded photo becomes them."""
    file = io.BytesIO()
    draw(seed, soft=soft).save(file, "JPEG", quality=95, subsampling=0)  # written four times as fast as a PNG
    done = perform(Task(file.getvalue(), ["JPEG"], list(SIZES), EDGE * EDGE))
    assert done.fault is None, done.fault
    return done.pictures


def _shade(colour: Colour, by: float) -> Colour:
    return tuple(min(255, int(part * by)) for part in colour)  # type: ignore[return-value]


def _body(on: Drawing, rng: random.Random, skin: Colour) -> None:
    cloth = rng.choice(CLOTHES)
    on.rounded_rectangle((164, 240, 236, 340), 34, fill=_shade(skin, 0.86))
    on.ellipse((56, 306, 344, 560), fill=cloth)
    collar = rng.randrange(3)
    if collar == 0:  # a round neck
        on.ellipse((154, 276, 246, 342), fill=_shade(skin, 0.86))
        on.arc((150, 272, 250, 346), 8, 172, fill=_shade(cloth, 0.8), width=8)
    elif collar == 1:  # a shirt
        on.polygon([(158, 300), (200, 352), (242, 300), (228, 290), (172, 290)], fill=_shade(skin, 0.86))
        on.polygon([(156, 296), (200, 354), (172, 378), (136, 312)], fill=_shade(cloth, 1.25))
        on.polygon([(244, 296), (200, 354), (228, 378), (264, 312)], fill=_shade(cloth, 1.25))
    else:  # a hood
        on.ellipse((116, 282, 284, 366), fill=_shade(cloth, 0.82))
        on.ellipse((156, 280, 244, 336), fill=_shade(skin, 0.86))
        for x in (176, 224):
            on.line((x, 346, x, 396), fill=_shade(cloth, 1.4), width=5)


def _head(on: Drawing, head: tuple[int, int, int, int], skin: Colour) -> None:
    left, _, right, _ = head
    for x in (left, right):
        on.ellipse((x - 15, 176, x + 15, 220), fill=skin)
        on.ellipse((x - 7, 186, x + 7, 210), fill=_shade(skin, 0.88))
    on.ellipse(head, fill=skin)


def _features(on: Drawing, rng: random.Random, skin: Colour, hair: Colour) -> None:
    iris, apart, brow = rng.choice(IRISES), rng.randint(32, 38), rng.randint(150, 158)
    for side in (-1, 1):
        x = 200 + side * apart
        on.ellipse((x - 15, 176, x + 15, 202), fill=(252, 252, 250))
        on.ellipse((x - 10, 178, x + 10, 200), fill=iris)
        on.ellipse((x - 5, 183, x + 5, 195), fill=(16, 14, 14))
        on.ellipse((x + 1, 181, x + 6, 186), fill=(255, 255, 255))
        on.arc((x - 20, brow, x + 20, brow + 30), 205, 335, fill=_shade(hair, 0.85), width=rng.randint(6, 9))
        on.ellipse((x - 16 + side * 14, 214, x + 16 + side * 14, 236), fill=_warm(skin))
    on.arc((188, 196, 212, 226), 20, 160, fill=_shade(skin, 0.72), width=5)
    wide = rng.randint(26, 38)
    lips = _shade(skin, 0.62)
    if rng.random() < 0.4:  # teeth
        on.chord((200 - wide, 218, 200 + wide, 268), 0, 180, fill=(255, 252, 248), outline=lips, width=4)
    else:
        on.arc((200 - wide, 212, 200 + wide, 260), 20, 160, fill=lips, width=6)
    if rng.random() < 0.15:
        for _ in range(12):
            x, y = 200 + rng.choice((-1, 1)) * rng.randint(16, 58), rng.randint(208, 232)
            on.ellipse((x, y, x + 4, y + 4), fill=_shade(skin, 0.8))


def _warm(skin: Colour) -> Colour:
    return min(255, int(skin[0] * 1.02)), int(skin[1] * 0.88), int(skin[2] * 0.86)


def _beard(on: Drawing, head: tuple[int, int, int, int], hair: Colour, skin: Colour) -> None:
    left, _, right, bottom = head
    on.chord((left + 2, 130, right - 2, bottom + 8), 22, 158, fill=hair)
    on.chord((172, 222, 228, 262), 0, 180, fill=_shade(skin, 0.95))
    on.chord((176, 222, 224, 256), 0, 180, fill=(250, 246, 242))


def _glasses(on: Drawing, rng: random.Random) -> None:
    frame, round_ = rng.choice(((34, 34, 38), (110, 70, 44), (60, 80, 120))), rng.random() < 0.5
    for x in (164, 236):
        box = (x - 28, 164, x + 28, 214)
        if round_:
            on.ellipse(box, outline=frame, width=5)
        else:
            on.rounded_rectangle(box, 12, outline=frame, width=5)
    on.line((192, 184, 208, 184), fill=frame, width=5)


# Hair: what is behind the head is drawn before it, what is before it after.

Style = Callable[..., None]


def _cap(on: Drawing, head: tuple[int, int, int, int], hair: Colour, line: int) -> None:
    """All around the top of the head, down to `line`."""
    left, top, right, _ = head
    on.chord((left - 8, top - 16, right + 8, 2 * line - top + 16), 180, 360, fill=hair)


def _cropped(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    if not behind:
        _cap(on, head, hair, 140)


def _parted(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    if not behind:
        left, top, right, _ = head
        _cap(on, head, hair, 132)
        on.pieslice((left - 22, top - 30, right - 20, 190), 250, 360, fill=hair)
        on.pieslice((left - 10, top - 20, 190, 184), 160, 280, fill=hair)


def _curly(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    left, top, right, _ = head
    if behind:
        on.ellipse((left - 24, top - 40, right + 24, 230), fill=hair)
        return
    for x in range(left, right + 1, 22):
        y = top + 8 + abs(x - 200) // 3
        on.ellipse((x - 20, y - 22, x + 20, y + 18), fill=hair)


def _long(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    left, top, right, _ = head
    if behind:
        on.rounded_rectangle((left - 26, top - 16, right + 26, 344), 84, fill=hair)
        return
    _cap(on, head, hair, 128)
    on.pieslice((left - 20, top - 10, 206, 226), 176, 296, fill=hair)
    on.pieslice((194, top - 10, right + 20, 226), 244, 364, fill=hair)


def _bob(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    left, top, right, _ = head
    if behind:
        on.rounded_rectangle((left - 22, top - 16, right + 22, 268), 70, fill=hair)
        return
    on.chord((left - 6, top - 16, right + 6, 216), 178, 362, fill=hair)
    on.rectangle((left + 6, 96, right - 6, 142), fill=hair)


def _bun(on: Drawing, head: tuple[int, int, int, int], hair: Colour, *, behind: bool) -> None:
    _, top, _, _ = head
    if behind:
        on.ellipse((156, top - 62, 244, top + 20), fill=hair)
    else:
        _cap(on, head, hair, 136)


_SHORT: tuple[Style, ...] = (_cropped, _cropped, _parted, _parted, _curly)
_LONG: tuple[Style, ...] = (_long, _long, _bob, _bun, _curly)


def main() -> None:
    """Until standard input ends. `gently`: whatever else this machine has to do comes first."""
    if sys.argv[1:] == [GENTLY]:
        os.nice(19)
    answer_each(Asked, lambda asked: Drawn([portrait(seed, soft=soft) for seed, soft in asked.seeds]))


if __name__ == "__main__":
    main()
