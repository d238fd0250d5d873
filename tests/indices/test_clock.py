"""What the benchmarks measure memory with, on calls that are known to take so much."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
_spec = importlib.util.spec_from_file_location("clock", BENCHMARKS / "clock.py")
clock = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(clock)
TOLD = (clock.PROCESS / "clear_refs").exists()
HUGE_PAGE = 2.5  # MB: what the system may give to a call that touches a part of it, and the noise


def peak_in_a_new_process(before: str, call: str) -> float:
    """Return the peak of a call in a process that has no threads and no memory of other tests."""
    program = f"import numpy as np, clock\n{before}\nprint(clock.peaked(lambda: {call})[0])"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    return float(ran.stdout)


@pytest.mark.skipif(not TOLD, reason="this system does not tell a process's peak")
@pytest.mark.parametrize("mb", [8, 100])
def test_the_peak_is_what_the_call_took_whatever_was_held_and_freed_before(mb):
    held = "kept, freed = np.ones(50 << 17), [np.ones(1 << 14) for _ in range(3_000)]; del freed"
    assert peak_in_a_new_process(held, f"float(np.ones({mb} << 17)[0])") == pytest.approx(mb, abs=HUGE_PAGE)


@pytest.mark.skipif(not TOLD, reason="this system does not tell a process's peak")
def test_a_call_that_takes_nothing_has_no_peak():
    assert peak_in_a_new_process("np.ones(100 << 17)", "2") < HUGE_PAGE


def test_without_proc_the_peak_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "PROCESS", tmp_path / "none")
    assert clock.peaked(lambda: 3) == (None, 3)
