"""How long a call takes on the processor, for the benchmarks beside this file."""

import statistics
import time
from collections.abc import Callable


def timed(call: Callable[[], float]) -> tuple[float, float]:
    """Return the median processor time of a call, sampled for longer than a clock of 4 ms, and its value."""
    repeats, spent, samples = 1, 0.0, []
    while len(samples) < 5 and spent < 1.0:
        began = time.process_time()
        for _ in range(repeats):
            value = call()
        lasted = time.process_time() - began
        if lasted < 0.1:
            repeats *= 4
        else:
            spent += lasted
            samples.append(lasted / repeats)
    return statistics.median(samples), value
