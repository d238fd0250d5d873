"""The label log: gestures, undo and redo of interleaved users, retries, the past; compared with a model."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from tests.workspace.piles import labelled_workspace

from shoal.workspace import Workspace, WorkspaceError

COUNT = 12


@pytest.fixture
def ws(tmp_path):
    with labelled_workspace(tmp_path / "w", COUNT) as workspace:
        yield workspace


def label(ws, ids, name, user="ada", **more):
    return ws.log.label(ids, name, user=user, how="lasso", **more)


def shown(ws):
    """The labels as a string: one letter per item."""
    names = {row.id: row.name[0] for row in ws.log.classes()}
    return "".join(names.get(class_id, ".") for class_id in ws.log.current().tolist())


def test_a_gesture_is_an_event(ws):
    written = label(ws, [5, 3, 3, 4], " cat ")
    assert (written.seq, written.count, written.class_id) == (1, 3, 0)
    assert shown(ws) == "...ccc......"
    [event] = ws.log.history()
    assert (event.seq, event.user, event.how, event.kind) == (1, "ada", "lasso", "label")
    assert (event.class_name, event.count, event.active, event.target) == ("cat", 3, True, None)
    [row] = ws.log.classes()
    assert (row.id, row.name, row.count) == (0, "cat", 3)


def test_the_last_gesture_wins_and_none_clears(ws):
    label(ws, [0, 1, 2], "cat")
    label(ws, np.array([2, 3], dtype=np.int32), "dog")
    label(ws, range(1, 3), None)
    assert shown(ws) == "c..d........"
    assert ws.log.provenance()[:4].tolist() == [1, 3, 3, 2]


def test_undo_brings_back_what_was_below(ws):
    label(ws, [0, 1, 2], "cat")
    label(ws, [2, 3], "dog")
    label(ws, [0, 3], None)
    for expected in ("ccdd", "ccc.", "...."):
        ws.log.undo(user="ada")
        assert shown(ws)[:4] == expected
    assert ws.log.undo(user="ada") is None
    for expected in ("ccc.", "ccdd", ".cd."):
        ws.log.redo(user="ada")
        assert shown(ws)[:4] == expected
    assert ws.log.redo(user="ada") is None
    assert [event.kind for event in ws.log.history()] == ["redo"] * 3 + ["undo"] * 3 + ["clear"] + [
        "label"
    ] * 2


def test_a_new_gesture_ends_redo_for_its_user_only(ws):
    label(ws, [0], "cat", "ada")
    label(ws, [1], "cat", "bob")
    ws.log.undo(user="ada")
    ws.log.undo(user="bob")
    label(ws, [2], "cat", "ada")
    assert ws.log.redoable("ada") is None
    assert ws.log.redo(user="ada") is None
    assert ws.log.redoable("bob").seq == 2
    ws.log.redo(user="bob")
    assert shown(ws)[:3] == ".cc"


def test_undo_takes_back_only_ones_own(ws):
    label(ws, [0, 1], "cat", "ada")
    label(ws, [1, 2], "dog", "bob")
    assert ws.log.undoable("ada").seq == 1
    ws.log.undo(user="ada")
    assert shown(ws)[:3] == ".dd"
    ws.log.redo(user="ada")
    assert shown(ws)[:3] == "cdd", "a redone gesture goes back to where it was, not on top"
    assert ws.log.undo(user="carol") is None
    assert ws.log.undoable("carol") is None


def test_history_marks_what_is_undone(ws):
    label(ws, [0], "cat")
    label(ws, [1], "dog")
    ws.log.undo(user="ada")
    undo, dog, cat = ws.log.history()
    assert (undo.kind, undo.class_name, undo.count, undo.target, undo.active) == ("undo", "dog", 1, 2, True)
    assert (dog.active, cat.active) == (False, True)
    ws.log.redo(user="ada")
    assert [event.active for event in ws.log.history()] == [True] * 4
    assert [event.seq for event in ws.log.history(limit=2)] == [4, 3]
    assert sorted(ws.log.events([2, 4, 99])) == [2, 4]


def test_a_retry_counts_once(ws):
    first = label(ws, [0, 1], "cat", request_id="request-1")
    label(ws, [0], "dog", request_id="request-2")
    assert label(ws, [0, 1], "cat", request_id="request-1") == first
    assert shown(ws)[:2] == "dc"
    undone = ws.log.undo(user="ada", request_id="request-3")
    assert ws.log.undo(user="ada", request_id="request-3") == undone
    assert shown(ws)[:2] == "cc"
    redone = ws.log.redo(user="ada", request_id="request-4")
    assert ws.log.redo(user="ada", request_id="request-4") == redone
    assert ws.log.seq() == 4
    made = ws.log.create_class("owl", user="ada", request_id="request-5")
    assert ws.log.create_class("owl", user="ada", request_id="request-5") == made
    imported = ws.log.import_labels({3: "owl"}, user="ada", request_id="request-6")
    assert ws.log.import_labels({3: "owl"}, user="ada", request_id="request-6") == imported
    assert ws.log.seq() == 6


def test_a_class_may_be_empty_and_has_one_id(ws):
    assert ws.log.create_class("owl", user="ada").class_id == 0
    assert ws.log.create_class("Owl", user="ada").class_id == 1
    again = ws.log.create_class(" owl", user="bob")
    assert (again.class_id, again.seq) == (0, 2)
    assert ws.log.seq() == 2
    assert label(ws, [1], "owl").class_id == 0
    assert [(row.name, row.count) for row in ws.log.classes()] == [("owl", 1), ("Owl", 0)]
    ws.log.undo(user="ada")
    assert ws.log.undo(user="ada") is None, "making a class is no gesture"
    assert len(ws.log.classes()) == 2


def test_names_are_the_same_however_they_are_typed(ws):
    label(ws, [0], "caf\u00e9")
    label(ws, [1], "cafe\u0301 ")
    assert len(ws.log.classes()) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "\t", "a\nb", "a\x00b", "\x1b[31m", "a\u2028b", "\ud800", "x" * 201, "\u200b" * 0]
)
def test_what_is_no_class_name_is_refused(ws, name):
    for act in (
        lambda: label(ws, [0], name),
        lambda: ws.log.create_class(name, user="ada"),
        lambda: ws.log.import_labels({0: name, 1: "fine"}, user="ada"),
    ):
        with pytest.raises(WorkspaceError, match="class"):
            act()
    assert ws.log.seq() == 0
    assert ws.log.classes() == []


@pytest.mark.parametrize("name", ["x" * 200, "🐟🏳️‍🌈", "=cmd|x", "quote'\"<b>", "../..", "-1"])
def test_strange_class_names_are_fine(ws, name):
    label(ws, [0], name)
    assert ws.log.classes()[0].name == name


@pytest.mark.parametrize("ids", [[COUNT], [-1], [0, 10**12], [2**63], [-(2**40)]])
def test_ids_that_no_item_has_are_refused(ws, ids):
    with pytest.raises(WorkspaceError, match=r"items 0 to 11|whole numbers"):
        label(ws, ids, "cat")
    assert ws.log.classes() == []
    assert ws.log.seq() == 0


@pytest.mark.parametrize("ids", [[], np.empty(0, np.int64), np.empty(0)])
def test_an_empty_selection_is_refused(ws, ids):
    with pytest.raises(WorkspaceError, match="empty"):
        label(ws, ids, "cat")


@pytest.mark.parametrize("ids", [[0.5], ["a"], np.array([[1, 2]]), [True, False]])
def test_what_is_no_row_of_ids_is_refused(ws, ids):
    with pytest.raises(WorkspaceError, match="whole numbers"):
        label(ws, ids, "cat")


def test_an_import_is_one_gesture(ws):
    label(ws, [0, 5], "cat")
    written = ws.log.import_labels({5: "dog", 1: "cat", 2: "owl", 0: None}, user="ada")
    assert (written.count, written.class_id) == (4, None)
    assert shown(ws)[:6] == ".co..d"
    assert [row.name for row in ws.log.classes()] == ["cat", "dog", "owl"]
    assert ws.log.history()[0].how == "import"
    ws.log.undo(user="ada")
    assert shown(ws)[:6] == "c....c"
    ws.log.redo(user="ada")
    assert shown(ws)[:6] == ".co..d"
    assert ws.log.import_labels({3: "owl"}, user="ada").class_id == 2
    ws.log.import_labels({3: None, 2: None}, user="ada")
    assert shown(ws)[:6] == ".c...d"
    with pytest.raises(WorkspaceError, match="empty"):
        ws.log.import_labels({}, user="ada")
    with pytest.raises(WorkspaceError, match="no item 99"):
        ws.log.import_labels({1: "new", 99: "new"}, user="ada")
    assert len(ws.log.classes()) == 3


def test_the_past_comes_back(ws):
    states = [ws.log.current()]
    label(ws, [0, 1], "cat")
    states.append(ws.log.current())
    label(ws, [1, 2], "dog")
    states.append(ws.log.current())
    ws.log.undo(user="ada")
    states.append(ws.log.current())
    label(ws, [7], "cat", "bob")
    states.append(ws.log.current())
    for seq, state in enumerate(states):
        assert ws.log.at(seq).tolist() == state.tolist()
    for seq in (-1, 5):
        with pytest.raises(WorkspaceError, match=f"no label event {seq}"):
            ws.log.at(seq)


def test_labels_cannot_be_changed_behind_the_log(ws):
    label(ws, [0], "cat")
    kept = ws.log.current()
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 5
    label(ws, [0], "dog")
    assert kept[0] == 0, "a reader keeps the state that it asked for"


def test_new_items_are_unlabelled(ws):
    from tests.workspace.piles import numbered

    label(ws, [0], "cat")
    assert len(ws.log.current()) == COUNT
    ws.reconcile(numbered(COUNT + 3))
    assert ws.log.current().tolist() == [0] + [-1] * (COUNT + 2)
    assert len(ws.log.at(1)) == COUNT + 3


def test_labelled_items_carry_their_provenance(ws):
    label(ws, [4, 2], "cat")
    label(ws, [4], "dog", "bob")
    two, four = ws.labelled()
    assert (two.id, two.class_name, two.user, two.how, two.seq) == (2, "cat", "ada", "lasso", 1)
    assert (four.id, four.class_name, four.user, four.seq) == (4, "dog", "bob", 2)
    assert four.name == ws.items.names[4]
    assert two.source == "/pile"


def test_users_that_are_not_text_do_no_harm(ws):
    label(ws, [0], "cat", user="ada\udce9")
    assert ws.log.undoable("ada\udce9").user == "ada\\udce9"
    assert ws.log.undo(user="ada\udce9").seq == 2


def test_two_processes_see_each_other(ws):
    with Workspace.open(ws.path) as other:
        label(ws, [0, 1], "cat", "ada")
        label(other, [1], "dog", "bob")
        assert shown(ws) == shown(other) == "cd.........."
        revision = ws.revision()
        other.log.undo(user="ada")
        assert ws.revision() > revision
        assert shown(ws) == shown(other) == ".d.........."


class Model:
    """The log as a plain list of gestures and dicts."""

    def __init__(self):
        self.gestures = []  # (user, ids, name)
        self.active = []
        self.redo = {}

    def label(self, user, ids, name):
        self.gestures.append((user, ids, name))
        self.active.append(True)
        self.redo[user] = []

    def undo(self, user):
        mine = [n for n, gesture in enumerate(self.gestures) if gesture[0] == user and self.active[n]]
        if mine:
            self.active[mine[-1]] = False
            self.redo.setdefault(user, []).append(mine[-1])
        return bool(mine)

    def redo_(self, user):
        if not self.redo.get(user):
            return False
        self.active[self.redo[user].pop()] = True
        return True

    def labels(self):
        state = {}
        for active, (_, ids, name) in zip(self.active, self.gestures, strict=True):
            if active:
                state |= dict.fromkeys(ids, name) if not isinstance(name, dict) else name
        return {id: name for id, name in state.items() if name is not None}


users = st.sampled_from(["ada", "bob"])
names = st.sampled_from(["cat", "dog", "owl", None])
some_ids = st.sets(st.integers(0, COUNT - 1), min_size=1)


class LogMachine(RuleBasedStateMachine):
    """Two processes with one log do anything at all; the model must agree after every step."""

    logs = Bundle("logs")

    @initialize()
    def begin(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.one = labelled_workspace(self.folder.name + "/w", COUNT)
        self.two = Workspace.open(self.one.path)
        self.model = Model()
        self.states = [{}]
        self.names = {}  # also of classes that went with their labels

    def teardown(self):
        for seq, state in enumerate(self.states):
            assert self.read(self.one, self.one.log.at(seq)) == state
        self.one.close()
        self.two.close()
        self.folder.cleanup()

    def read(self, ws, labels):
        self.names |= {row.id: row.name for row in ws.log.classes()}
        return {id: self.names[class_id] for id, class_id in enumerate(labels.tolist()) if class_id >= 0}

    @rule(first=st.booleans(), user=users, ids=some_ids, name=names, retry=st.booleans())
    def label(self, first, user, ids, name, retry):
        log = (self.one if first else self.two).log
        request = f"request-{len(self.states)}" if retry else None
        written = log.label(ids, name, user=user, how="lasso", request_id=request)
        if retry:
            assert log.label({0}, "other", user=user, how="key", request_id=request) == written
        assert (written.seq, written.count) == (len(self.states), len(ids))
        self.model.label(user, ids, name)
        self.states.append(self.model.labels())

    @rule(
        first=st.booleans(), user=users, pairs=st.dictionaries(st.integers(0, COUNT - 1), names, min_size=1)
    )
    def bring(self, first, user, pairs):
        (self.one if first else self.two).log.import_labels(pairs, user=user)
        self.model.label(user, pairs, pairs)
        self.states.append(self.model.labels())

    @rule(first=st.booleans(), user=users)
    def undo(self, first, user):
        done = (self.one if first else self.two).log.undo(user=user)
        assert (done is not None) == self.model.undo(user)
        if done:
            self.states.append(self.model.labels())

    @rule(first=st.booleans(), user=users)
    def redo(self, first, user):
        done = (self.one if first else self.two).log.redo(user=user)
        assert (done is not None) == self.model.redo_(user)
        if done:
            self.states.append(self.model.labels())

    @rule()
    def reopen(self):
        self.two.close()
        self.two = Workspace.open(self.one.path)

    @rule()
    def look(self):
        assert self.read(self.two, self.two.log.current()) == self.states[-1]

    @invariant()
    def agree(self):
        assert self.read(self.one, self.one.log.current()) == self.states[-1]
        assert [event.active for event in self.one.log.history(1000) if event.kind in ("label", "clear")] == (
            self.model.active[::-1]
        )


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
