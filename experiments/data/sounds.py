"""Spoken digits, and how a sound becomes a picture."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import place

RATE = 8_000
BANDS = 64
"""Mel bands, and time steps: the pictures are square."""
WINDOW = 256


@dataclass(frozen=True, slots=True)
class Sounds:
    """Log-mel pictures (N, 64, 64) uint8, the digit (N,) and the speaker (N,) of each, the speakers' names."""

    pictures: NDArray[np.uint8]
    digits: NDArray[np.int64]
    speakers: NDArray[np.int64]
    names: tuple[str, ...]


def spoken_digits(per_pair: int = 50, *, folder: Path | None = None) -> Sounds:
    """Return the first recordings of each digit and speaker of the Free Spoken Digit Dataset, or `NotHere`."""
    where = folder or place("fsdd", "recordings", what="Free Spoken Digit Dataset (Jackson)")
    parts = [[*file.stem.split("_"), str(file)] for file in sorted(where.glob("*_*_*.wav"))]
    kept = [part for part in parts if int(part[2]) < per_pair]
    names, speakers = np.unique([part[1] for part in kept], return_inverse=True)
    pictures = np.stack([log_mel(read_wave(Path(part[3]))) for part in kept])
    digits = np.array([int(part[0]) for part in kept], dtype=np.int64)
    return Sounds(pictures, digits, speakers.astype(np.int64), tuple(map(str, names)))


def read_wave(file: Path) -> NDArray[np.float64]:
    """Return the samples (T,) in [-1, 1] of a mono file of 16 bits."""
    with wave.open(str(file)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768.0


def log_mel(samples: NDArray[np.float64], *, rate: int = RATE) -> NDArray[np.uint8]:
    """Return the first second of samples (T,) as a picture (64, 64): low bands below, 60 dB from white to black."""
    second = np.zeros(rate + WINDOW)
    second[: min(len(samples), rate)] = samples[:rate]
    starts = np.arange(BANDS) * rate // BANDS
    frames = second[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 @ _filters(rate).T
    level = 10 * np.log10(np.maximum(power, 1e-12))
    shown = np.clip((level - level.max() + 60) / 60, 0, 1)
    picture: NDArray[np.uint8] = (255 * shown.T[::-1]).astype(np.uint8)
    return picture


def _filters(rate: int) -> NDArray[np.float64]:
    """Return triangles (64, F) evenly spaced on the mel scale, m = 2595 log10(1 + f / 700)."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(WINDOW, 1 / rate)
    rising = (at - corners[:-2, None]) / np.maximum(np.diff(corners)[:-1, None], rate / WINDOW)
    falling = (corners[2:, None] - at) / np.maximum(np.diff(corners)[1:, None], rate / WINDOW)
    # at the low end a triangle can be narrower than a bin: then it takes the nearest one
    triangles = np.maximum(0, np.minimum(rising, falling))
    triangles[np.arange(BANDS), np.abs(at - corners[1:-1, None]).argmin(axis=1)] += 1e-6
    return triangles
