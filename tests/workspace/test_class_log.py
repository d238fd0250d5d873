"""Classes, answers and reverts as events: renamed, merged, deleted, taken back, by users side by side."""

import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.workspace.piles import labelled_workspace

from shoal.types import NONE_OF_THESE, PUT_ASIDE, UNLABELLED
from shoal.workspace import Workspace, WorkspaceError

COUNT = 8


@pytest.fixture
def ws(tmp_path):
    with labelled_workspace(tmp_path / "w", COUNT) as workspace:
        yield workspace


def label(ws, ids, name, user="ada"):
    return ws.log.label(ids, name, user=user, how="lasso")


def shown(ws):
    """The labels as a string: a class's first letter, ! for none of these, - for put aside."""
    names = {row.id: row.name[0] for row in ws.log.classes()} | {NONE_OF_THESE: "!", PUT_ASIDE: "-"}
    return "".join(names.get(class_id, ".") for class_id in ws.log.current().tolist())


def three(ws):
    """cat on 0-2, dog on 3-4, owl on 5."""
    for ids, name in (([0, 1, 2], "cat"), ([3, 4], "dog"), ([5], "owl")):
        label(ws, ids, name)
    assert shown(ws) == "cccddo.."


def test_a_rename_is_a_gesture(ws):
    three(ws)
    ws.log.rename_class(0, " tom ", user="ada")
    assert shown(ws) == "tttddo.."
    event = ws.log.history()[0]
    assert (event.kind, event.class_name, event.detail) == ("rename", "tom", {"name": "tom", "before": "cat"})
    assert ws.log.history()[3].class_name == "tom", "history shows classes by the name they have now"
    assert label(ws, [6], "cat", "bob").class_id == 3, "the old name is free"
    assert shown(ws) == "tttddoc."
    with pytest.raises(WorkspaceError, match=r"cannot be undone.*another class 'cat'"):
        ws.log.undo(user="ada")
    ws.log.undo(user="bob")
    ws.log.undo(user="ada")
    assert shown(ws) == "cccddo.."
    assert ws.log.redo(user="ada").class_id == 0
    assert shown(ws) == "tttddo.."


def test_an_undo_may_name_its_gesture(ws):
    for ids, name, user in (([0, 1], "cat", "ada"), ([1, 2], "dog", "ada"), ([3], "owl", "bob")):
        ws.log.label(ids, name, user=user, how="lasso", request_id=f"a-{name}")
    ws.log.undo(user="ada", request_id="undo-cat", gesture="a-cat")
    assert shown(ws) == ".ddo....", "what a later one decided stays"
    assert ws.log.undo(user="ada", request_id="undo-cat", gesture="a-cat").seq == 4, "again is the same"
    for gesture in ("a-cat", "a-owl", "nothing"):
        with pytest.raises(WorkspaceError, match="cannot be undone"):
            ws.log.undo(user="ada", gesture=gesture)
    ws.log.redo(user="ada")
    assert shown(ws) == "cddo....", "the dog is the newer one"
    ws.log.undo(user="ada")
    ws.log.undo(user="ada")
    assert shown(ws) == "...o...."


@pytest.mark.parametrize("name", ["dog", "none of these", " ", "a\nb"])
def test_a_name_that_will_not_do_renames_nothing(ws, name):
    three(ws)
    with pytest.raises(WorkspaceError):
        ws.log.rename_class(0, name, user="ada")
    assert ws.log.seq() == 3


def test_a_merge_holds_for_what_is_redone_later_and_is_undone_at_once(ws):
    three(ws)
    label(ws, [6, 7], "cat", "bob")
    ws.log.undo(user="bob")
    assert ws.log.merge_classes(0, 1, user="ada").count == 3
    assert shown(ws) == "dddddo.."
    assert [(row.id, row.name, row.count) for row in ws.log.classes()] == [(1, "dog", 5), (2, "owl", 1)]
    ws.log.redo(user="bob")
    assert shown(ws) == "dddddodd"
    ws.log.merge_classes(1, 2, user="ada")
    assert shown(ws) == "oooooooo"
    assert [event.detail.get("into_name") for event in ws.log.history(1)] == ["owl"]
    ws.log.undo(user="ada")
    ws.log.undo(user="ada")
    assert shown(ws) == "cccddocc"


