"""What each verb of the command line does: gather, call, report."""

import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.facts import facts_as_text, gather_facts
from shoal.folders import cache_folder, user_name
from shoal.job import JobLauncher
from shoal.pipeline import Summary, make_map, open_pile
from shoal.recipe import Recipe, Task
from shoal.report import Reporter, duration
from shoal.types import Progress, ShoalError
from shoal.workspace import Workspace
from shoal.workspace.jobs import OPEN

if TYPE_CHECKING:
    from shoal.demos import Demo

POLL_S = 0.5
JOIN_S = 2.0


def run_map(arguments: Namespace) -> int:
    """Make the map of one or several piles; show it while it grows unless told not to."""
    workspace, piles = open_pile(arguments.piles, into=arguments.into, kind=Workspace)
    with workspace, Reporter(as_json=arguments.as_json) as reporter:
        recipe = Recipe.of(workspace).changed(
            backbone=arguments.backbone,
            layer=arguments.layer,
            projector=arguments.projector,
            fast=arguments.fast,
        )
        task = Task(piles, retry=arguments.retry)
        if arguments.no_serve:
            summary = make_map(workspace, task, recipe=recipe, watch=reporter.watch)
            reporter.result(
                _sentence(workspace, summary), {**asdict(summary), "workspace": str(workspace.path)}
            )
            return 0
        recipe.save(workspace)
        task.save(workspace)
        _serve(workspace, arguments, reporter, job="map")
    return 0


def run_serve(arguments: Namespace) -> int:
    """Show a workspace in the browser until stopped."""
    with Workspace.open(arguments.workspace) as workspace:
        _serve(workspace, arguments, Reporter(as_json=False), job=None)
    return 0


def run_info(arguments: Namespace) -> int:
    """Say what a workspace holds."""
    with Workspace.open(arguments.workspace) as workspace:
        facts = gather_facts(workspace)
    Reporter(as_json=arguments.as_json).result(facts_as_text(facts), facts)
    return 0


def run_label(arguments: Namespace) -> int:
    """Read labels of a file into the log, as one gesture that one undo takes back."""
    from shoal.formats import match_paths, read_labels

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        pairs, problems = read_labels(Path(arguments.file))
        items = workspace.items
        names = {int(item): items.names[item] for item in items.ids[items.status != "removed"]}
        matched, unmatched = match_paths(pairs, names)
        for problem in [*problems, *(f"no single item is named {path!r}" for path in unmatched)]:
            reporter.say(f"skipped: {problem}")
        if not matched:
            raise ShoalError(
                f"{arguments.file} names no item of {workspace.path}; its `path` column must hold paths "
                "as `shoal export` writes them, relative to the pile."
            )
        written = workspace.log.import_labels(matched, user=user_name())
    data = {"labelled": written.count, "unmatched": unmatched, "problems": problems}
    reporter.result(
        f"labelled {written.count:,} items; skipped {len(unmatched) + len(problems):,} lines", data
    )
    return 0


def run_columns(arguments: Namespace) -> int:
    """Read columns of metadata from a table beside the pile."""
    from shoal.columns import import_columns

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        names, count, unmatched = import_columns(workspace, Path(arguments.file))
        for path in unmatched:
            reporter.say(f"skipped: no single item is named {path!r}")
    data = {"columns": names, "items": count, "unmatched": unmatched}
    reporter.result(f"read {', '.join(names)} of {count:,} items; skipped {len(unmatched):,} lines", data)
    return 0


def run_export(arguments: Namespace) -> int:
    """Write the labels in the form that the target's name asks for."""
    from shoal.exports import export_labels

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        form, count = export_labels(workspace, arguments.target, reporter.say)
    data = {"exported": count, "form": form, "target": arguments.target}
    reporter.result(f"wrote {count:,} labels to {arguments.target} ({form})", data)
    return 0


def run_undo(arguments: Namespace) -> int:
    """Take back the user's latest gesture."""
    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        user = user_name()
        gesture = workspace.log.undoable(user)
        written = workspace.log.undo(user=user)
    count = written.count if written else 0
    what = f"took back {gesture.how} of {count:,} items" if gesture and written else "nothing to undo"
    reporter.result(what, {"undone": count, "event": gesture.seq if gesture and written else None})
    return 0


def run_picture(arguments: Namespace) -> int:
    """Draw the newest map into a PNG."""
    from shoal.exports import save_picture

    with Workspace.open(arguments.workspace) as workspace:
        width, height = save_picture(workspace, Path(arguments.target))
    data = {"target": arguments.target, "width": width, "height": height}
    Reporter(as_json=arguments.as_json).result(
        f"drew the map into {arguments.target}, {width} x {height} px", data
    )
    return 0


