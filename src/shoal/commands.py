"""What each verb of the command line does: gather, call, report."""

import getpass
import threading
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from shoal.facts import facts_as_text, gather_facts
from shoal.job import JobLauncher
from shoal.pipeline import Recipe, Summary, make_map, open_pile, remember
from shoal.report import Reporter, duration
from shoal.types import Progress, ShoalError
from shoal.workspace import Workspace

POLL_S = 0.5


def run_map(arguments: Namespace) -> int:
    """Make the map of one or several piles; show it while it grows unless told not to."""
    reporter = Reporter(as_json=arguments.as_json)
    workspace, piles = open_pile(arguments.piles, into=arguments.into)
    with workspace:
        recipe = Recipe.of(workspace).changed(
            backbone=arguments.backbone,
            layer=arguments.layer,
            projector=arguments.projector,
            fast=arguments.fast or None,
        )
        if arguments.no_serve:
            summary = make_map(workspace, piles, recipe=recipe, watch=reporter.watch)
            reporter.result(
                _sentence(workspace, summary), {**asdict(summary), "workspace": str(workspace.path)}
            )
            return 0
        remember(workspace, piles, recipe=recipe)
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
        written = workspace.log.import_labels(matched, user=getpass.getuser())
    data = {"labelled": written.count, "unmatched": unmatched, "problems": problems}
    reporter.result(
        f"labelled {written.count:,} items; skipped {len(unmatched) + len(problems):,} lines", data
    )
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
        text += f"\nset {repaired} files aside; `shoal map {workspace.path}` makes them anew"
    data = {"problems": problems, "repaired": repaired, "left": left}
    Reporter(as_json=arguments.as_json).result(text, data)
    return 1 if left else 0


def run_demo(arguments: Namespace) -> int:
    """Fetch a demo's pictures, map them, and show the page, or a summary with the quality of the map."""
    from shoal.demos import DEMOS
    from shoal.exports import save_picture
    from shoal.folders import cache_folder
    from shoal.quality import judge

    reporter = Reporter(as_json=arguments.as_json)
    demo = DEMOS.load(arguments.name)()
    reporter.say(f"{demo.description} ({demo.licence})")
    pile = demo.fetch(cache_folder() / "demos", reporter.say)
    workspace, piles = open_pile([str(pile.path)], into=arguments.into or f"{arguments.name}.shoal")
    with workspace:
        if not arguments.no_serve:
            remember(workspace, piles, recipe=Recipe.of(workspace))
            _serve(workspace, arguments, reporter, job="map")
            return 0
        summary = make_map(workspace, piles, recipe=Recipe.of(workspace), watch=reporter.watch)
        text, data = _sentence(workspace, summary), asdict(summary)
        if pile.truth:
            quality = judge(workspace, pile.truth)
            text += f"\n{quality.sentence()}"
            data["quality"] = asdict(quality)
        picture = Path(f"{arguments.name}-map.png")
        save_picture(workspace, picture)
        reporter.result(f"{text}\nthe map: {picture}", {**data, "picture": str(picture)})
    return 0


def _sentence(workspace: Workspace, summary: Summary) -> str:
    return (
        f"{workspace.path}: {summary.embedded:,} items on the map, {summary.skipped:,} skipped, "
        f"{summary.added:,} added, {summary.changed:,} changed, {summary.removed:,} removed, "
        f"in {duration(summary.seconds)}"
    )


def _serve(workspace: Workspace, arguments: Namespace, reporter: Reporter, *, job: str | None) -> None:
    """Serve the page until stopped; once the address is known, start the job and follow it."""
    from shoal.exports import exporters
    from shoal.server.run import serve

    start_job = JobLauncher(workspace)
    stopped = threading.Event()

    def on_ready(address: str) -> None:
        print(f"Shoal serves {workspace.name} at {address}\nCtrl-C stops it; nothing is lost.", flush=True)
        if job:
            follower = threading.Thread(
                target=_follow, args=(workspace, start_job(job), reporter, stopped), daemon=True
            )
            follower.start()

    try:
        serve(
            workspace,
            host=arguments.host,
            port=arguments.port,
            token=arguments.token,
            user=getpass.getuser(),
            open_browser=not arguments.no_browser,
            start_job=start_job,
            exporters=exporters(),
            on_ready=on_ready,
        )
    finally:
        stopped.set()
        reporter.close()
        start_job.stop_all()


def _follow(workspace: Workspace, job_id: int, reporter: Reporter, stopped: threading.Event) -> None:
    """Show a job's progress in the terminal until it has ended."""
    while not stopped.wait(POLL_S):
        row = workspace.jobs.get(job_id)
        if row.state not in ("queued", "running"):
            reporter.say(f"{row.state}: {row.message}")
            return
        if row.state == "running":
            reporter.watch(Progress(row.done, row.total, row.message, row.rate, row.seconds_left))
