"""Time two convolutional cases on Fashion-MNIST side by side, a core each: what report.py estimates the whole by.

python -m experiments.corel.timing
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from experiments.corel.run import EXPERIMENT, measure
from experiments.running import THREADS, Case

SHORT, LONG = 1, 3
"""So many epochs are trained: their difference tells an epoch from the rest."""


def timed(case: Case) -> tuple[float, float]:
    """Return the seconds of one epoch of a case, and of all besides epochs."""
    seconds = {}
    for epochs in (SHORT, LONG):
        began = time.perf_counter()
        measure({**case, "epochs": epochs})
        seconds[epochs] = time.perf_counter() - began
    epoch = (seconds[LONG] - seconds[SHORT]) / (LONG - SHORT)
    return epoch, seconds[SHORT] - SHORT * epoch


def main() -> None:
    """Print both for cross-entropy and Center loss."""
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read by the libraries as the processes start
    cases = EXPERIMENT.cases("short", 1)
    chosen = [case for case in cases if (case["set"], case["net"]) == ("fashion", "CNN")][:2]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for case, (epoch, rest) in zip(chosen, pool.map(timed, chosen), strict=True):
            print(f"{case['loss']}: {epoch:.1f} s an epoch, {rest:.1f} s besides")


if __name__ == "__main__":
    main()
