"""Why a file could not be decoded, in words a person understands."""

from PIL import Image, UnidentifiedImageError

from shoal.types import ItemError

_KNOWN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and PPM are decoded"

_SIGNATURES = (
    (b"8BPS", "a Photoshop document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x7fELF", "a program"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"SIMPLE  =", "a FITS image"),
)
_OURS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_HEIC = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_TRUNCATED = ("truncated", "unexpected end", "eof", "not enough", "premature")


def reason_for(error: Exception, data: bytes) -> str:
    """Say why decoding `data` ended in `error`: what came, and what is decoded where that helps."""
    if isinstance(error, ItemError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(data)
    said = " ".join(str(error).split())[:120]
    if isinstance(error, MemoryError):
        return "unpacking it needs more memory than a decoder may use"
    if isinstance(error, Image.DecompressionBombError) or "MAX_TEXT" in said:
        return "it unpacks to more pixels or text than is allowed"
    if isinstance(error, EOFError) or any(word in said.lower() for word in _TRUNCATED):
        return "the file is truncated"
    return f"the file is damaged ({said or type(error).__name__})"


def _unidentified(data: bytes) -> str:
    if not data:
        return "the file is empty"
    brand = data[8:12]
    kind = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
    if data[4:8] == b"ftyp" and brand not in _AVIF:
        kind = "a HEIC image" if brand in _HEIC else "a film"
    if kind:
        return f"not an image that can be decoded: {kind} ({_KNOWN})"
    if data.startswith(_OURS) or brand in _AVIF or (data.startswith(b"RIFF") and brand == b"WEBP"):
        return "the file is damaged or truncated: its header makes no sense"
    return _unidentified_text(data) or f"not an image, or its first bytes are damaged ({_KNOWN})"


def _unidentified_text(data: bytes) -> str | None:
    head = data[:4096]
    if b"<svg" in head.lower():
        return f"not an image of pixels: an SVG drawing ({_KNOWN})"
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "not an image: a web page, perhaps saved where a download failed"
    if head.isascii() and b"\x00" not in head:
        return "not an image: text"
    return None