def test_what_cannot_be_merged_is_refused(ws):
    three(ws)
    for source, into in ((0, 0), (0, 9), (9, 0)):
        with pytest.raises(WorkspaceError):
            ws.log.merge_classes(source, into, user="ada")
    ws.log.merge_classes(0, 1, user="ada")
    ws.log.undo(user="ada")
    ws.log.delete_class(1, user="bob")
    with pytest.raises(WorkspaceError, match=r"redone.*gone by now"):
        ws.log.redo(user="ada")
    with pytest.raises(WorkspaceError, match="no class 1"):
        ws.log.merge_classes(0, 1, user="ada")
    assert shown(ws) == "ccc..o.."


def test_merges_both_ways_make_no_circle(ws):
    three(ws)
    ws.log.merge_classes(0, 1, user="ada")
    ws.log.undo(user="ada")
    ws.log.merge_classes(1, 0, user="bob")
    with pytest.raises(WorkspaceError, match="gone by now"):
        ws.log.redo(user="ada")
    assert shown(ws) == "ccccco.."


def named(ws):
    return {row.id: row.name for row in ws.log.classes()}


def test_a_class_goes_with_the_label_that_brought_it_and_comes_back_with_it(ws):
    label(ws, [0], "cat")
    ws.log.import_labels({1: "dog", 2: "owl"}, user="ada")
    seqs = ws.log.seq()
    assert named(ws) == {0: "cat", 1: "dog", 2: "owl"}
    ws.log.undo(user="ada")
    assert named(ws) == {0: "cat"}
    ws.log.undo(user="ada")
    assert named(ws) == {}
    with Workspace.open(ws.path) as again:
        assert named(again) == {}
        again.log.redo(user="ada")
    assert named(ws) == {0: "cat"}
    ws.log.redo(user="ada")
    assert (named(ws), shown(ws)) == ({0: "cat", 1: "dog", 2: "owl"}, "cdo.....")
    ws.log.revert(1, user="bob")
    assert named(ws) == {1: "dog", 2: "owl"}
    assert [event.kind for event in ws.log.history()][-seqs:] == ["label", "label"], "the log only grows"
    assert ws.log.history(class_id=0)[-1].class_name == "cat"


def by_a_label(ws):
    label(ws, [3], "cat", "bob")


def by_a_label_that_holds_nothing_now(ws):
    label(ws, [3], "cat", "bob")
    label(ws, [3], "dog", "bob")


def by_a_merge(ws):
    label(ws, [3], "dog", "bob")
    ws.log.merge_classes(1, 0, user="bob")


def by_a_colour(ws):
    ws.log.colour_class(0, "#ff8800", user="bob")


def by_being_made(ws):
    ws.log.create_class("cat", user="bob")


def by_an_import(ws):
    ws.log.import_labels({3: "cat", 4: "owl"}, user="bob")


@pytest.mark.parametrize(
    "use",
    [
        by_a_label,
        by_a_label_that_holds_nothing_now,
        by_a_merge,
        by_a_colour,
        by_being_made,
        by_an_import,
    ],
)
def test_a_class_that_anything_else_uses_stays(ws, use):
    label(ws, [0], "cat")
    use(ws)
    ws.log.undo(user="ada")
    assert named(ws)[0] == "cat"
    assert ws.log.current()[0] == UNLABELLED
    ws.log.redo(user="ada")
    assert ws.log.current()[0] == 0


def test_a_class_that_was_made_before_its_label_stays(ws):
    ws.log.create_class("cat", user="ada")
    label(ws, [0], "cat")
    ws.log.undo(user="ada")
    assert named(ws) == {0: "cat"}
    assert ws.log.undo(user="ada") is None


def test_a_name_that_comes_back_is_the_same_class(ws):
    label(ws, [0], "cat")
    ws.log.undo(user="ada")
    assert label(ws, [1], "cat", "bob").class_id == 0
    ws.log.redo(user="ada")
    assert (named(ws), shown(ws)) == ({0: "cat"}, "cc......")
    ws.log.undo(user="bob")
    ws.log.undo(user="ada")
    assert ws.log.create_class("cat", user="bob").class_id == 0
    assert named(ws) == {0: "cat"}


