"""A folder full of files that break programs, and what is to become of each."""

import gzip
import io
import json
import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

Verdict = str | None
"""None: it must become an item with a thumbnail; else a text that its reason must contain."""

Made = Iterator[tuple[bytes, bytes, Verdict]]


def make_hostile(folder: Path) -> dict[bytes, Verdict]:
    """Fill `folder`, and return for the path of everything in it, as bytes, what must become of it."""
    folder.mkdir(parents=True, exist_ok=True)
    root = os.fsencode(folder)
    expected: dict[bytes, Verdict] = {}
    for make in (_whole, _cut, _mislabelled, _damaged, _bombs, _modes, _names):
        for name, data, verdict in make():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
            assert name not in expected
            expected[name] = verdict
    for special in (_specials, _links, _locked, _deep):
        expected.update(special(root))
    return expected


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """Return a picture that does not compress to nothing: a gradient under seeded noise."""
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    ramp = np.linspace(0, 190, width)[None, :, None]
    return Image.fromarray((noise + ramp).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """Return the bytes of the image in a format."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG put together by hand, whose header may promise anything."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _whole() -> Made:
    image = picture()
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"):
        yield b"whole/plain." + form.lower().encode(), encoded(image, form), None
    jpeg = encoded(image, "JPEG")
    yield b"whole/progressive.jpg", encoded(image, "JPEG", progressive=True), None
    yield b"whole/interlaced.png", _interlaced(), None
    yield b"whole/garbage after the end.jpg", jpeg + os.urandom(5000), None
    yield b"whole/zip after the end.jpg", jpeg + _zip(), None
    yield b"whole/one pixel.png", encoded(picture(1, 1), "PNG"), None
    yield b"whole/one row.png", encoded(picture(3000, 1), "PNG"), None
    yield b"whole/one column.png", encoded(picture(1, 3000), "PNG"), None
    yield b"whole/28x28.png", encoded(picture(28, 28, "L"), "PNG"), None
    yield b"whole/3000 frames.gif", _film(3000), None
    pages = [picture(64 + k, 64) for k in range(20)]
    yield b"whole/20 pages.tiff", encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), None
    yield b"whole/two eyes.mpo", encoded(image, "MPO", save_all=True, append_images=[image]), None


def _cut() -> Made:
    for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"):
        data = encoded(picture(), form)
        name = form.lower().encode()
        yield b"cut/half." + name, data[: len(data) // 2], "the file is"
        yield b"cut/header." + name, data[:14], "the file is"
    jpeg = encoded(picture(400, 300), "JPEG")
    yield b"cut/tenth.jpg", jpeg[: len(jpeg) // 10], "truncated"
    yield b"cut/nine tenths.jpg", jpeg[: len(jpeg) * 9 // 10], "truncated"
    progressive = encoded(picture(400, 300), "JPEG", progressive=True)
    yield b"cut/progressive.jpg", progressive[: len(progressive) // 2], "truncated"
    yield b"cut/one byte.png", b"\x89", "not an image"
    yield b"cut/empty.jpg", b"", "empty"


def _mislabelled() -> Made:
    yield b"mislabelled/png.jpg", encoded(picture(), "PNG"), None
    yield b"mislabelled/jpeg.png", encoded(picture(), "JPEG"), None
    yield b"mislabelled/no suffix", encoded(picture(), "JPEG"), None
    yield b"mislabelled/photo.jpg?width=200", encoded(picture(), "JPEG"), None
    yield b"mislabelled/text.png", b"This is not a picture.\n" * 40, "text"
    yield b"mislabelled/page.jpg", b"<!DOCTYPE html><html><h1>404</h1></html>", "web page"
    yield b"mislabelled/zip.png", _zip(), "zip"
    yield b"mislabelled/pickle.jpg", pickle.dumps(_Bomb()), "not an image"
    yield b"mislabelled/gzip.png", gzip.compress(b"<svg>" + b" " * 10_000_000 + b"</svg>"), "gzip"
    yield b"mislabelled/drawing.png", b"<?xml version='1.0'?><svg width='9'/>", "SVG"
    yield b"mislabelled/phone.jpg", b"\x00\x00\x00\x18ftypheic" + b"\x00" * 100, "HEIC"
    yield b"mislabelled/document.jpg", b"%PDF-1.7\n" + b"x" * 100, "PDF"
    yield b"mislabelled/zeros.jpg", b"\x00" * 4096, "not an image"
    yield b"mislabelled/noise.jpg", np.random.default_rng(1).bytes(4096), "not an image"
    yield b"mislabelled/notes.txt", b"a note", "not an image by its name (.txt)"
    yield b"mislabelled/drawing.svg", b"<svg/>", "cannot be decoded (.svg)"
    yield b"mislabelled/phone.HEIC", b"\x00\x00\x00\x18ftypheic", "cannot be decoded (.HEIC)"


def _damaged() -> Made:
    whole = encoded(picture(), "PNG")
    yield b"damaged/checksum.png", whole[:60] + bytes([whole[60] ^ 255]) + whole[61:], "damaged"
    rows = zlib.compress(bytes(4))
    yield b"damaged/no width.png", png(0, 5, depth=8, colour=0, rows=rows), ""
    yield b"damaged/no height.png", png(5, 0, depth=8, colour=0, rows=rows), ""
    yield b"damaged/no palette.png", png(2, 2, depth=8, colour=9, rows=rows), ""
    yield b"damaged/rows missing.png", png(500, 500, depth=8, colour=2, rows=rows), "truncated"
    yield b"damaged/not zlib.png", png(5, 5, depth=8, colour=0, rows=b"not zlib at all"), "damaged"
    yield b"damaged/middle.jpg", _jpeg_with_hole(), None
    exif = b"Exif\x00\x00MM\x00*" + b"\xff" * 40
    yield b"damaged/exif.jpg", _with_app1(encoded(picture(), "JPEG"), exif), None
    orientation = Image.Exif()
    orientation[0x0112] = 99
    yield b"damaged/orientation.jpg", encoded(picture(), "JPEG", exif=orientation), None
    bmp = encoded(picture(), "BMP")
    yield b"damaged/no size.bmp", bmp[:18] + struct.pack("<ii", 0, 0) + bmp[26:], ""
    yield b"damaged/least height.bmp", bmp[:22] + struct.pack("<i", -(2**31)) + bmp[26:], ""
    yield b"damaged/tiff in a circle.tif", b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00", ""
    yield b"damaged/words.ppm", b"P3 3 3 255 these are no numbers at all", "damaged"


def _bombs() -> Made:
    line = zlib.compress(bytes(1 + 100_000 // 8) * 50, 9)
    yield b"bombs/100000x100000.png", png(100_000, 100_000, depth=1, colour=0, rows=line), "pixels"
    yield b"bombs/2^31.png", png(2**31 - 1, 2**31 - 1, depth=8, colour=6, rows=line), ""
    text = png_chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(100_000_000), 1))
    yield (
        b"bombs/text.png",
        png(1, 1, depth=8, colour=0, rows=zlib.compress(b"\0\0"), extra=text),
        "more pixels or text",
    )
    many = PngImagePlugin.PngInfo()
    for k in range(100):
        many.add_text(f"k{k}", "x" * 900_000, zip=True)
    yield b"bombs/texts.png", encoded(picture(), "PNG", pnginfo=many), "more pixels or text"
    yield b"bombs/svg.svgz", gzip.compress(b"<svg>" + bytes(50_000_000)), "cannot be decoded"
    bits = zlib.compress(bytes((1 + 9000 // 8) * 9000), 9)
    yield b"bombs/81 million dots.png", png(9000, 9000, depth=1, colour=0, rows=bits), None
    yield b"bombs/screen.gif", _gif(65535, 65535), "pixels"
    # libjpeg fills what a complete file promised and does not hold; unpacked to an eighth it is allowed
    yield b"bombs/65500x65500.jpg", _jpeg_header(65500, 65500), None
    header = encoded(Image.new("RGB", (8, 8)), "BMP")
    yield b"bombs/wide.bmp", header[:18] + struct.pack("<ii", 2**30, 2**30) + header[26:], ""
    yield b"bombs/deep.ppm", b"P6 60000 60000 255\n" + bytes(100), "pixels"
    yield b"bombs/float.tif", _tiff(2**16, 2**16), ""


def _modes() -> Made:
    yield b"modes/cmyk.jpg", encoded(picture(mode="CMYK"), "JPEG"), None
    yield b"modes/cmyk.tif", encoded(picture(mode="CMYK"), "TIFF", compression="tiff_lzw"), None
    yield b"modes/lab.tif", encoded(picture(mode="LAB"), "TIFF"), None
    yield b"modes/ycbcr.tif", encoded(picture(mode="YCbCr"), "TIFF"), None
    yield b"modes/grey.jpg", encoded(picture(mode="L"), "JPEG"), None
    yield b"modes/bits.png", encoded(picture(mode="1"), "PNG"), None
    yield b"modes/alpha.png", encoded(picture(mode="RGBA"), "PNG"), None
    yield b"modes/grey alpha.png", encoded(picture(mode="LA"), "PNG"), None
    yield b"modes/palette.png", encoded(picture(mode="P"), "PNG", transparency=bytes(range(256))), None
    yield b"modes/colour key.png", encoded(picture(), "PNG", transparency=(1, 2, 3)), None
    deep = np.linspace(0, 65535, 96 * 64).reshape(64, 96)
    yield b"modes/16 bits.png", encoded(Image.fromarray(deep.astype(np.uint16)), "PNG"), None
    yield b"modes/16 bits.tif", encoded(Image.fromarray(deep.astype(np.uint16)), "TIFF"), None
    yield b"modes/32 bits.tif", encoded(Image.fromarray(deep.astype(np.int32) - 30_000), "TIFF"), None
    holes = deep.astype(np.float32)
    holes[::3] = np.nan
    holes[1, 1:3] = np.inf, -np.inf
    yield b"modes/float with nan.tif", encoded(Image.fromarray(holes), "TIFF"), None
    nothing = np.full((9, 9), np.nan, np.float32)
    yield b"modes/only nan.tif", encoded(Image.fromarray(nothing), "TIFF"), "finite"


def _names() -> Made:
    data = encoded(picture(24, 24), "JPEG")
    for name in (
        b"names/not \xff\xfe utf-8.jpg",
        b"names/new\nline.jpg",
        b"names/\x1b[31mred\x07.jpg",
        b"names/quote'\"<b>&amp;.jpg",
        b"names/=cmd|calc.jpg",
        b"names/-rf.jpg",
        b"names/ space .jpg",
        b"names/100%.jpg",
        "names/\u202egpj.exe".encode() + b".jpg",
        "names/Ωμέγα 🦊.JPG".encode(),
        b"names/" + b"n" * 251 + b".jpg",
        b"names/back\\slash.jpg",
    ):
        yield name, data, None


def _specials(root: bytes) -> dict[bytes, Verdict]:
    os.makedirs(root + b"/special")
    makers: list[tuple[bytes, Callable[[bytes], object], Verdict]] = [
        (b"special/pipe.jpg", os.mkfifo, "named pipe"),
        (b"special/socket.jpg", lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "socket"),
        (b"special/zero.jpg", lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)), "device"),
        (b"special/terabyte.png", _terabyte, "more than"),
    ]
    made: dict[bytes, Verdict] = {}
    for name, make, verdict in makers:
        try:
            make(os.path.join(root, name))
        except OSError:  # a device needs rights, a terabyte a file system that knows holes
            continue
        made[name] = verdict
    return made


def _links(root: bytes) -> dict[bytes, Verdict]:
    made: dict[bytes, tuple[bytes, Verdict]] = {
        b"links/loop.jpg": (b"loop.jpg", "leads nowhere"),
        b"links/ping.jpg": (b"pong.jpg", "leads nowhere"),
        b"links/pong.jpg": (b"ping.jpg", "leads nowhere"),
        b"links/dangling.jpg": (b"/nonexistent/picture.jpg", "leads nowhere"),
        b"links/up": (b"..", "link to a folder"),
        b"links/self": (b".", "link to a folder"),
        b"links/pipe.jpg": (b"../special/pipe.jpg", "named pipe"),
        b"links/picture.jpg": (b"../whole/plain.jpeg", None),
        b"links/endless.jpg": (b"/dev/zero", "device"),
    }
    os.makedirs(root + b"/links")
    for name, (target, _) in made.items():
        os.symlink(target, os.path.join(root, name))
    return {name: verdict for name, (_, verdict) in made.items()}


def _locked(root: bytes) -> dict[bytes, Verdict]:
    """Take the right to read away, which root has all the same."""
    os.makedirs(root + b"/locked/folder")
    data = encoded(picture(), "JPEG")
    for name in (b"locked/file.jpg", b"locked/folder/inside.jpg"):
        with open(os.path.join(root, name), "wb") as file:
            file.write(data)
    os.chmod(root + b"/locked/file.jpg", 0)
    os.chmod(root + b"/locked/folder", 0)
    if os.geteuid() == 0:
        return {b"locked/file.jpg": None, b"locked/folder/inside.jpg": None}
    return {b"locked/file.jpg": "permission denied", b"locked/folder/": "permission denied"}


def _deep(root: bytes) -> dict[bytes, Verdict]:
    """Dig below the longest path that the system can open."""
    data = encoded(picture(24, 24), "JPEG")
    name = b"d" * 200
    key = b"deep/"
    os.makedirs(root + b"/deep")
    here = os.open(root + b"/deep", os.O_RDONLY | os.O_DIRECTORY)
    expected: dict[bytes, Verdict] = {}
    for level in range(25):
        if level == 10:
            _write_at(here, b"reached.jpg", data)
            expected[key + b"reached.jpg"] = None
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
        key += name + b"/"
        if len(root) + 1 + len(key) >= 4096:
            expected[key] = "path is too long"
            break
    _write_at(here, b"out of reach.jpg", data)
    os.close(here)
    return expected


def _write_at(folder: int, name: bytes, data: bytes) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=folder)
    os.write(handle, data)
    os.close(handle)


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return os.abort, ()


def _terabyte(path: bytes) -> None:
    with open(path, "wb") as file:
        file.truncate(2**40)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
        archive.writestr("notes.json", json.dumps({"picture": False}))
    return buffer.getvalue()


def _interlaced() -> bytes:
    """Return an Adam7 PNG of 1 x 1 grey: one pass holds the pixel, the others are empty."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)
    rows = zlib.compress(b"\x00\x80")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b""))
    )


def _jpeg_with_hole() -> bytes:
    """Return a JPEG with zeros in the middle of its data, which libjpeg decodes past with a warning."""
    data = bytearray(encoded(picture(400, 300), "JPEG"))
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    return bytes(data)


def _with_app1(jpeg: bytes, body: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _jpeg_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _film(frames: int) -> bytes:
    """Return a GIF that shows the same small frame many times."""
    data = encoded(picture(8, 8, "P"), "GIF")
    at = data.rindex(b",\x00\x00\x00\x00\x08\x00\x08\x00")
    return data[:at] + data[at:-1] * frames + data[-1:]


def _gif(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("P", (8, 8)), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    at = data.index(b",")
    data[at + 5 : at + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def _tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 32), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, width * 4), (339, 3, 3)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + body + bytes(4)
