"""The workspace as `shoal.open` gives it: what it holds, and what can be done with it by one call each."""

from collections.abc import Iterable
from pathlib import Path

from shoal.folders import user_name
from shoal.refining import DEFAULT_LOSS, Lesson, accept, model_of, refine, reject
from shoal.report import Reporter
from shoal.suggesting import Suggester, Suggestion
from shoal.workspace import RoundRow, Workspace, Written


class OpenWorkspace(Workspace):
    """A workspace that learns."""

    def learn(
        self, *, loss: str = DEFAULT_LOSS, dim: int = 16, layer: str | None = None, seed: int = 0
    ) -> RoundRow:
        """Learn a round from the labels as they are now, and show its map; progress on standard error.

        `loss` is any row of `shoal.losses.LOSSES`, `dim` the head's width, `layer` None the map's. Raises
        `ShoalError` without labels of two classes (or of one, and items that are none of these), and for a
        loss or layer that there is not.
        """
        with Reporter(as_json=False) as reporter:
            return refine(self, Lesson(loss, dim, layer, seed), watch=reporter.watch)

    def accept(self, at_least: float, class_name: str | None = None) -> Written | None:
        """Label every unlabelled item whose prediction is at least so sure (0 to 1), as one gesture.

        None: there is no such item. Raises `ShoalError` when nothing was learned, and for no such class.
        """
        return accept(self, at_least=at_least, class_name=class_name, user=user_name())

    def reject(
        self, class_name: str, *, below: float | None = None, ids: Iterable[int] | None = None
    ) -> Written | None:
        """Say that predictions of a class are wrong: those less sure than `below`, of `ids`, or all.

        One gesture, which `undo` takes back; no label changes, and no later round predicts that again. None:
        there is no such item. Raises `ShoalError` as `accept` does.
        """
        return reject(self, class_name, below=below, ids=ids, user=user_name())

    def suggestions(self) -> list[Suggestion]:
        """Return groups to label next, the most useful first."""
        return Suggester(self).suggestions()

    def save_model(self, folder: str | Path, *, round: int | None = None) -> None:
        """Write a round's model (None: the current one's): safetensors, ONNX, a card.

        Raises `ShoalError` where there is no such round.
        """
        model_of(self, round)[1].save(Path(folder))
