"""Portraits of people who do not exist: the same for the same seed, one for each, and kept as photos are."""

from __future__ import annotations

import io

from PIL import Image

from hub.demo.faces import EDGE, draw, portrait
from hub.demo.portraits import draw_all
from hub.rest.files.naming import SIZES

SEEDS = [(f"1 SBK {number}", number % 2 == 0) for number in range(25)]


def test_the_same_seed_is_the_same_face_and_another_is_another() -> None:
    faces = [draw(seed, soft=soft).tobytes() for seed, soft in SEEDS]
    assert faces == [draw(seed, soft=soft).tobytes() for seed, soft in SEEDS]
    assert len(set(faces)) == len(SEEDS)


def test_a_face_is_drawn_and_not_an_empty_square() -> None:
    for seed, soft in SEEDS:
        picture = draw(seed, soft=soft)
        assert (picture.size, picture.mode) == ((EDGE, EDGE), "RGB")
        colours = picture.getcolors(EDGE * EDGE)
        assert colours is not None
        assert len(colours) > 8


async def test_children_draw_the_same_as_a_photo_of_every_size() -> None:
    drawn = await draw_all(SEEDS)
    assert drawn == [portrait(seed, soft=soft) for seed, soft in SEEDS]
    for pictures in drawn:
        opened = [Image.open(io.BytesIO(one)) for one in pictures]
        assert [(one.format, one.size) for one in opened] == [("JPEG", (size, size)) for size in SIZES]
