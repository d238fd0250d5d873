"""A large version of one picture, made in a process with limits.

`python -P -m shoal.images.enlarge BOX MEMORY`: the file comes in on standard input; a JPEG goes out, or
a WebP where the picture is transparent, or, with exit code 3, the reason why there is none.
"""

import subprocess
import sys
from io import BytesIO

from shoal.images.decode import open_within
from shoal.images.pool import MEMORY_BYTES
from shoal.images.reasons import reason_for
from shoal.images.worker import settle
from shoal.types import ItemError

BOX = 1024
SECONDS = 20.0
QUALITY = 88
REFUSED = 3


def enlarge(data: bytes, *, box: int = BOX) -> bytes:
    """Return the bytes of an image file as an upright JPEG that fits into `box` px, never larger than it is.

    A WebP where the picture is transparent.
    Raises `ItemError` with a reason when the file is no image, is damaged, or takes too long or too much.
    """
    command = [sys.executable, "-P", "-m", "shoal.images.enlarge", str(box), str(MEMORY_BYTES)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ItemError(f"decoding it took longer than {SECONDS:g} s") from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()
        raise ItemError(said if done.returncode == REFUSED and said else "the decoder crashed on it")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Read a file, write a JPEG, or a WebP where it is transparent."""
    box, memory = map(int, arguments)
    data = sys.stdin.buffer.read()
    settle(memory)
    try:
        image = open_within(data, box)
        out = BytesIO()
        image.save(out, "WEBP" if image.mode == "RGBA" else "JPEG", quality=QUALITY)
    except Exception as error:  # what a decoder raises on a hostile file is anybody's guess
        print(str(error) if isinstance(error, ItemError) else reason_for(error, data))
        return REFUSED
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
