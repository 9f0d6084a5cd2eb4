"""The process that decodes pictures: `python -m hub.rest.files.shrinking`, a child of a worker or of the jobs process.

Pictures come from anybody, and decoders have had faults: here, one is at a low priority, with a bound on memory,
with none of our settings and no connection to anything. What leaves is made of pixels alone: no metadata, no comment,
nothing that stood behind the picture.
"""

from __future__ import annotations

import io
import os
import resource

import msgspec
from PIL import Image, ImageOps

from hub.control.framing import answer_each

#: As low as hub/accounts/hashing.py, and for its reasons.
NICENESS = 10
MEMORY_BYTES = 2 * 2**30
QUALITY = 85


class Task(msgspec.Struct, array_like=True):
    """`formats`: Pillow's names of what it may be; `sizes`: edges of the squares to make of it, none to look only;
    `pixels`: the most that are decoded; `whole`: nothing is cut off, white is put around it."""

    picture: bytes
    formats: list[str]
    sizes: list[int]
    pixels: int
    whole: bool = False


class Done(msgspec.Struct, array_like=True):
    """JPEGs in the order of `sizes`, or what is wrong with the picture."""

    pictures: list[bytes] = []
    fault: str | None = None


def perform(task: Task) -> Done:
    """Carries out one task, in this very process."""
    Image.MAX_IMAGE_PIXELS = None  # ours is asked before anything is decoded
    try:
        with Image.open(io.BytesIO(task.picture), formats=task.formats) as picture:
            if picture.width * picture.height > task.pixels:
                return Done(fault=f"has more than {task.pixels} pixels")
            if task.sizes:
                picture.draft("RGB", (2 * max(task.sizes), 2 * max(task.sizes)))  # a JPEG is decoded smaller at once
            picture.load()
            plain = _plain(picture) if task.sizes else picture
            return Done([_square(plain, size, whole=task.whole) for size in task.sizes])
    except MemoryError:
        return Done(fault="takes too much memory")
    except Exception:  # noqa: BLE001 - decoders raise whatever they like; the picture is to blame
        return Done(fault="cannot be read; it is damaged, or no such picture")


def _plain(picture: Image.Image) -> Image.Image:
    """Upright, opaque, in RGB. What can be seen through shows white."""
    upright = ImageOps.exif_transpose(picture)
    if "A" not in upright.getbands() and "transparency" not in upright.info:
        return upright.convert("RGB")
    seen = upright.convert("RGBA")
    paper = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(paper, seen).convert("RGB")


def _square(picture: Image.Image, size: int, *, whole: bool) -> bytes:
    if whole:
        fitted = ImageOps.pad(picture, (size, size), Image.Resampling.LANCZOS, color="white")
    else:
        fitted = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    fresh = Image.new("RGB", (size, size))  # has no comment and no profile that would be written along
    fresh.paste(fitted)
    made = io.BytesIO()
    fresh.save(made, "JPEG", quality=QUALITY, optimize=True)
    return made.getvalue()


def main() -> None:
    """Until standard input ends."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    answer_each(Task, perform)


if __name__ == "__main__":
    main()
