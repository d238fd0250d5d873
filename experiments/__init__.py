"""The papers' tables and figures again, one folder and one command each; see `python -m experiments`."""

from experiments.running import Experiment, Scale, find, names, run

__all__ = ["Experiment", "Scale", "find", "names", "run"]
