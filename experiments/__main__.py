"""`python -m experiments` lists the experiments, `python -m experiments NAME` runs one."""

import argparse
import os
import sys
from pathlib import Path

from experiments import running
from shoal.types import ShoalError


def main(arguments: list[str] | None = None) -> int:
    """Parse, list or run; return the exit code: 0 done, 1 refused."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("name", nargs="?", choices=running.names(), help="which experiment; none lists them")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--smoke", action="store_true", help="a few seconds on stand-in data; writes nothing here"
    )
    size.add_argument(
        "--full", action="store_true", help="the paper's sizes, where the machine allows; needs --into"
    )
    parser.add_argument("--table", action="store_true", help="only write the README again from results.json")
    parser.add_argument(
        "--seeds", type=int, help="how many seeds (default: the experiment's; fewer need --into)"
    )
    parser.add_argument("--only", default="", help="only cases whose description contains this text")
    parser.add_argument(
        "--resume", action="store_true", help="measure only cases that results.json lacks (same code!)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="how many cases at once (default: one a core)"
    )
    parser.add_argument("--into", type=Path, help="where to write (default: the experiment's folder)")
    given = parser.parse_args(arguments)
    if given.name is None:
        print(listing())
        return 0
    scale: running.Scale = "smoke" if given.smoke else "full" if given.full else "short"
    try:
        experiment = running.find(given.name)
        if given.table:
            running.write_again(experiment, given.into)
        else:
            jobs = 1 if given.smoke else max(1, given.jobs)
            running.run(
                experiment,
                scale,
                seeds=given.seeds,
                only=given.only,
                into=given.into,
                jobs=jobs,
                resume=given.resume,
            )
    except ShoalError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 1
    return 0


def listing() -> str:
    """Return one line an experiment: its name and its question."""
    width = max(map(len, running.names()))
    rows = [f"  {name:<{width}}  {running.find(name).question}" for name in running.names()]
    return "\n".join(["Run one with `make experiments NAME=...`:", *rows])


if __name__ == "__main__":
    sys.exit(main())
