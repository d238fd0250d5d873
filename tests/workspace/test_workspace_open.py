"""What is a workspace, what is not, and on which SQLite it stands."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect, select, update
from tests.workspace.piles import LAYERS, labelled_workspace, numbered

from shoal.workspace import Workspace, WorkspaceError, catalogue


def test_what_was_written_is_there_after_reopening(tmp_path):
    with Workspace.open(tmp_path / "w.shoal", create=True) as ws:
        ws.reconcile(numbered(5))
        ws.set_setting("layer", "late")
        ws.set_setting("layer", "early")
    with Workspace.open(str(tmp_path / "w.shoal")) as ws:
        assert ws.name == "w"
        assert ws.settings() == {"layer": "early"}
        assert ws.sources() == ["/pile"]
        assert len(ws.items) == 5


def test_an_absent_workspace_is_refused_and_not_made(tmp_path):
    with pytest.raises(WorkspaceError, match="not a workspace"):
        Workspace.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_folder_with_other_things_is_refused_and_not_touched(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(WorkspaceError, match=r"holiday\.jpg"):
        Workspace.open(tmp_path, create=True)
    assert os.listdir(tmp_path) == ["holiday.jpg"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for create in (True, False):
        with pytest.raises(WorkspaceError, match="workspace"):
            Workspace.open(tmp_path / "file", create=create)


def test_a_catalogue_of_rubbish_is_refused(tmp_path):
    (tmp_path / catalogue.FILE_NAME).write_bytes(b"rubbish" * 1000)
    with pytest.raises(WorkspaceError, match="damaged"):
        Workspace.open(tmp_path)


@pytest.mark.parametrize("name", ["a?mode=ro", "100%", "sp ace#", "ü", b"caf\xe9"])
def test_any_folder_name_will_do(tmp_path, name):
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name)))
    with labelled_workspace(path, 3) as ws:
        ws.log.label([1], "cat", user="u", how="key")
        assert ws.verify() == []
    assert os.listdir(os.fsencode(tmp_path)) == [os.fsencode(name)]


def test_an_interrupted_creation_is_said_and_finished(tmp_path):
    (tmp_path / catalogue.FILE_NAME).touch()
    with pytest.raises(WorkspaceError, match="interrupted"):
        Workspace.open(tmp_path)
    with Workspace.open(tmp_path, create=True) as ws:
        ws.reconcile(numbered(2))
        assert ws.verify() == []
        ws.use_backbone("net", "net-1", LAYERS)


def test_a_newer_schema_is_refused_by_name(tmp_path):
    with Workspace.open(tmp_path / "w", create=True) as ws, ws._catalogue.write() as connection:
        connection.execute(update(catalogue.meta).values(value=str(catalogue.SCHEMA_VERSION + 1)))
    for create in (True, False):
        with pytest.raises(WorkspaceError, match=r"newer Shoal \(schema 3"):
            Workspace.open(tmp_path / "w", create=create)


SCHEMA_1 = Path(__file__).parent / "schema1.sql"
OLD_ROWS = """
insert into meta values ('schema', '1'), ('uuid', 'cafe');
insert into counters values ('items', 3), ('maps', 0), ('labels', 1);
insert into sources values (1, cast('/pile' as blob));
insert into items values (0, 1, cast('a.jpg' as blob), 9, 9, 0, null, 0, null, 0, 0, null, 1);
insert into classes values (0, 'cat');
insert into events values (1, 5.0, 'ada', 'lasso', 'label', 'r1', 0, null, null, 1,
                           x'780163606060000000040001', null);
