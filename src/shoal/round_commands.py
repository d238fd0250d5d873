"""What each verb about rounds does: learn, accept, reject, list, hand on, predict."""

import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.folders import user_name
from shoal.report import Reporter
from shoal.workspace import RoundRow, Workspace, Written

if TYPE_CHECKING:
    from shoal.workspace.round_list import RoundLine


def run_learn(arguments: Namespace) -> int:
    """Learn a round from the labels, or train the backbone on them."""
    from shoal.refining import Lesson, refine

    if arguments.backbone:
        return _tune(arguments)
    lesson = Lesson(arguments.loss, arguments.dim, arguments.layer, arguments.seed)
    with Workspace.open(arguments.workspace) as workspace, Reporter(as_json=arguments.as_json) as reporter:
        row = refine(workspace, lesson, watch=reporter.watch)
        report = row.report
        right = report.get("held_out_accuracy")
        parts = [
            f"round {row.id}: {_classes(row)} from {report['labelled']:,} labels"
            f" in {report['seconds']:.1f} s",
            *([] if right is None else [f"right on {right:.1%} of labels held out"]),
            f"{report['none_of_these']:,} items look like none of them",
        ]
        data = {"round": row.id, "map": row.map_id, "classes": len(row.classes), **report}
        reporter.result("; ".join(parts), data)
    return 0


def _classes(row: RoundRow) -> str:
    return f"{len(row.classes)} {'class' if len(row.classes) == 1 else 'classes'}"


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
    from shoal.refining import accept, surest

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        written = accept(
            workspace, at_least=arguments.at_least, class_name=arguments.class_name, user=user_name()
        )
        if written is not None:
            return _counted("accepted", written, reporter)
        most = surest(workspace, arguments.class_name)
    why = "no item without a label has one" if most is None else f"the surest left is {most:.1%} sure"
    reporter.result(f"accepted 0 predictions: {why}", {"accepted": 0, "surest": most})
    return 0


def run_reject(arguments: Namespace) -> int:
    """Say that predictions of the current round are wrong."""
    from shoal.refining import reject

    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        written = reject(
            workspace, arguments.class_name, below=arguments.below, ids=arguments.ids, user=user_name()
        )
    return _counted("rejected", written, reporter)


def _counted(done: str, written: Written | None, reporter: Reporter) -> int:
    count = written.count if written else 0
    reporter.result(f"{done} {count:,} predictions", {done: count})
    return 0


def run_rounds(arguments: Namespace) -> int:
    """List the rounds, or go back to one."""
    from shoal.workspace.round_list import round_lines

    if arguments.back_to is not None:
        return _go_back(arguments)
    reporter = Reporter(as_json=arguments.as_json)
    with Workspace.open(arguments.workspace) as workspace:
        lines = round_lines(workspace)
    data = {"rounds": [{**asdict(line.row), "current": line.current} for line in lines]}
    reporter.result("\n".join(map(_round_text, lines)) or "no round yet: `shoal learn` makes one", data)
    return 0


def _go_back(arguments: Namespace) -> int:
    from shoal.catching_up import go_back

    with Workspace.open(arguments.workspace) as workspace, Reporter(as_json=arguments.as_json) as reporter:
        row = go_back(workspace, arguments.back_to, watch=reporter.watch)
        shown = workspace.current_map()
    assert shown is not None
    reporter.result(
        f"round {row.id} is the current one, with {shown.items:,} items on its map",
        {"round": row.id, "map": shown.id, "items": shown.items},
    )
    return 0


def _round_text(line: "RoundLine") -> str:
    row, report = line.row, line.row.report
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.created))
    parts = [f"{'*' if line.current else ' '} {row.id:>3}  {when}  {_classes(row)}"]
    if "labelled" in report:
        parts.append(f"{report['labelled']:,} labels")
    if "held_out_accuracy" in report:
        parts.append(f"{report['held_out_accuracy']:.1%} right held out")
    if "calibration_error" in report:
        parts.append(f"{report['calibration_error']:.1%} off in confidence")
    return f"{', '.join(parts)}; {_head_text(row)}"


def _head_text(row: RoundRow) -> str:
    wide = f" {row.report['dimensions']}-d" if "dimensions" in row.report else ""
    recall = row.report.get("head_recall")
    score = "" if recall is None else f", nearest right {recall:.1%} held out"
    return f"head: {row.loss}{wide} of {row.layer}{score}"


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