def run_verify(arguments: Namespace) -> int:
    """Check every file; exit 1 when something is damaged and stays so."""
    with Workspace.open(arguments.workspace) as workspace:
        problems = workspace.verify()
        repaired = workspace.repair() if problems and arguments.repair else 0
        left = workspace.verify() if repaired else problems
    text = "\n".join(problems) or "every file is whole"
    if repaired:
        text += (
            f"\nset {repaired} files aside. `shoal map {workspace.path}` makes vectors, pictures and maps "
        )
        text += "anew; a lost round is gone: `shoal learn` makes another"
    data = {"problems": problems, "repaired": repaired, "left": left}
    Reporter(as_json=arguments.as_json).result(text, data)
    return 1 if left else 0


def run_demo(arguments: Namespace) -> int:
    """Fetch a demo's pictures, map them, and show the page, or a summary with the quality of the map."""
    from shoal.demos import DEMOS

    reporter = Reporter(as_json=arguments.as_json)
    demo: Demo = DEMOS.load(arguments.name)()
    folder = cache_folder()
    if folder is None:
        raise ShoalError(
            "there is no home folder to keep the demo's pictures in; set SHOAL_CACHE to a folder."
        )
    pile = demo.fetch(folder / "demos", reporter.say)
    workspace, piles = open_pile(
        [str(pile.path)], into=arguments.into or f"{arguments.name}.shoal", kind=Workspace
    )
    with workspace, reporter:
        task = Task(piles)
        if arguments.no_serve:
            summary = make_map(workspace, task, recipe=Recipe.of(workspace), watch=reporter.watch)
            _report_demo(workspace, summary, pile.truth, reporter, Path(f"{arguments.name}-map.png"))
            return 0
        task.save(workspace)
        _serve(workspace, arguments, reporter, job="map")
    return 0


def _report_demo(
    workspace: Workspace,
    summary: Summary,
    truth: Mapping[bytes, str] | None,
    reporter: Reporter,
    picture: Path,
) -> None:
    from shoal.exports import save_picture
    from shoal.quality import judge

    text, data = _sentence(workspace, summary), asdict(summary)
    if truth:
        quality = judge(workspace, truth)
        text += f"\n{quality.sentence()}"
        data["quality"] = asdict(quality)
    save_picture(workspace, picture)
    reporter.result(f"{text}\nthe map: {picture}", {**data, "picture": str(picture)})


def _sentence(workspace: Workspace, summary: Summary) -> str:
    return (
        f"{workspace.path}: {summary.embedded:,} items on the map, {summary.skipped:,} skipped, "
        f"{summary.added:,} added, {summary.changed:,} changed, {summary.moved:,} moved, "
        f"{summary.removed:,} removed, "
        f"in {duration(summary.seconds)}"
    )


def _serve(workspace: Workspace, arguments: Namespace, reporter: Reporter, *, job: str | None) -> None:
    """Serve the page until stopped; once the address is known, start the job and follow it."""
    from shoal.exports import exporters
    from shoal.looking import open_doors
    from shoal.server.run import serve

    start_job = JobLauncher(workspace)
    stopped = threading.Event()

    def work() -> None:
        if job:
            _work(workspace, lambda: start_job(job), reporter, stopped)

    worker = threading.Thread(target=work, daemon=True)

    def on_ready(address: str) -> None:
        reporter.result(
            f"Shoal serves {workspace.name} at {address}\nCtrl-C stops it; nothing is lost.",
            {"address": address, "workspace": str(workspace.path)},
        )
        worker.start()

    try:
        serve(
            workspace,
            host=arguments.host,
            port=arguments.port,
            token=arguments.token,
            user=user_name(),
            open_browser=not arguments.no_browser,
            start_job=start_job,
            exporters=exporters(),
            doors=open_doors(workspace),
            allowed_hosts=arguments.allow_host,
            on_ready=on_ready,
        )
    finally:
        stopped.set()
        if worker.is_alive():
            worker.join(JOIN_S)
        reporter.close()
        start_job.stop_all()


def _work(
    workspace: Workspace, start: Callable[[], int], reporter: Reporter, stopped: threading.Event
) -> None:
    """Start the job and follow it; one that is at work already comes first, and its cancelling is for both.

    Ours follows even when that one is done: it may have been told of other piles.
    """
    try:
        latest = workspace.jobs.latest()
        if latest and latest.state in OPEN:
            reporter.say(f"job {latest.id} is at work on {workspace.path} already; waiting for it")
            if _follow(workspace, latest.id, reporter, stopped) in ("cancelled", None):
                return
        _follow(workspace, start(), reporter, stopped)
    except ShoalError as error:
        reporter.result(f"no job: {error}", {"state": "failed", "message": str(error)})


def _follow(workspace: Workspace, job_id: int, reporter: Reporter, stopped: threading.Event) -> str | None:
    """Show a job's progress in the terminal until it has ended; return how, None when we were stopped."""
    while not stopped.wait(POLL_S):
        row = workspace.jobs.get(job_id)
        if row.state not in OPEN:
            data = {"job": job_id, "state": row.state, "message": row.message}
            reporter.result(f"{row.state}: {row.message}", data)
            return row.state
        if row.state == "running":
            reporter.watch(Progress(row.done, row.total, row.message, row.rate, row.seconds_left))
    return None
