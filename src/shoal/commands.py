"""What each verb of the command line does: gather, call, report."""

import threading
import time
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
    from shoal.round_list import RoundLine

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


def run_learn(arguments: Namespace) -> int:
    """Learn a round from the labels, or train the backbone on them."""
    from shoal.refining import Lesson, refine

    if arguments.backbone:
        return _tune(arguments)
    lesson = Lesson(arguments.loss, arguments.dim, arguments.layer, arguments.seed)
    with Workspace.open(arguments.workspace) as workspace, Reporter(as_json=arguments.as_json) as reporter:
        row = refine(workspace, lesson, watch=reporter.watch)
        report = row.report
        reporter.result(
            f"round {row.id}: {len(row.classes)} classes from {report['labelled']:,} labels in "
            f"{report['seconds']:.1f} s; right on {report['held_out_accuracy']:.1%} of labels held out; "
            f"{report['none_of_these']:,} items look like none of them",
            {"round": row.id, "map": row.map_id, "classes": len(row.classes), **report},
        )
    return 0


def _tune(arguments: Namespace) -> int:
    from shoal.tuning import Course, adopt, tune

    course = Course(arguments.loss, arguments.dim, arguments.steps, seed=arguments.seed)
    with Workspace.open(arguments.workspace) as workspace, Reporter(as_json=arguments.as_json) as reporter:
        trained = tune(workspace, arguments.backbone, course, watch=reporter.watch)
        layers = adopt(workspace, arguments.backbone, watch=reporter.watch)
    recall = trained.best_score
    score = "" if recall is None else f", {recall:.1%} of labels held out have their like nearest"
    reporter.result(
        f"{arguments.backbone}: {len(trained.classes)} classes, step {trained.best_step} of "
        f"{len(trained.history)} kept{score}. New layers: {', '.join(layers)}",
        {
            "backbone": arguments.backbone,
            "steps": trained.best_step,
            "recall": trained.best_score,
            "layers": layers,
        },
    )
    return 0


def run_accept(arguments: Namespace) -> int:
    """Make labels of the current round's sure predictions."""
    from shoal.refining import accept

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        written = accept(
            workspace, at_least=arguments.at_least, class_name=arguments.class_name, user=user_name()
        )
    count = written.count if written else 0
    reporter.result(f"accepted {count:,} predictions", {"accepted": count})
    return 0


def run_reject(arguments: Namespace) -> int:
    """Say that predictions of the current round are wrong."""
    from shoal.refining import reject

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        written = reject(
            workspace, arguments.class_name, below=arguments.below, ids=arguments.ids, user=user_name()
        )
    count = written.count if written else 0
    reporter.result(f"rejected {count:,} predictions", {"rejected": count})
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


def run_rounds(arguments: Namespace) -> int:
    """List the rounds, or go back to one."""
    from shoal.round_list import go_back, round_lines

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        if arguments.back_to is not None:
            row = go_back(workspace, arguments.back_to)
            reporter.result(f"round {row.id} is the current one", {"round": row.id, "map": row.map_id})
            return 0
        lines = round_lines(workspace)
    data = {"rounds": [{**asdict(line.row), "current": line.current} for line in lines]}
    reporter.result("\n".join(map(_round_text, lines)) or "no round yet: `shoal learn` makes one", data)
    return 0


def _round_text(line: "RoundLine") -> str:
    row, report = line.row, line.row.report
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created))
    measured = [
        f"{report[key]:.1%} {words}"
        for key, words in (
            ("held_out_accuracy", "right held out"),
            ("calibration_error", "off in confidence"),
        )
        if key in report
    ]
    text = f"{'*' if line.current else ' '} {row.id:>3}  {when}  {len(row.classes)} classes"
    labelled = [f"{report['labelled']:,} labels"] if "labelled" in report else []
    return ", ".join([text, *labelled, row.loss, row.layer, *measured])


def run_model(arguments: Namespace) -> int:
    """Write a round's model."""
    from shoal.refining import model_of

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        row, model = model_of(workspace, arguments.round)
    files = model.save(Path(arguments.target))
    reporter.result(
        f"wrote the model of round {row.id} ({len(model.classes)} classes) to {arguments.target}: "
        + ", ".join(files),
        {"round": row.id, "classes": model.classes, "target": arguments.target, "files": files},
    )
    return 0


def run_predict(arguments: Namespace) -> int:
    """Predict the images of a pile with a saved model."""
    from shoal.model import Model
    from shoal.predicting import predict_pile, write_predictions

    with Reporter(as_json=arguments.as_json) as reporter:
        model = Model.load(Path(arguments.model))
        answers = predict_pile(model, arguments.pile, watch=reporter.watch)
        counts = write_predictions(answers, Path(arguments.target), say=reporter.say)
        reporter.result(
            f"predicted {counts.predicted:,} images, {counts.none:,} of them none of the classes; "
            f"{counts.skipped:,} could not be read; wrote {arguments.target}",
            {**asdict(counts), "target": arguments.target},
        )
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
