"""Runs an ONNX file whose input is uint8 pictures and whose outputs are one vector a picture and layer."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.types import ShoalError


class OnnxRunner:
    """An ONNX graph uint8 (N, H, W, 3) -> float32 (N, D) per output, on the CPU.

    Every picture runs alone, several at once on `threads` threads (default: the cores this process may
    use). So a vector depends on its picture only: not on the batch it came in, nor on the threads.
    """

    def __init__(self, model: bytes, *, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a picture: no waiting for each other inside a layer.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]
        self.outputs: dict[str, int] = {one.name: one.shape[1] for one in self._session.get_outputs()}
        self._threads = threads or available_cores()

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (N, H, W, 3) uint8 to each output (N, D) float32; `ShoalError` on another shape."""
        self._check(images)
        vectors = {name: np.empty((len(images), width), np.float32) for name, width in self.outputs.items()}

        def one(row: int) -> None:
            feed = {self._input.name: np.ascontiguousarray(images[row : row + 1])}
            for name, vector in zip(vectors, self._session.run(list(vectors), feed), strict=True):
                vectors[name][row] = vector[0]

        # A pool a call costs well under a millisecond and leaves no threads behind for a fork to break.
        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(one, range(len(images))))
        return vectors

    def _check(self, images: NDArray[np.uint8]) -> None:
        expected = tuple(self._input.shape[1:])
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != expected:
            raise ShoalError(
                f"the ONNX runner takes uint8 pictures of shape (N, {', '.join(map(str, expected))}); "
                f"got {images.dtype} {images.shape}. Decode them with this backbone's image_input."
            )


def available_cores() -> int:
    """Count the cores that this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
