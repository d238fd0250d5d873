"""What each verb about rounds does: learn, accept, reject, list, hand on, predict."""

import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.folders import user_name
from shoal.report import Reporter
from shoal.workspace import Workspace, Written

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
    return _counted("accepted", written, reporter)


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
    from shoal.workspace.round_list import go_back, round_lines

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
