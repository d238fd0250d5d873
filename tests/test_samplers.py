"""Samplers: what a batch holds, how often an item comes, seeds, small classes, refusals."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.samplers import ClassBatches, Episodes, UniformOverClasses, _Sampler
from shoal.types import ShoalError

LABELS = np.array([-1, *([0] * 40), *([1] * 10), *([5] * 4), *([7] * 2), 9, -1])


def test_class_batches_hold_p_classes_and_k_items():
    batches = list(ClassBatches(LABELS, classes=3, items=4, batches=20))
    assert len(batches) == 20
    for batch in batches:
        assert sorted(Counter(LABELS[batch].tolist()).values()) == [4, 4, 4]
        assert not {-1, 9} & set(LABELS[batch].tolist())


def test_a_short_class_gives_each_item_before_it_repeats_one():
    for batch in ClassBatches(LABELS, classes=4, items=5, batches=10):
        counts = Counter(i for i in batch if LABELS[i] == 7)
        assert sorted(counts.values()) == [2, 3]
        assert max(Counter(i for i in batch if LABELS[i] == 0).values()) == 1


def test_classes_are_dealt_out_evenly():
    dealt = Counter()
    for batch in ClassBatches(np.arange(70) % 7, classes=3, items=2, batches=70):
        dealt.update(set((np.array(batch) % 7).tolist()))
    assert set(dealt.values()) <= {29, 30, 31}
    assert sum(dealt.values()) == 210


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-1, 6), min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 5))
def test_any_labels_give_full_batches_or_a_refusal(labels, classes, items):
    usable = sum(count > 1 for k, count in Counter(labels).items() if k != -1)
    if usable < classes:
        with pytest.raises(ShoalError):
            ClassBatches(labels, classes=classes, items=items)
        return
    for batch in ClassBatches(labels, classes=classes, items=items, batches=8):
        assert set(Counter(np.array(labels)[batch].tolist()).values()) == {items}
        assert len(batch) == classes * items


def test_singletons_come_only_when_asked_for():
    batch = next(iter(ClassBatches(LABELS, classes=5, items=2, singletons=True)))
    assert 9 in LABELS[batch]
    with pytest.raises(ShoalError, match="4 usable"):
        ClassBatches(LABELS, classes=5, items=2)


def test_uniform_over_classes_draws_every_class_equally():
    sampler = UniformOverClasses(LABELS, size=16)
    drawn = [i for batch in sampler for i in batch]
    # 57 items of 5 classes: 12 each
    assert Counter(LABELS[drawn].tolist()) == {0: 12, 1: 12, 5: 12, 7: 12, 9: 12}
    assert len(list(sampler)) == len(sampler) == 4
    assert max(Counter(i for i in drawn if LABELS[i] == 0).values()) == 1
    assert set(Counter(i for i in drawn if LABELS[i] == 5).values()) == {3}


def test_uniform_over_classes_may_take_random_numbers_from_outside():
    sampler = UniformOverClasses(LABELS, size=16)
    first, again = (np.concatenate(list(sampler.drawn_by(np.random.default_rng(5)))) for _ in range(2))
    assert np.array_equal(first, again)
    assert Counter(LABELS[first].tolist()) == {0: 12, 1: 12, 5: 12, 7: 12, 9: 12}
    assert sampler.passes == 0


def test_episodes_put_support_first_and_never_overlap():
    sampler = Episodes(LABELS, ways=2, shots=2, queries=1, episodes=50)
    seen = set()
    for episode in sampler:
        assert len(episode) == len(set(episode)) == 6
        support, queries = LABELS[episode[:4]], LABELS[episode[4:]]
        assert support[0] == support[1] != support[2] == support[3]
        assert queries.tolist() == [support[0], support[2]]
        seen |= set(support.tolist())
    assert seen == {0, 1, 5}
    assert len(sampler) == 50


KINDS = {
    "class batches": lambda y: ClassBatches(y, classes=3, items=2, batches=30),
    "uniform": lambda y: UniformOverClasses(y, size=8),
    "episodes": lambda y: Episodes(y, ways=2, shots=1, queries=1, episodes=30),
}


@pytest.mark.parametrize("kind", KINDS)
def test_unlabelled_items_are_never_drawn_and_are_no_class(kind):
    assert len(KINDS) == len(_Sampler.__subclasses__())
    without = LABELS[LABELS != -1]
    there = np.flatnonzero(LABELS != -1)
    drawn, alone = list(KINDS[kind](LABELS)), list(KINDS[kind](without))
    assert -1 not in LABELS[np.concatenate(drawn)]
    assert drawn == [there[batch].tolist() for batch in alone]


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: ClassBatches(LABELS, classes=3, items=4, seed=seed),
        lambda seed: UniformOverClasses(LABELS, size=8, seed=seed),
        lambda seed: Episodes(LABELS, ways=2, shots=1, queries=1, episodes=9, seed=seed),
    ],
)
def test_a_seed_repeats_itself_and_passes_differ(make):
    one, two, other = make(1), make(1), make(2)
    first = list(one)
    assert first == list(two)
    assert first != list(one)
    assert first != list(other)
    assert len(first) == len(one)
    assert all(type(i) is int for batch in first for i in batch)


def test_a_data_loader_takes_it():
    data = torch.utils.data.TensorDataset(torch.arange(len(LABELS)), torch.from_numpy(LABELS))
    loader = torch.utils.data.DataLoader(data, batch_sampler=ClassBatches(LABELS, classes=2, items=3))
    for positions, y in loader:
        assert len(positions) == 6
        assert len(y.unique()) == 2


def test_labels_may_be_a_tensor_or_a_list():
    for labels in (torch.from_numpy(LABELS), LABELS.tolist(), LABELS.astype(np.int32)):
        assert list(ClassBatches(labels, classes=2, items=3)) == list(
            ClassBatches(LABELS, classes=2, items=3)
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClassBatches([-1, -1], classes=1, items=1), "no labelled item"),
        (lambda: UniformOverClasses(np.array([0, 2**64 - 1], np.uint64)), "label 18446744073709551615"),
        (lambda: UniformOverClasses([0.0, np.nan]), "float64"),
        (lambda: UniformOverClasses(torch.tensor([0.0, torch.nan]).bfloat16()), "float32"),
        (lambda: UniformOverClasses(LABELS, seed=-1), "seed=-1"),
        (lambda: UniformOverClasses(LABELS, seed=None), "seed=None"),
        (lambda: UniformOverClasses(LABELS, size=2.5), "size=2.5"),
        (lambda: ClassBatches(LABELS, classes=2.0), "classes=2.0"),
        (lambda: ClassBatches(LABELS, classes=2, items=True), "items=True"),
        (lambda: Episodes(LABELS, ways=1, shots=1, queries="2"), "queries='2'"),
        (lambda: ClassBatches([], classes=1, items=1), "no labelled item"),
        (lambda: ClassBatches([0, 0, -2], classes=1, items=1), "ClassBatches got the label -2"),
        (lambda: UniformOverClasses([0, -3]), "UniformOverClasses got the label -3"),
        (lambda: Episodes([0, 0, -2], ways=1, shots=1, queries=1), "Episodes got the label -2"),
        (lambda: ClassBatches([0.5, 1.0], classes=1, items=1), "float64"),
        (lambda: ClassBatches([[1, 2]], classes=1, items=1), r"\(1, 2\)"),
        (lambda: ClassBatches(LABELS, classes=0), "classes=0"),
        (lambda: ClassBatches(LABELS, classes=2, batches=0), "batches=0"),
        (lambda: UniformOverClasses(LABELS, size=0), "size=0"),
        (lambda: Episodes(LABELS, ways=4, shots=2, queries=2), "3 classes of 4 items or more"),
        (lambda: Episodes(LABELS, ways=1, shots=0, queries=2), "shots=0"),
    ],
)
def test_what_it_refuses(make, message):
    with pytest.raises(ShoalError, match=message):
        make()