def test_a_class_whose_name_is_taken_meanwhile_does_not_come_back(ws):
    label(ws, [0], "cat")
    ws.log.undo(user="ada")
    label(ws, [1], "dog", "bob")
    ws.log.rename_class(1, "cat", user="bob")
    with pytest.raises(WorkspaceError, match=r"cannot be redone.*another class 'cat'"):
        ws.log.redo(user="ada")
    ws.log.undo(user="bob")
    ws.log.redo(user="ada")
    assert named(ws) == {0: "cat", 1: "dog"}


def test_making_a_class_that_a_label_brought_is_an_event_and_counts_once(ws):
    label(ws, [0], "cat", "bob")
    made = ws.log.create_class("cat", user="ada", request_id="request-1")
    assert (made.seq, made.class_id) == (2, 0)
    assert ws.log.create_class("cat", user="ada", request_id="request-1") == made
    assert ws.log.create_class("cat", user="bob").seq == ws.log.seq() == 2
    assert ws.log.history()[0].kind == "class"
    ws.log.undo(user="bob")
    assert named(ws) == {0: "cat"}


def test_a_deleted_class_comes_back_whole(ws):
    three(ws)
    assert ws.log.delete_class(0, user="ada").count == 3
    assert shown(ws) == "...ddo.."
    assert ws.labels() == {3: "dog", 4: "dog", 5: "owl"}
    label(ws, [0], "owl", "bob")
    ws.log.undo(user="ada")
    assert shown(ws) == "occddo.."
    assert [event.active for event in ws.log.history(3)] == [True, True, False]


def test_answers_are_labels_of_their_own(ws):
    three(ws)
    ws.log.answer([0, 6], "none", user="ada", how="key")
    ws.log.answer([1, 7], "skip", user="ada", how="key")
    assert shown(ws) == "!-cddo!-"
    assert ws.log.current()[[0, 1]].tolist() == [NONE_OF_THESE, PUT_ASIDE]
    assert ws.labels() == {0: "none of these", 2: "cat", 3: "dog", 4: "dog", 5: "owl", 6: "none of these"}
    assert {item.id for item in ws.labelled() if item.class_name == "none of these"} == {0, 6}
    assert [row.count for row in ws.log.classes()] == [1, 2, 1]
    assert [event.kind for event in ws.log.history(2)] == ["skip", "none"]
    ws.log.undo(user="ada")
    ws.log.undo(user="ada")
    assert shown(ws) == "cccddo.."
    label(ws, [2], "none of these")
    assert shown(ws) == "cc!ddo.."
    ws.log.import_labels({2: "none of these", 3: "none of these"}, user="ada")
    ws.log.import_labels({4: "none of these", 5: None, 6: "cat"}, user="ada")
    assert shown(ws) == "cc!!!.c."
    with pytest.raises(WorkspaceError, match="one of clear, none, skip"):
        ws.log.answer([0], "maybe", user="ada", how="key")


def test_a_revert_takes_back_what_the_gesture_still_decides(ws):
    three(ws)
    label(ws, [0, 3], "owl", "bob")
    with pytest.raises(WorkspaceError, match="no gesture"):
        ws.log.revert(99, user="bob")
    written = ws.log.revert(1, user="bob")
    assert (written.seq, written.count) == (5, 2)
    assert shown(ws) == "o..odo.."
    event = ws.log.history(1)[0]
    assert (event.kind, event.user, event.target, event.class_name) == ("revert", "bob", 1, "cat")
    with pytest.raises(WorkspaceError, match="taken back already"):
        ws.log.revert(1, user="ada")
    assert ws.log.undoable("ada").seq == 3
    for _ in range(2):
        ws.log.undo(user="ada")
    assert ws.log.undo(user="ada") is None, "what somebody reverted is not there to undo"
    assert shown(ws) == "o..o...."
    ws.log.undo(user="bob")
    assert shown(ws) == "occo...."
    assert ws.log.undoable("ada").seq == 1
    ws.log.redo(user="bob")
    assert shown(ws) == "o..o...."
    assert ws.log.undoable("bob").kind == "revert"


