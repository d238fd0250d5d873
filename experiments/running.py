"""Run an experiment case by case, keep every case's outcome, write results.json and the README from them.

A case is a dict of plain values that says all that decides its outcome. Outcomes lie in the cache, one file a
case, so that a killed run goes on where it was; results.json beside the experiment is what is committed.
"""

import fcntl
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from shoal.folders import cache_folder
from shoal.types import Scalar, ShoalError

HERE = Path(__file__).parent
NAMES = ("validity", "silhouette", "fewshot", "corel", "poster", "deepcluster", "other", "projectors")
"""The folders, in the order in which the summary tells them."""
Scale = Literal["smoke", "short", "full"]
Case = dict[str, Scalar]
Row = dict[str, Any]
"""A case and its outcome in one: the case's values, the outcome's, and `seconds`."""
OWN = ("not_here", "seconds")
"""What the runner itself adds to a case."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = ("shoal", "numpy", "scipy", "scikit-learn", "torch", "faiss-cpu", "onnxruntime")
"""What every experiment stands on; one that needs more names it in its `packages`."""


class NotHere(ShoalError):  # noqa: N818  (it is no fault: the case is left out and the table says so)
    """A case cannot be run on this machine, for the reason given."""


@dataclass(frozen=True)
class Experiment:
    """One table or figure: which cases, how one is measured, what is written about all of them.

    `cases(scale, seeds)` lists them; `measure(case)` returns the outcome as plain values or raises `NotHere`;
    `report(rows, folder)` returns the README's body and may save pictures into the folder. Another `version`
    forgets the outcomes in the cache. `packages`: those beyond every experiment's whose versions decide.
    """

    name: str
    question: str
    source: str
    shortened: str
    seeds: int
    cases: Callable[[Scale, int], list[Case]]
    measure: Callable[[Case], Row]
    report: Callable[[list[Row], Path], str]
    version: int = 1
    packages: tuple[str, ...] = ()


def names() -> list[str]:
    """List the experiments."""
    return list(NAMES)


def find(name: str) -> Experiment:
    """Return the experiment of that name."""
    experiment: Experiment = import_module(f"experiments.{name}.run").EXPERIMENT
    return experiment


def run(
    experiment: Experiment,
    scale: Scale,
    *,
    seeds: int | None = None,
    only: str = "",
    into: Path | None = None,
    jobs: int = 1,
    resume: bool = False,
) -> list[Row]:
    """Measure every case that has no outcome yet, then write results.json, pictures and the README.

    "smoke" keeps nothing and writes into a temporary folder unless told otherwise; with `only` nothing is
    written, since the table would lack the other cases. `jobs` cases are measured at once, each in a process
    with one thread; 1: here, one after the other. `resume`: cases that results.json has are not measured
    again, so that a run goes on without the cache of the machine that began it. Raises `ShoalError` where
    the committed results.json has cases that this run lacks: only `into` may then be written.
    """
    wanted = experiment.cases(scale, experiment.seeds if seeds is None else seeds)
    wanted = [case for case in wanted if only in _words(case)]
    replaces = not (scale == "smoke" or only or into)
    if replaces:
        _refuse_to_lose(experiment, wanted)
    if resume:
        _recall(experiment, wanted)
    rows = []
    for number, row in enumerate(_outcomes(experiment, wanted, keep=scale != "smoke", jobs=jobs), start=1):
        rows.append(row)
        said = _words(wanted[number - 1])
        print(f"[{number}/{len(wanted)}] {experiment.name}: {said} ({row['seconds']:.1f} s)", flush=True)
    if scale == "smoke":
        with tempfile.TemporaryDirectory() as scratch:
            _write(experiment, scale, rows, into or Path(scratch))
    elif not only:
        if replaces:
            there = [case for case, row in zip(wanted, rows, strict=True) if "not_here" not in row]
            reasons = sorted({row["not_here"] for row in rows if "not_here" in row})
            _refuse_to_lose(experiment, there, reasons)
        _write(experiment, scale, rows, into or HERE / experiment.name)
    return rows


def write_again(experiment: Experiment, into: Path | None = None) -> None:
    """Write the README and the pictures again from the committed results.json."""
    folder = into or HERE / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    results = json.loads((HERE / experiment.name / "results.json").read_text())
    _write_readme(experiment, results, folder)


def case_cache() -> Path:
    """Return the folder for what is costly to make: outcomes of cases, frozen features.

    It is `experiments` in Shoal's cache folder ($SHOAL_CACHE moves it).
    """
    folder = (cache_folder() or Path(tempfile.gettempdir()) / "shoal") / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process makes what belongs into this folder of the cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _outcomes(experiment: Experiment, cases: list[Case], *, keep: bool, jobs: int) -> Iterator[Row]:
    """Yield every case's outcome in order, measured by `jobs` processes."""
    if jobs == 1:
        yield from (_outcome(experiment, case, keep=keep) for case in cases)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    for name in THREADS:  # read by the libraries as the processes start
        os.environ[name] = "1"
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_outcome_of, experiment.name, case, keep) for case in cases]
        try:
            yield from (each.result() for each in waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _outcome_of(name: str, case: Case, keep: bool) -> Row:
    return _outcome(find(name), case, keep=keep)


def _recall(experiment: Experiment, cases: list[Case]) -> None:
    """Put those outcomes of results.json into the cache that are of these cases."""
    known = committed(experiment)
    for case in cases:
        row = next((row for row in known if is_of(row, case)), None)
        if row is not None and "not_here" not in row:
            _keep(_file(experiment, case), row)


def committed(experiment: Experiment) -> list[Row]:
    """Return the rows of the committed results.json, none where there is none."""
    file = HERE / experiment.name / "results.json"
    rows: list[Row] = json.loads(file.read_text())["rows"] if file.exists() else []
    return rows


def is_of(row: Row, case: Row) -> bool:
    """Return whether the row has every value of the case."""
    return all(name in row and row[name] == value for name, value in case.items())


def _refuse_to_lose(experiment: Experiment, cases: list[Case], missing: Sequence[str] = ()) -> None:
    """Raise where results.json has outcomes of other cases than these; `missing`: why they were not run."""
    known = [row for row in committed(experiment) if "not_here" not in row]
    lost = [row for row in known if not any(is_of(row, case) for case in cases)]
    if not lost:
        return
    names = {name for case in cases for name in case}
    first = "; ".join(_words({name: row[name] for name in row if name in names}) for row in lost[:3])
    needs = f" Not here: {'; '.join(missing)}." if missing else ""
    raise ShoalError(
        f"{experiment.name}: {len(lost)} of the {len(known)} cases in results.json are not in this run ({first}"
        f"{'; ...' if len(lost) > 3 else ''}), so it stays as it is.{needs} Get what is not here, ask for the "
        "same sizes and seeds, or write elsewhere with --into FOLDER; what was measured is kept."
    )


def _file(experiment: Experiment, case: Case) -> Path:
    stored = f"{experiment.name} {experiment.version} {json.dumps(case, sort_keys=True)}"
    name = hashlib.sha256(stored.encode()).hexdigest()[:24]
    return case_cache() / "cases" / experiment.name / f"{name}.json"


def _keep(file: Path, row: Row) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(row))
    half.replace(file)


