"""The process in which images are decoded: `python -P -m shoal.images.worker SIZE RESIZE SECONDS MEMORY`.

Its standard input is a socket to the pool. It dies with the pool: idle it reads the end of the stream; busy
it is ended by the kernel's alarm, even inside a decoder that never returns.
"""

import math
import os
import resource
import signal
import socket
import sys
import warnings

from PIL import AvifImagePlugin, Image

from shoal.images.decode import decode
from shoal.images.wire import READY, receive_request, send_decoded, send_failed
from shoal.types import ImageInput, ItemError

_GRACE = 5


def main(arguments: list[str]) -> None:
    """Decode what comes until the pool closes the connection."""
    size, resize, seconds, memory = arguments
    connection = socket.socket(fileno=0)
    settle(int(memory))
    connection.sendall(READY)
    try:
        _serve(connection, ImageInput(int(size), int(resize)), math.ceil(float(seconds)) + _GRACE)
    except (EOFError, ConnectionError):
        return


def settle(memory: int) -> None:
    """Limit the memory, and silence the decoders: what they have to say is in the reasons."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # decode() counts the pixels itself, after a JPEG has been reduced
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # every thread's stack counts as memory, on every core
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the limit is not kept, or cannot be set
        with open("/proc/self/statm", "rb") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))


def _serve(connection: socket.socket, image_input: ImageInput, seconds: int) -> None:
    while True:
        data = receive_request(connection)
        signal.alarm(seconds)
        try:
            decoded = decode(data, image_input=image_input)
        except ItemError as error:
            send_failed(connection, str(error))
        else:
            send_decoded(connection, decoded)
        signal.alarm(0)


if __name__ == "__main__":
    main(sys.argv[1:])