def test_a_revert_can_be_reverted_and_needs_something_to_take_back(ws):
    three(ws)
    label(ws, [5], "cat")
    with pytest.raises(WorkspaceError, match="decides no item"):
        ws.log.revert(3, user="bob")
    back = ws.log.revert(4, user="bob").seq
    assert shown(ws) == "cccddo.."
    ws.log.revert(back, user="ada")
    assert shown(ws) == "cccddc.."
    assert [event.active for event in ws.log.history(3)] == [True, False, True]
    renamed = ws.log.rename_class(0, "tom", user="ada").seq
    ws.log.revert(renamed, user="bob")
    assert shown(ws) == "cccddc.."
    undo = ws.log.undo(user="bob").seq
    with pytest.raises(WorkspaceError, match="no gesture"):
        ws.log.revert(undo, user="ada")


def test_colours_and_keys_are_chosen(ws):
    for name in "abcdefghijkl":
        ws.log.create_class(name, user="ada")
    assert [row.key for row in ws.log.classes()] == [*range(1, 10), None, None, None]
    ws.log.key_class(11, 1, user="ada")
    assert [row.key for row in ws.log.classes()] == [None, *range(2, 10), None, None, 1]
    ws.log.delete_class(4, user="ada")
    assert [row.key for row in ws.log.classes()] == [5, 2, 3, 4, 6, 7, 8, 9, None, None, 1]
    ws.log.key_class(1, None, user="ada")
    assert ws.log.classes()[1].key is None
    ws.log.colour_class(2, "#FF0080", user="ada")
    assert [row.colour for row in ws.log.classes()[:3]] == [None, None, "#ff0080"]
    for bad in ("red", "#fff", "#ff00801"):
        with pytest.raises(WorkspaceError, match="rrggbb"):
            ws.log.colour_class(2, bad, user="ada")
    for bad in (0, 10):
        with pytest.raises(WorkspaceError, match="1 to 9"):
            ws.log.key_class(2, bad, user="ada")
    for _ in range(4):
        ws.log.undo(user="ada")
    assert [row.key for row in ws.log.classes()] == [*range(1, 10), None, None, None]
    assert {row.colour for row in ws.log.classes()} == {None}


def test_what_changed_is_told_by_its_ids(ws):
    three(ws)
    seen = ws.log.current().copy()
    at = ws.log.seq()

    def told(expected):
        nonlocal seen, at
        seq, ids, labels = ws.log.changed_since(at)
        assert (seq, ids.tolist()) == (ws.log.seq(), expected)
        seen[ids] = labels
        assert seen.tolist() == ws.log.current().tolist()
        at = seq

    told([])
    label(ws, [2, 6], "dog")
    told([2, 6])
    ws.log.undo(user="ada")
    ws.log.rename_class(2, "eule", user="ada")
    told([2, 5, 6])
    ws.log.merge_classes(1, 0, user="ada")
    told([3, 4])
    ws.log.delete_class(0, user="ada")
    told([0, 1, 2, 3, 4])
    ws.log.undo(user="ada")
    ws.log.undo(user="ada")
    told([0, 1, 2, 3, 4])
    ws.log.revert(2, user="bob")
    told([3, 4])
    ws.log.undo(user="bob")
    told([3, 4])
    assert ws.log.changed_since(0)[1].tolist() == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(WorkspaceError, match="no label event"):
        ws.log.changed_since(10_000)


def test_the_items_of_an_event(ws):
    three(ws)
    ws.log.merge_classes(0, 1, user="ada")
    ws.log.undo(user="ada")
    ws.log.revert(2, user="ada")
    assert [ws.log.items_of(seq).tolist() for seq in range(1, 7)] == [
        [0, 1, 2],
        [3, 4],
        [5],
        [0, 1, 2],
        [0, 1, 2],
        [3, 4],
    ]
    with pytest.raises(WorkspaceError, match="no label event 7"):
        ws.log.items_of(7)


def test_history_is_filtered_and_paged(ws):
    three(ws)
    label(ws, [0], "cat", "bob")
    ws.log.merge_classes(0, 2, user="ada")
    assert [event.seq for event in ws.log.history(user="bob")] == [4]
    assert [event.seq for event in ws.log.history(class_id=2)] == [5, 4, 3, 1]
    assert [event.seq for event in ws.log.history(2, before=4)] == [3, 2]
    assert ws.log.users() == ["ada", "bob"]


