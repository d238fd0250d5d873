"""What to label next in a workspace: groups of items alike, regions like nothing labelled, items in doubt."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.suggestions import Group, next_items, novelties, suggest_groups
from shoal.suggestions.groups import EXEMPLARS
from shoal.suggestions.space import space
from shoal.types import UNLABELLED, Embedding
from shoal.workspace import Workspace

Ids = NDArray[np.int64]
HIGHEST = 20
"""So many groups are worked out at once; asking for fewer takes the first of them."""
SINGLE = 24
"""So many items to be labelled one by one come after the groups."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A group to label next: its item ids (M,), nearest to its middle first; up to nine exemplars; why."""

    ids: Ids
    exemplars: Ids
    reason: str


class Suggester:
    """Suggests groups for the labels as they are now; worked out when first asked for, then remembered."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._found: tuple[tuple[int, int | None], list[Suggestion]] | None = None
        self._space: tuple[tuple[bytes, str, str], NDArray[np.float32]] | None = None

    def suggestions(self) -> list[Suggestion]:
        """Return the groups, the most useful first; none while nothing is embedded."""
        workspace = self._workspace
        learned = workspace.rounds.current()
        state = (workspace.log.seq(), learned.id if learned else None)
        with self._lock:
            if self._found is None or self._found[0] != state:
                self._found = (state, self._work_out())
            return self._found[1]

    def _work_out(self) -> list[Suggestion]:
        workspace = self._workspace
        if not workspace.layers or not workspace.counts().embedded:
            return []
        embedding = workspace.embedding()
        current = workspace.log.current()[embedding.ids]
        # what is none of the classes or put aside is answered: no group is made of it
        answered = max(int(current.max()), UNLABELLED) + 1
        labels = np.where((current < 0) & (current != UNLABELLED), answered, current)
        confidence = self._confidence(embedding.ids)
        rows = self._rows(embedding)
        groups = suggest_groups(rows, labels, confidence=confidence, count=HIGHEST)
        strange = novelties(rows, labels, count=HIGHEST // 4)
        found = [_of(group, embedding.ids) for group in _woven(groups, strange)]
        single = next_items(rows, labels, confidence=confidence, count=SINGLE)
        if len(single):
            each = "the most typical of its kind" if confidence is None else "typical of what is in doubt"
            reason = f"{len(single):,} items, each {each}: label one by one"
            found.append(Suggestion(embedding.ids[single], embedding.ids[single[:EXEMPLARS]], reason))
        return found

    def _rows(self, embedding: Embedding) -> NDArray[np.float32]:
        """Return the vectors reduced once for every kind of suggestion, and kept until other ones come."""
        key = (embedding.ids.tobytes(), embedding.fingerprint, embedding.layer)
        if self._space is None or self._space[0] != key:
            self._space = (key, space(embedding.vectors))
        return self._space[1]

    def _confidence(self, ids: Ids) -> NDArray[np.float32] | None:
        learned = self._workspace.rounds.current()
        if learned is None:
            return None
        found = self._workspace.predictions(learned.id)
        confidence = np.zeros(len(ids), dtype=np.float32)
        shared = np.isin(ids, found.ids)
        confidence[shared] = found.confidence[np.searchsorted(found.ids, ids[shared])]
        return confidence


def _of(group: Group, ids: Ids) -> Suggestion:
    return Suggestion(ids[group.ids], ids[group.exemplars], group.reason)


def _woven(groups: list[Group], strange: list[Group]) -> list[Group]:
    """Put one region of novelty after every two groups, unless the groups before it cover it."""
    woven: list[Group] = []
    taken: set[int] = set()
    waiting = list(strange)
    for place, group in enumerate(groups):
        woven.append(group)
        taken |= set(group.ids.tolist())
        while place % 2 and waiting:
            candidate = waiting.pop(0)
            if len(taken & set(candidate.ids.tolist())) * 2 < len(candidate.ids):
                woven.append(candidate)
                break
    return woven
