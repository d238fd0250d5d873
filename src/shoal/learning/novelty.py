"""None of these: how likely it is that an item's class has a name at all.

Most of a pile is of classes that nobody has named yet, and a probe that knows only the named ones is sure of
them too. What a stranger looks like is known without asking anybody: the labelled items of a class, to a
probe that was fitted without it. The unlabelled items are a mixture of the two kinds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.learning.checked import Floats, Ints
from shoal.learning.probe import Probe
from shoal.types import NONE_OF_THESE, UNLABELLED

STRANGE_BELOW = np.float32(0.2)
"""An item is none of these where its class is less likely to have a name; at .3, gestures are lost."""
LEFT_OUT = 16
"""So many classes, at most, are left out to see what strangers look like."""
REFERENCES = 100
"""So many labelled items of a class, at most, are compared with."""
BINS, EACH, EVEN = 20, 3, 1
"""Values fall into so many bins at most, so many items of a kind in each; so many are imagined in each."""
FEWEST, FEW = 2, 3
DOUBT = 5
SHARES = 0.01, 0.99
"""Between these lies the share of unlabelled items whose class has a name."""
FORGOTTEN = -2.0
BLOCK, PAIRS = 16_384, 1 << 24


def named_probability(near: "Surroundings", classes: Ints, scores: Floats, strangers: "Strangers") -> Floats:
    """Return for every item the probability that its class has a name (N,).

    scores (N, K) are a probe's of its classes (K,), held-out ones where an item is labelled. How many of the
    unlabelled items are strangers is told by their kinship, which bears it best that lassos take the easy
    ones, and by what the recent gestures found; which of them, by kinship and score together. Where too few
    are labelled to say anything, one half, or what those gestures allow.
    """
    labels = near.labels
    kin = near.kinship(np.arange(len(labels)), classes[scores.argmax(axis=1)])
    everybody = np.column_stack([kin, scores.max(axis=1)])
    few = near.few(strangers.items)
    kin = near.kinship(strangers.items[few], strangers.kinds[few])
    named = _with_kinship(everybody[near.examples()])
    strange = _with_kinship(np.column_stack([kin, strangers.scores[few]]))
    low, high = near.bounds()
    asked, found = np.isfinite(everybody[:, 0]), np.full(len(labels), np.clip(0.5, low, high), np.float32)
    left = everybody[asked & (labels == UNLABELLED)]
    if min(len(named), len(strange)) >= FEWEST and len(left):
        mixture = Mixture.of(named[:, 0], strange[:, 0], left[:, 0])
        share = float(np.clip(mixture.share(left[:, 0], len(named)), low, high))
        evidence = _evidence(named, strange)
        mixture = Mixture.of(evidence(named), evidence(strange), evidence(left))
        found[:] = share
        found[asked] = mixture.steps(share).at(evidence(everybody[asked]))
    told = near.told_strange()
    found[told] = np.minimum(found[told], np.float32(SHARES[0]))
    return found


def named_by_score(near: "Surroundings", scores: Floats, strangers: "Strangers") -> "Steps":
    """Return the probability that an item's class has a name by its best score alone, for items elsewhere.

    New items are like the whole pile, its labelled items included; scores (N, K) as above.
    """
    best = scores.max(axis=1)
    examples = near.examples()
    mixture = Mixture.of(best[examples], strangers.scores[near.few(strangers.items)], best)
    return mixture.steps(float(np.clip(mixture.share(best, len(examples)), *near.bounds())))


def _with_kinship(values: Floats) -> Floats:
    return values[np.isfinite(values[:, 0])]


def _evidence(named: Floats, strange: Floats) -> Callable[[Floats], Floats]:
    """Return what makes one number (N,) of kinship and score (N, 2): logistic regression of the two kinds."""
    from sklearn.linear_model import LogisticRegression

    both = np.concatenate([named, strange])
    middle, spread = both.mean(axis=0), np.maximum(both.std(axis=0), np.float32(1e-6))
    kinds = np.repeat([1, 0], [len(named), len(strange)])
    model = LogisticRegression(class_weight="balanced").fit((both - middle) / spread, kinds)
    return lambda values: np.asarray(model.decision_function((values - middle) / spread), np.float32)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Items as inputs (N, d) with neighbours (N, k), how alike they are to these (N,), and labels (N,).

    `gestures` (N,) tells which items were labelled together, None: it is not known.
    """

    inputs: Floats
    neighbours: Ints
    around: Floats
    labels: Ints
    gestures: Ints | None = None

    def kinship(self, rows: Ints, kinds: Ints) -> Floats:
        """Return how much nearer items are to a class than to what else they are like (R,); NaN: not known.

        rows (R,) are the items, kinds (R,) the labels that they are taken for. The cosine to the most alike
        item of that label, less the mean cosine to the neighbours, or that to an item that was said to be
        none of these (-2) where it is higher. Neither the item itself counts for the class, nor, where others
        are left, what was labelled with it, or else its neighbours: lassos label whole neighbourhoods, and
        the next item of the class lies outside (cross-validation by blocks, Roberts et al. 2017).
        """
        found = np.full(len(rows), np.nan, np.float32)
        at = np.full(len(self.inputs), -1, dtype=np.int64)
        strange = _sample(np.flatnonzero(self.labels == NONE_OF_THESE))
        for kind in np.unique(kinds):
            of_kind = np.flatnonzero(kinds == kind)
            members = _sample(np.flatnonzero(self.labels == kind))
            at[members] = np.arange(len(members))
            for start in range(0, len(of_kind), BLOCK):
                block = of_kind[start : start + BLOCK]
                own = unit_vectors(self.inputs[rows[block]])
                best = self._most_alike(own, rows[block], members, at)
                beside = self._beside(own, rows[block], strange)
                found[block] = np.where(best > FORGOTTEN, best - beside, np.nan)
            at[members] = -1
        return found

    def few(self, rows: Ints, most: int = FEW) -> Ints:
        """Return places in rows (R,) of no more than three items of a gesture, or `most`, drawn by chance.

        Every gesture is then one observation, whether it labelled an item or, as lassos do, a whole
        neighbourhood of easy ones: what is left over is more like what was corrected one by one.
        """
        if self.gestures is None:
            return np.arange(len(rows))
        order = np.random.default_rng(0).permutation(len(rows))
        order = order[np.argsort(self.gestures[rows[order]], kind="stable")]
        counts = np.unique(self.gestures[rows], return_counts=True)[1]
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort(order[rank < most])

    def examples(self) -> Ints:
        """Return the labelled items (E,) that count, no more than three of a gesture.

        One, where lassos were drawn and no other gesture named its class: they are alike among themselves,
        and next to nothing is known outside.
        """
        labelled = np.flatnonzero(self.labels >= 0)
        if self.gestures is None or self._news() is None:
            return labelled[self.few(labelled)]
        pairs = np.unique(np.stack([self.labels[labelled], self.gestures[labelled]]), axis=1)
        kinds, times = np.unique(pairs[0], return_counts=True)
        once = np.isin(self.labels[labelled], kinds[times == 1])
        parts = [(labelled[once], 1), (labelled[~once], FEW)]
        return np.sort(np.concatenate([rows[self.few(rows, most)] for rows, most in parts]))

    def bounds(self) -> tuple[float, float]:
        """Return the least and the greatest share of items left whose class has a name.

        Lassos leave the hard items, which look like strangers even where every class has a name; but at first
        they take whole classes, which have nobody left. What tells is how often one of the recent gestures
        brought a class, or said none of these: what is new in a sample stands for what is not in it (Good
        1953). The least share is never above one half, with five new ones imagined; the greatest has two
        known ones imagined. 0 and 1 where labels were given one by one.
        """
        seen = self._news()
        if seen is None:
            return 0.0, 1.0
        news, recent = seen
        return min(0.5, 1 - (news + DOUBT) / (recent + DOUBT)), 1 - news / (recent + 2)

    def _news(self) -> tuple[int, int] | None:
        """Return how many of the recent gestures brought a class or said none of these, and how many all are.

        None where labels were given one by one.
        """
        answered = np.flatnonzero(self.labels != UNLABELLED)
        if self.gestures is None or len(self.few(answered)) == len(answered):
            return None
        order = answered[np.argsort(self.gestures[answered], kind="stable")]
        numbers, labels = self.gestures[order], self.labels[order]
        first = numbers[np.unique(labels, return_index=True)[1]]
        every = np.unique(numbers)
        recent = every[-max(2 * DOUBT, len(every) // 2) :]
        news = np.isin(recent, [*first, *numbers[labels == NONE_OF_THESE]])
        return int(news.sum()), len(recent)

    def told_strange(self) -> NDArray[np.bool_]:
        """Say which items (N,) are more alike to one said to be none of these than to a labelled one.

        Where nobody said so, none is.
        """
        strange = _sample(np.flatnonzero(self.labels == NONE_OF_THESE))
        found = np.zeros(len(self.labels), np.bool_)
        if not len(strange):
            return found
        kinds = np.unique(self.labels[self.labels >= 0])
        named = np.concatenate([_sample(np.flatnonzero(self.labels == kind)) for kind in kinds])
        step = max(1, PAIRS // len(named))
        for start in range(0, len(found), step):
            rows = np.arange(start, min(start + step, len(found)))
            own = unit_vectors(self.inputs[rows])
            nearest = [
                (own @ unit_vectors(self.inputs[members]).T).max(axis=1) for members in (strange, named)
            ]
            found[rows] = nearest[0] > nearest[1]
        return found

    def _most_alike(self, own: Floats, rows: Ints, members: Ints, at: Ints) -> Floats:
        alike = own @ unit_vectors(self.inputs[members]).T
        itself = np.flatnonzero(at[rows] >= 0)
        alike[itself, at[rows[itself]]] = FORGOTTEN
        best: Floats = alike.max(axis=1)
        apart = np.full(len(rows), FORGOTTEN, np.float32)
        if self.gestures is not None:
            together = self.gestures[rows[itself], None] == self.gestures[members]
            apart = best.copy()
            apart[itself] = np.where(together, FORGOTTEN, alike[itself]).max(axis=1)
        near = at[self.neighbours[rows]]
        row, column = np.nonzero(near >= 0)
        alike[row, near[row, column]] = FORGOTTEN
        found = best
        for stricter in (alike.max(axis=1), apart):
            found = np.where(stricter > FORGOTTEN, stricter, found)
        return found

    def _beside(self, own: Floats, rows: Ints, strange: Ints) -> Floats:
        around = self.around[rows]
        if not len(strange):
            return around
        alike = own @ unit_vectors(self.inputs[strange]).T
        alike[rows[:, None] == strange] = FORGOTTEN
        found: Floats = np.maximum(around, alike.max(axis=1))
        return found


def alike_around(inputs: Floats, neighbours: Ints) -> Floats:
    """Return the mean cosine (N,) of inputs (N, d) to their neighbours (N, k); 0 where there are none."""
    found = np.zeros(len(inputs), np.float32)
    for start in range(0, len(inputs), BLOCK):
        block = slice(start, start + BLOCK)
        own = unit_vectors(inputs[block])
        for beside in neighbours[block].T:
            found[block] += np.einsum("nd,nd->n", own, unit_vectors(inputs[beside]))
    return found / np.float32(max(neighbours.shape[1], 1))


def _sample(rows: Ints) -> Ints:
    return rows[:: max(1, -(-len(rows) // REFERENCES))]


@dataclass(frozen=True, slots=True)
class Strangers:
    """Labelled items as they look to a probe that does not know their class.

    `items` (S,) they are, `kinds` (S,) the labels that it takes them for, `scores` (S,) how surely.
    """

    items: Ints
    kinds: Ints
    scores: Floats

    @classmethod
    def of(cls, inputs: Floats, labels: Ints, classes: Ints, *, seed: int = 0) -> "Strangers":
        """Leave out one class after the other, 16 of `classes` (K,) at most, of labels (N,) of inputs (N, d).

        Those that were said to be none of these (-2) are strangers to every probe.
        """
        answered = np.flatnonzero(labels != UNLABELLED)
        left_out = np.random.default_rng(seed).permutation(classes)[:LEFT_OUT]
        told = [NONE_OF_THESE] if (labels == NONE_OF_THESE).any() else []
        items, taken, scores = [], [], []
        for kind in [*left_out, *told]:
            others = answered[labels[answered] != kind]
            probe, _ = Probe.fit(inputs[others], labels[others])
            strange = np.flatnonzero(labels == kind)
            found = probe.scores(inputs[strange])
            items.append(strange)
            taken.append(probe.classes[found.argmax(axis=1)])
            scores.append(found.max(axis=1))
        return cls(np.concatenate(items), np.concatenate(taken), np.concatenate(scores))


@dataclass(frozen=True, slots=True)
class Steps:
    """A probability that rises with a value: `heights` (B,) float32 between `edges` (B - 1,), ascending."""

    edges: Floats
    heights: Floats

    def at(self, values: Floats) -> Floats:
        """Return the probability at values (N,)."""
        found: Floats = self.heights[np.searchsorted(self.edges, values)]
        return found


@dataclass(frozen=True, slots=True)
class Mixture:
    """How much likelier named items have a value than strangers: `ratio` (B,) between `edges` (B - 1,)."""

    edges: Floats
    ratio: NDArray[np.float64]

    @classmethod
    def of(cls, named: Floats, strange: Floats, asked: Floats) -> "Mixture":
        """Compare values of named items (M,) and strangers (S,) in bins even over them and `asked` (N,).

        The ratio never falls: its logarithm is fitted by isotonic regression.
        """
        from sklearn.isotonic import IsotonicRegression

        bins = int(np.clip(min(len(named), len(strange)) // EACH, 2, BINS))
        inner = np.linspace(0, 1, bins + 1)[1:-1]
        edges = np.unique(np.quantile(np.concatenate([named, strange, asked]), inner).astype(np.float32))
        bins = len(edges) + 1
        counts = [np.bincount(np.searchsorted(edges, part), minlength=bins) for part in (named, strange)]
        shares = [(count + EVEN) / (count.sum() + EVEN * bins) for count in counts]
        rising = IsotonicRegression().fit_transform(
            np.arange(bins), np.log(shares[0] / shares[1]), sample_weight=shares[0] + shares[1]
        )
        return cls(edges, np.exp(rising))

    def share(self, asked: Floats, known: int) -> float:
        """Return the share of items with values `asked` (N,) that is named, by expectation-maximisation.

        The kinds are compared on `known` items only, so that `asked` say no more than so many would; DOUBT
        items of each kind are imagined beside them, which keeps kinds that look alike at one half.
        """
        falling = np.bincount(np.searchsorted(self.edges, asked), minlength=len(self.ratio)) / len(asked)
        count, share = min(known, len(asked)), 0.5
        for _ in range(200):
            odds = share * self.ratio
            found = float(falling @ (odds / (odds + 1 - share)))
            share = float(np.clip((found * count + DOUBT) / (count + 2 * DOUBT), *SHARES))
        return share

    def steps(self, share: float) -> Steps:
        """Return the probability of being named by value, where `share` of all items are."""
        odds = share * self.ratio
        return Steps(self.edges, (odds / (odds + 1 - share)).astype(np.float32))