def test_the_three_depths_agree(ws):
    ws.label([0, 1], "cat")
    ws.label([2], "dog")
    ws.rename_class("cat", "tom")
    ws.merge_classes("tom", "dog")
    assert ws.labels() == dict.fromkeys(range(3), "dog")
    ws.undo()
    ws.delete_class("dog")
    ws.put_aside([3])
    assert ws.labels() == {0: "tom", 1: "tom"}
    ws.undo()
    ws.undo()
    ws.redo()
    with pytest.raises(WorkspaceError, match=r"no class 'cat'. There are: tom"):
        ws.rename_class("cat", "x")


class Model:
    """The log by its definition: what is in force is worked out anew for each question."""

    def __init__(self):
        self.events = []  # (user, kind, *what), from 1
        self.undone = set()
        self.redo = {}
        self.names = []  # births by class id

    def in_force(self, seq, undone=None):
        if seq in (self.undone if undone is None else undone):
            return False
        return not any(
            kind == "revert" and what[0] == seq and self.in_force(later, undone)
            for later, (_, kind, *what) in enumerate(self.events, 1)
        )

    def add(self, user, kind, *what):
        self.events.append((user, kind, *what))
        self.redo[user] = []

    def classes(self, undone=None):
        names, into = list(self.names), {}
        for seq, (_, kind, *what) in enumerate(self.events, 1):
            if kind == "rename" and self.in_force(seq, undone):
                names[what[0]] = what[1]
            if kind in ("merge", "delete") and self.in_force(seq, undone):
                into[what[0]] = what[1]
        return names, into

    def named(self, undone=None):
        """The classes that an event in force names."""
        found = set()
        for seq, (_, kind, *what) in enumerate(self.events, 1):
            if kind in ("label", "rename", "merge", "delete", "class") and self.in_force(seq, undone):
                found.add(what[1] if kind == "label" else what[0])
                found |= {what[1]} if kind == "merge" else set()
        return found

    def alive(self, undone=None):
        (names, into), named = self.classes(undone), self.named(undone)
        return {id: name for id, name in enumerate(names) if id not in into and id in named}

    def id_of(self, name):
        """The class of this name: one that lives, one that no event in force names, or a new one."""
        found = [id for id, known in self.alive().items() if known == name]
        names, _ = self.classes()
        found += [id for id in range(len(names)) if names[id] == name and id not in self.named()]
        if not found:
            self.names.append(name)
        return found[0] if found else len(names)

    def labels(self):
        _, into = self.classes()
        state = [UNLABELLED] * COUNT
        for seq, (_, kind, *what) in enumerate(self.events, 1):
            if kind == "label" and self.in_force(seq):
                for id in what[0]:
                    state[id] = what[1]
        return [end(given, into) for given in state]

    def last(self, user):
        mine = [seq for seq, event in enumerate(self.events, 1) if event[0] == user and event[1] not in TURNS]
        return next((seq for seq in reversed(mine) if self.in_force(seq)), None)

    def may(self, undone):
        """Whether the classes may stand like this: no name twice, none merged into what is not there."""
        return self.fits(self.alive(), undone)

    def may_revert(self, seq):
        before = self.alive()
        self.events.append(("", "revert", seq))
        allowed = self.fits(before, self.undone)
        self.events.pop()
        return allowed

    def fits(self, before, undone):
        after, (_, into) = self.alive(undone), self.classes(undone)
        for id in set(before) - set(after):
            if into.get(id, UNLABELLED) != UNLABELLED and end(id, into) not in before:
                return False
        return len(set(after.values())) == len(after)


def end(id, into):
    for _ in into:
        id = into.get(id, id)
    return UNLABELLED if id in into else id


TURNS = ("undo", "redo", "class")
users = st.sampled_from(["ada", "bob"])
names = st.sampled_from(["cat", "dog", "owl", "emu"])
some = st.integers(0, 3)