"""


def old_catalogue(folder: Path) -> Path:
    folder.mkdir()
    with sqlite3.connect(folder / catalogue.FILE_NAME) as old:
        old.executescript(SCHEMA_1.read_text() + OLD_ROWS)
    old.close()
    return folder


def test_an_older_catalogue_gets_what_it_lacks_and_keeps_what_it_has(tmp_path):
    path = old_catalogue(tmp_path / "w")
    with Workspace.open(path) as ws:
        assert ws.labels() == {0: "cat"}
        assert ws.uuid == "cafe"
        with ws._catalogue.read() as connection:
            there = inspect(connection)
            for table in catalogue.metadata.sorted_tables:
                assert {column["name"] for column in there.get_columns(table.name)} == set(table.c.keys())
                assert {index["name"] for index in there.get_indexes(table.name)} >= {
                    index.name for index in table.indexes
                }
            assert connection.scalar(select(catalogue.meta.c.value).filter_by(key="schema")) == "2"
            topics = connection.execute(select(catalogue.counters.c.topic, catalogue.counters.c.value)).all()
            assert dict(map(tuple, topics)) == dict.fromkeys(catalogue.TOPICS, 0) | {"items": 3, "labels": 1}
        ws.log.label([0], "dog", user="ada", how="key")
    with Workspace.open(path) as ws:
        assert ws.labels() == {0: "dog"}


def test_an_upgrade_that_fails_changes_nothing(tmp_path, monkeypatch):
    path = old_catalogue(tmp_path / "w")
    impossible = MetaData()
    Table("counters", impossible, Column("new", Integer, nullable=True))
    Table("events", impossible, Column("needed", Integer, nullable=False))
    monkeypatch.setattr(catalogue, "metadata", impossible)
    with pytest.raises(WorkspaceError, match="NOT NULL"):
        Workspace.open(path)
    monkeypatch.undo()
    with sqlite3.connect(path / catalogue.FILE_NAME) as old:
        assert [row[1] for row in old.execute("pragma table_info(counters)")] == ["topic", "value"]
        assert old.execute("select value from meta where key = 'schema'").fetchone() == ("1",)
    old.close()


def test_four_processes_may_open_the_same_older_catalogue(tmp_path):
    path = old_catalogue(tmp_path / "w")
    code = "import sys; from shoal.workspace import Workspace; print(len(Workspace.open(sys.argv[1]).items))"
    opened = [
        subprocess.Popen(
            [sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [process.communicate() for process in opened] == [("1\n", "")] * 4


def test_the_linked_sqlite_is_safe():
    module = pytest.importorskip("pysqlite3")
    chosen = catalogue.newest_sqlite()
    assert chosen.sqlite_version_info >= module.sqlite_version_info
    assert chosen.sqlite_version_info >= catalogue.SAFE_WAL
    assert (chosen.threadsafety, "THREADSAFE=1") >= (1, "")


def test_the_safe_journal_is_in_force(ws):
    if not ws._catalogue.safe_wal:
        pytest.skip("no SQLite >= 3.51.3 is installed")
    with ws._catalogue.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert "write-ahead log" in ws.storage


def test_an_old_sqlite_falls_back_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "newest_sqlite", lambda: sqlite3)
    monkeypatch.setattr(catalogue, "SAFE_WAL", (99, 0, 0))
    with labelled_workspace(tmp_path / "w", 4) as ws:
        assert "rollback journal" in ws.storage
        with ws._catalogue.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
        ws.log.label([2], "cat", user="u", how="key")
        with Workspace.open(tmp_path / "w") as other:
            assert other.log.current().tolist() == [-1, -1, 0, -1]
            other.log.undo(user="u")
        assert ws.log.current().tolist() == [-1, -1, -1, -1]
    assert not (tmp_path / "w" / "catalogue.sqlite-wal").exists()


def test_an_old_sqlite_refuses_a_log_in_use(tmp_path, monkeypatch):
    with labelled_workspace(tmp_path / "w", 1) as ws:
        if not ws._catalogue.safe_wal:
            pytest.skip("no SQLite >= 3.51.3 is installed")
        monkeypatch.setattr(catalogue, "SAFE_WAL", (99, 0, 0))
        monkeypatch.setattr(catalogue, "BUSY_TIMEOUT_S", 0.1)
        with pytest.raises(WorkspaceError):
            Workspace.open(tmp_path / "w")


def test_four_processes_may_create_the_same_workspace(tmp_path):
    code = (
        "import sys; from shoal.workspace import Workspace\n"
        "with Workspace.open(sys.argv[1], create=True) as ws: ws.set_setting(sys.argv[2], 'yes')"
    )
    made = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "w", str(n)], stderr=subprocess.PIPE)
        for n in range(4)
    ]
    assert [process.communicate()[1].decode() for process in made] == [""] * 4
    with Workspace.open(tmp_path / "w") as ws:
        assert ws.settings() == {str(n): "yes" for n in range(4)}


def test_importing_the_room_loads_nothing_heavy():
    code = "import shoal.workspace, sys; print([m for m in ('pyarrow', 'torch') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
