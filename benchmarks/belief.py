"""How far a round's predictions can be believed: part of rounds.py, which says what is measured."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from piles import Pile, mean

from effort import rounds
from shoal.effort import Learned, measure_effort
from shoal.learning.confidence import probabilities
from shoal.rounds import Guess, Prepared, prepare
from shoal.training import expected_calibration_error

STATIC, LIVE = (25, 100), (25, 100, 250)
"""Labels are looked at after so many gestures of the simulated annotator, without rounds and with them."""
SURE = (0.8, 0.9, 0.95, 0.99)
BELIEVED = (
    "| labels | how many | right | calibration error before | after | 80 % sure: right of share | at 90 % |"
    " at 95 % | at 99 % | none of these: of the unnamed | of the named |"
)
Ints = NDArray[np.int64]
Row = dict[str, Any]


def belief(pile: Pile) -> Row:
    """Measure what predictions are worth on one pile, after labels of every kind."""
    ready = prepare(pile.vectors, seed=pile.seed)
    everything, half = classes_of(pile, 1), classes_of(pile, 2)
    cases = {f"{count} of each class, by chance": each_of(pile, everything, count) for count in (5, 20)}
    cases |= {f"{count} of each of half of the classes": each_of(pile, half, count) for count in (5, 20)}
    alone = np.arange(len(pile.truth))
    rows = {name: _believed(ready, labels, pile.truth, alone) for name, labels in cases.items()}
    for count, (labels, together) in _lassoed(pile).items():
        rows[f"after {count} gestures on the map"] = _believed(ready, labels, pile.truth, together)
    for count, (labels, together) in _with_rounds(pile).items():
        rows[f"after {count} gestures with rounds"] = _believed(ready, labels, pile.truth, together)
    return rows


def _lassoed(pile: Pile) -> dict[int, tuple[Ints, Ints]]:
    """Return labels (N,) after so many gestures on a map that stays, and which were given together (N,)."""
    xy, kept, spent = pile.map("tsne"), dict[int, tuple[Ints, Ints]](), [0]

    def due(gestures: int) -> bool:
        spent[0] = gestures
        return True

    def overhear(labels: Ints, together: Ints) -> Learned:
        _keep(kept, STATIC, spent[0], labels, together)
        return Learned(xy, np.full(len(labels), -1), np.zeros(len(labels)))

    measure_effort(xy, pile.truth, learn=overhear, every=due, most=STATIC[-1] + 1, seed=pile.seed)
    return kept


def _with_rounds(pile: Pile) -> dict[int, tuple[Ints, Ints]]:
    """Return the same where rounds are learned, at the first round after so many gestures."""
    kept = dict[int, tuple[Ints, Ints]]()
    rounds(
        pile,
        most=LIVE[-1] + 20,
        watch=lambda labels, together: _keep(kept, LIVE, int(together.max()) + 1, labels, together),
    )
    return kept


def _keep(
    kept: dict[int, tuple[Ints, Ints]], counts: tuple[int, ...], spent: int, labels: Ints, together: Ints
) -> None:
    for count in counts:
        if spent >= count and count not in kept:
            kept[count] = labels.copy(), together.copy()


def _believed(ready: Prepared, labels: Ints, truth: Ints, together: Ints) -> Row:
    if len(np.unique(labels[labels >= 0])) < 2:
        return {}
    guess = Guess.of(ready, labels, gestures=together)
    left = np.flatnonzero((labels < 0) & (truth >= 0))
    strange, none = ~np.isin(truth[left], labels[labels >= 0]), guess.predictions[left] < 0
    asked = left[~none]
    right = guess.predictions[asked] == truth[asked]
    plain = probabilities(guess.probe.scores(ready.inputs[asked]), 1.0).max(axis=1)
    row: Row = {
        "labelled": int((labels >= 0).sum()),
        "left": len(left),
        "offered": len(asked),
        "right": float(right.mean()) if len(asked) else None,
        "before": expected_calibration_error(plain, right) if len(asked) else None,
        "after": expected_calibration_error(guess.confidence[asked], right) if len(asked) else None,
        "strangers": float(none[strange].mean()) if strange.any() else None,
        "named": float(none[~strange].mean()) if not strange.all() else None,
    }
    for sure in SURE:
        taken = guess.confidence[asked] >= sure
        row[str(sure)] = [int(taken.sum()), float(right[taken].mean()) if taken.any() else None]
    return row


def classes_of(pile: Pile, parts: int) -> Ints:
    """Draw one of so many parts of the classes of a pile."""
    classes = np.unique(pile.truth[pile.truth >= 0])
    return np.random.default_rng(pile.seed).permutation(classes)[: len(classes) // parts]


def each_of(pile: Pile, classes: Ints, count: int) -> Ints:
    """Draw `count` labels of each of `classes` (K,): labels (N,), -1 where there is none."""
    random = np.random.default_rng(pile.seed)
    labels = np.full(len(pile.truth), -1)
    for k in classes:
        labels[random.permutation(np.flatnonzero(pile.truth == k))[:count]] = k
    return labels


def believed_row(way: str, rows: list[Row]) -> str:
    """Write one line of the table: the same labels over all seeds."""
    cells = [way, f"{np.mean([row['labelled'] for row in rows]):,.0f}"]
    for key in ("right", "before", "after"):
        told = [row[key] for row in rows if row[key] is not None]
        cells.append(mean(told) if told else "nothing offered")
    for sure in map(str, SURE):
        taken = [row[sure] for row in rows if row[sure][0]]
        share = np.mean([row[sure][0] / row["left"] for row in rows])
        cells.append(f"{mean([right for _, right in taken])} of {share:.0%}" if taken else "none so sure")
    for key in ("strangers", "named"):
        told = [row[key] for row in rows if row[key] is not None]
        cells.append(f"{np.mean(told):.0%}" if told else "-")
    return "| " + " | ".join(cells) + " |"