class ClassMachine(RuleBasedStateMachine):
    """Two processes with one log label, rename, merge, delete, revert, undo; the model agrees every time."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.one = labelled_workspace(self.folder.name + "/w", COUNT)
        self.two = Workspace.open(self.one.path)
        self.model = Model()
        self.seen = np.full(COUNT, UNLABELLED)
        self.at = 0

    def teardown(self):
        self.one.close()
        self.two.close()
        self.folder.cleanup()

    def refuses(self, act, allowed):
        try:
            written = act()
        except WorkspaceError:
            assert not allowed
            return None
        assert allowed
        return written

    @rule(user=users, ids=st.sets(st.integers(0, COUNT - 1), min_size=1), name=names)
    def label(self, user, ids, name):
        id = self.model.id_of(name)
        assert self.one.log.label(ids, name, user=user, how="key").class_id == id
        self.model.add(user, "label", ids, id)

    @rule(user=users, name=names)
    def make(self, user, name):
        id = self.model.id_of(name)
        made = ("class", id) in [(event[1], event[2]) for event in self.model.events]
        assert self.two.log.create_class(name, user=user).class_id == id
        if not made:
            self.model.events.append((user, "class", id))

    @rule(user=users, ids=st.sets(st.integers(0, COUNT - 1), min_size=1), answer=st.sampled_from([-2, -3]))
    def answer(self, user, ids, answer):
        kind = {-2: "none", -3: "skip"}[answer]
        self.two.log.answer(ids, kind, user=user, how="key")
        self.model.add(user, "label", ids, answer)

    @rule(user=users, id=some, name=names)
    def rename(self, user, id, name):
        alive = self.model.alive()
        allowed = id in alive and all(other == id or known != name for other, known in alive.items())
        if self.refuses(lambda: self.two.log.rename_class(id, name, user=user), allowed):
            self.model.add(user, "rename", id, name)

    @rule(user=users, id=some, into=some)
    def merge(self, user, id, into):
        alive = self.model.alive()
        allowed = id in alive and into in alive and id != into
        if self.refuses(lambda: self.one.log.merge_classes(id, into, user=user), allowed):
            self.model.add(user, "merge", id, into)

    @rule(user=users, id=some)
    def delete(self, user, id):
        if self.refuses(lambda: self.two.log.delete_class(id, user=user), id in self.model.alive()):
            self.model.add(user, "delete", id, UNLABELLED)

    @rule(user=users)
    def undo(self, user):
        seq = self.model.last(user)
        undone = self.model.undone | {seq}
        allowed = seq is None or self.model.may(undone)
        written = self.refuses(lambda: self.one.log.undo(user=user), allowed)
        assert (written is None) == (seq is None or not allowed)
        if written:
            self.model.events.append((user, "undo", seq))
            self.model.undone.add(seq)
            self.model.redo.setdefault(user, []).append(seq)

    @rule(user=users)
    def redo(self, user):
        mine = self.model.redo.get(user) or [None]
        undone = self.model.undone - {mine[-1]}
        allowed = mine[-1] is None or self.model.may(undone)
        if self.refuses(lambda: self.two.log.redo(user=user), allowed):
            self.model.events.append((user, "redo", mine[-1]))
            self.model.undone.discard(mine.pop())

    @rule(user=users, back=st.integers(1, 6))
    def revert(self, user, back):
        seq = len(self.model.events) + 1 - back
        event = self.model.events[seq - 1] if seq >= 1 else (None, "undo")
        allowed = event[1] not in TURNS and self.model.in_force(seq)
        allowed = allowed and self.model.may_revert(seq)
        if allowed and event[1] == "label":
            allowed = bool((self.one.log.provenance() == seq).any())
        if self.refuses(lambda: self.one.log.revert(seq, user=user), allowed):
            self.model.add(user, "revert", seq)

    @rule()
    def reopen(self):
        self.two.close()
        self.two = Workspace.open(self.one.path)

    @invariant()
    def agree(self):
        for ws in (self.one, self.two):
            assert ws.log.current().tolist() == self.model.labels()
            assert {row.id: row.name for row in ws.log.classes()} == self.model.alive()
        self.at, ids, labels = self.two.log.changed_since(self.at)
        self.seen[ids] = labels
        assert self.seen.tolist() == self.model.labels()
        assert self.one.log.seq() == len(self.model.events)


TestClassMachine = ClassMachine.TestCase
TestClassMachine.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
