"""Real bytes: pictures and documents as they come, and as somebody would send them who means harm."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image

from tests.clamd import EICAR

#: A red square as libheif writes them: what telephones send under the name of a JPEG.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABegABAAAAAAAAABkAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3"
    "aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBw"
    "aXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAACFtZGF0AAAAFSgBrwtg+sbB1//6Djv44xB4r3tO3A=="
)
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
WHERE = "48.8583N"


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), colour: Any = "red", **how: Any) -> bytes:
    made = io.BytesIO()
    mode = "RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB"
    Image.new(mode, size, colour).save(made, kind, **how)
    return made.getvalue()


def turned() -> bytes:
    """Left half red, right half blue, and told to be shown a quarter turned; with where it was taken."""
    image = Image.new("RGB", (600, 600), "red")
    image.paste("blue", (300, 0, 600, 600))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = WHERE
    made = io.BytesIO()
    image.save(made, "JPEG", exif=exif, comment=WHERE.encode())
    return made.getvalue()


def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """900 million pixels in a hundred kilobytes, well formed."""
    row = b"\0" + bytes((width + 7) // 8)
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A picture of a pixel with 200 MB of text, compressed."""
    whole = picture("PNG", (1, 1))
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))
    return whole[:33] + text + whole[33:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def zipped(files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


#: Both a picture and something else.
POLYGLOTS = {
    "jpeg and zip": picture() + zipped({"run.sh": b"rm -rf /"}),
    "jpeg and page": picture() + b"<html><script>alert(1)</script></html>",
    "png and program": picture("PNG") + b"MZ" + bytes(100),
}
NO_PICTURES = {
    "heic": HEIC,
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "pdf": PDF,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "page": b"<html></html>",
    "zip": zipped({"a.jpg": picture()}),
    "text": b"hello",
    "a byte": b"\xff",
    "zeros": bytes(10_000),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
}
DAMAGED = {
    "head of a jpeg": b"\xff\xd8\xff\xe0" + bytes(50),
    "half a jpeg": picture()[:400],
    "half a png": picture("PNG", (300, 300))[:60],
    "half a webp": picture("WEBP")[:30],
    "bomb": png_bomb(),
    "bomb of text": png_text_bomb(),
    "no pixels": picture("PNG")[:16] + bytes(8) + picture("PNG")[24:],
}
#: As a part of a form may name its file, and what becomes of it.
RAW_NAMES = {
    b"filename*=UTF-8''a%00b%0D%0ASet-Cookie%3A%20c.pdf": "abSet-Cookie: c.pdf",
    b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd": "passwd",
    b"filename*=UTF-8''%F0%9F%93%84.pdf": "📄.pdf",
    b'filename="\xff\xfe.pdf"': None,
    b'filename="a\x00b.pdf"': None,
}
INFECTED = picture() + EICAR
NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "📄 Zeugnis – Zoë.pdf": "📄 Zeugnis – Zoë.pdf",
    "": "document",
    "...": "document",
    "x" * 600 + ".pdf": "x" * 251 + ".pdf",
    "\u202egpj.exe": "gpj.exe",
}
