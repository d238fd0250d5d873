"""What a simulated session gave: the curve of correct labels over gestures, and what is read off it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shoal.types import ShoalError

Ints = NDArray[np.int64]
KINDS = ("disc", "correction", "click", "accept")
"""What a gesture can be: a disc drawn, a wrong item put right, a single item clicked, a group accepted."""

FEWEST = 3
"""With fewer items than this a disc is not worth a gesture: she clicks."""
WORTH = 2
"""A group to accept must label so many items per gesture, its corrections counted, or she clicks."""


class EffortError(ShoalError):
    """The simulated annotator refuses its input."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The curve of a session over `items` items: entry s of each array is the state after step s.

    `gestures` (S,) is what everything cost so far, `correct` (S,) how many items carry their right label, all
    of them looked at. `adopted` (S,) is how many would be right if the predictions of all others were taken
    over unseen, wrong ones left in. `kinds` counts the gestures by kind, `rounds` how often was learned,
    which costs nothing.
    """

    items: int
    targets: tuple[float, ...]
    gestures: Ints
    correct: Ints
    adopted: Ints
    kinds: dict[str, int]
    rounds: int

    @property
    def at(self) -> dict[float, int | None]:
        """Return for each target the gestures until that share was correct, None where it never was."""
        return {target: self._reached(self.correct, target, 0) for target in self.targets}

    @property
    def at_adopting(self) -> dict[float, int | None]:
        """Return the same when all remaining predictions are then taken over unseen, by one more gesture.

        That gesture is not counted where the labels alone had reached the target by then.
        """
        reached: dict[float, int | None] = {}
        for target, looked_at in self.at.items():
            unseen = self._reached(self.adopted, target, 1)
            both = [gestures for gestures in (looked_at, unseen) if gestures is not None]
            reached[target] = min(both, default=None)
        return reached

    @property
    def area(self) -> float:
        """Return the area under the curve: the mean share correct over the first `items` gestures.

        One at a time gives 1/2, everything at once 1. After the last step each further item is one click.
        """
        budget = np.arange(1, self.items + 1)
        step = np.searchsorted(self.gestures, budget, side="right") - 1
        correct = (
            np.where(step < 0, 0, self.correct[np.maximum(step, 0)]) if len(self.correct) else 0 * budget
        )
        spent = int(self.gestures[-1]) if len(self.gestures) else 0
        ramp = np.maximum(budget - spent, 0)
        return float(np.minimum(correct + ramp, self.items).sum() / self.items**2)

    def _reached(self, curve: Ints, target: float, more: int) -> int | None:
        enough = np.flatnonzero(curve >= wanted(target, self.items))
        return int(self.gestures[enough[0]]) + more if enough.size else None


def wanted(target: float, items: int) -> int:
    """Return the least number of items that is at least the share `target` of all."""
    # the rounding keeps .95 * 20 = 19.000000000000004 from asking for 20
    return int(np.ceil(np.round(target * items, 9)))


@dataclass(slots=True)
class Book:
    """Counts a session while it runs."""

    items: int
    targets: tuple[float, ...]
    most: int | None
    adopting: bool = False
    """Whether the session ends by what would be right after adopting, not by what was looked at."""
    spent: int = 0
    rounds: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    rows: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, kind: str, *, errors: int, correct: int, adopted: int) -> None:
        """Write down one gesture, the corrections after it, and the state they lead to."""
        self.kinds[kind] += 1
        self.kinds["correction"] += errors
        self.spent += 1 + errors
        self.rows.append((self.spent, correct, adopted))

    def see(self, adopted: int) -> None:
        """Write down a round, which costs nothing: now other predictions would be adopted."""
        self.rounds += 1
        if self.rows:
            self.rows.append((self.spent, self.rows[-1][1], adopted))

    @property
    def finished(self) -> bool:
        """Return whether the highest target is reached or the most gestures are spent."""
        done = self.rows[-1][2 if self.adopting else 1] if self.rows else 0
        return done >= wanted(max(self.targets), self.items) or (
            self.most is not None and self.spent >= self.most
        )

    def close(self) -> Effort:
        """Return the curve."""
        columns = np.array(self.rows, dtype=np.int64).reshape(-1, 3)
        return Effort(
            self.items, self.targets, columns[:, 0], columns[:, 1], columns[:, 2], self.kinds, self.rounds
        )


def checked_targets(who: str, targets: Sequence[float]) -> tuple[float, ...]:
    """Return the targets; raise `EffortError` unless they are shares in (0, 1], at least one."""
    if not targets or not all(0 < target <= 1 for target in targets):
        raise EffortError(
            f"{who}() got targets={tuple(targets)}; it takes shares of the items, above 0 and up to 1."
        )
    return tuple(targets)