def _outcome(experiment: Experiment, case: Case, *, keep: bool) -> Row:
    file = _file(experiment, case)
    if keep and file.exists():
        row: Row = json.loads(file.read_text())
        return row
    began = time.perf_counter()
    try:
        found = experiment.measure(case)
    except NotHere as reason:
        return {**case, "not_here": str(reason), "seconds": 0.0}
    if taken := sorted({*case, *OWN} & found.keys()):
        raise ValueError(
            f"{experiment.name}: measure() returned {', '.join(taken)}, names of the case or the runner's own; "
            "an outcome must leave them as they are, or --resume finds nothing. Give it other names."
        )
    row = {**case, **found, "seconds": round(time.perf_counter() - began, 2)}
    if keep:
        _keep(file, row)
    return row


def _words(case: Case) -> str:
    return ", ".join(f"{name} {value}" for name, value in case.items())


def _write(experiment: Experiment, scale: Scale, rows: list[Row], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "experiment": experiment.name,
        "scale": scale,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": versions(experiment.packages),
        "seeds": sorted({row["seed"] for row in rows if "seed" in row}),
        "rows": rows,
    }
    head = {name: value for name, value in results.items() if name != "rows"}
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = f'{json.dumps(head)[:-1]}, "rows": [\n{lines}\n]}}\n'
    (folder / "results.json").write_text(text)
    _write_readme(experiment, results, folder)


def _write_readme(experiment: Experiment, results: dict[str, Any], folder: Path) -> None:
    rows = [row for row in results["rows"] if "not_here" not in row]
    missing = sorted({row["not_here"] for row in results["rows"] if "not_here" in row})
    body = experiment.report(rows, folder) if rows else "Nothing was run here."
    seconds, full_size = sum(row["seconds"] for row in rows), results["scale"] == "full"
    packages = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    full = " This is what `--full` gave, at the papers' sizes as far as the data go." if full_size else ""
    parts = [
        f"# {experiment.question}",
        f"Generated by `make experiments NAME={experiment.name}` from `results.json`: do not edit.",
        f"**Source.** {experiment.source}",
        f"**Shortened.** {experiment.shortened}{full}",
        body.strip(),
    ]
    parts += ["## Not run here\n\n" + "\n".join(f"- {reason}" for reason in missing)] if missing else []
    seeds = f"; seeds {', '.join(map(str, results['seeds']))}" if results["seeds"] else ""
    parts.append(
        f"## How\n\n{len(rows)} cases, {seconds / 60:.1f} minutes one after the other on one core (`make experiments` "
        f"runs one a core); {results['machine']}; {packages}{seeds}. Other work ran beside it: seconds are loose."
    )
    (folder / "README.md").write_text("\n\n".join(parts) + "\n")


def versions(more: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of the packages that decide the numbers, where installed."""
    found = {}
    for name in (*PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def progress(text: str) -> None:
    """Say on standard error what a long case is doing."""
    print(text, file=sys.stderr, flush=True)
