import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.formats import EXPORTS, IMPORTS, LabelPair, LabelRow, form_of, read_labels
from shoal.formats.csv import guard, unguard
from shoal.formats.rows import escape, iso_time, label_pair, path_text, unescape
from shoal.types import ShoalError

HOSTILE = [
    "a.jpg",
    "cats/a, b.jpg",
    'quote".jpg',
    "line\nbreak.jpg",
    "carriage\r.jpg",
    "=HYPERLINK(1)",
    "+1",
    "-1.jpg",
    "@SUM",
    "\ttab",
    "'=already",
    "'plain",
    "日本/猫.png",
    "C:\\photos\\a.jpg",
    "\\xff literal",
    " blank ",
    "\u2028separator",
]


def row(name: str = "a.jpg", class_name: str = "cat", *, key: bytes | None = None, seq: int = 7) -> LabelRow:
    raw = name.encode() if key is None else key
    return LabelRow(name, "file:///photos", class_name, "ada", "lasso", 1714564800.25, seq, raw)


def written(form: str, rows: list[LabelRow], folder: Path) -> Path:
    target = folder / f"labels.{form}"
    assert EXPORTS.load(form)().write(rows, target) == len(rows)
    return target


def test_csv_by_hand(tmp_path: Path):
    target = written("csv", [row(), row("=1,2.jpg", "a\nb")], tmp_path)
    assert target.read_bytes() == (
        b"path,class,source,user,how,time,seq,round,confidence\r\n"
        b"a.jpg,cat,file:///photos,ada,lasso,2024-05-01T12:00:00.250Z,7,,\r\n"
        b'"\'=1,2.jpg","a\nb",file:///photos,ada,lasso,2024-05-01T12:00:00.250Z,7,,\r\n'
    )


def test_an_accepted_prediction_leaves_with_its_round_and_confidence(tmp_path: Path):
    accepted = replace(row(), how="accept", round=3, confidence=0.93755)
    assert (
        b",accept,2024-05-01T12:00:00.250Z,7,3,0.9375\r\n"
        in written("csv", [accepted], tmp_path).read_bytes()
    )
    record = json.loads(written("jsonl", [accepted], tmp_path).read_text())
    assert (record["round"], record["confidence"]) == (3, 0.9375)
    table = pq.read_table(written("parquet", [accepted, row("b.jpg")], tmp_path))
    assert table["round"].to_pylist() == [3, None]
    assert table["confidence"].to_pylist() == [pytest.approx(0.93755), None]


def test_jsonl_by_hand(tmp_path: Path):
    target = written("jsonl", [row("ü.jpg")], tmp_path)
    assert target.read_text() == (
        '{"path": "ü.jpg", "class": "cat", "source": "file:///photos", "user": "ada", "how": "lasso", '
        '"time": "2024-05-01T12:00:00.250Z", "seq": 7, "round": null, "confidence": null}\n'
    )


def test_parquet_columns(tmp_path: Path):
    table = pq.read_table(written("parquet", [row(), row("=x")], tmp_path))
    assert table.column_names == [
        *["path", "class", "source", "user", "how", "time", "seq", "round", "confidence"]
    ]
    assert table["path"].to_pylist() == ["a.jpg", "=x"]
    assert table["time"].to_pylist()[0].isoformat() == "2024-05-01T12:00:00.250000+00:00"
    assert table["seq"].to_pylist() == [7, 7]


def test_parquet_of_nothing_keeps_its_types(tmp_path: Path):
    table = pq.read_table(written("parquet", [], tmp_path))
    assert table.num_rows == 0
    assert [str(field.type) for field in table.schema][5:] == [
        "timestamp[ms, tz=UTC]",
        "int64",
        "int64",
        "float",
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_dump_is_what_write_writes(form: str, tmp_path: Path):
    rows = [row(name) for name in HOSTILE]
    assert EXPORTS.load(form)().dump(iter(rows)) == written(form, rows, tmp_path).read_bytes()


@pytest.mark.parametrize("form", IMPORTS.names())
def test_hostile_names_come_back(form: str, tmp_path: Path):
    rows = [row(name, name) for name in HOSTILE] + [row("caf\\xe9.jpg", key=b"caf\xe9.jpg")]
    pairs, problems = read_labels(written(form, rows, tmp_path))
    assert problems == []
    assert pairs == [LabelPair(name, name) for name in HOSTILE] + [LabelPair("caf\udce9.jpg", "cat")]


names = st.one_of(
    st.text(min_size=1),
    st.binary(min_size=1).map(os.fsdecode),
    st.text("\\x58cf\udcff'=-\r\n\",", min_size=1),
)


@settings(deadline=None)
@given(names)
def test_escaping_is_reversible(text: str):
    assert unescape(escape(text)) == text
    assert unguard(guard(text)) == text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=1), st.text(min_size=1).filter(str.strip)), max_size=5))
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_any_bytes_for_a_name_come_back(tmp_path_factory: pytest.TempPathFactory, form: str, labels: list):
    rows = [row(key.decode("utf-8", "backslashreplace"), name[:200], key=key) for key, name in labels]
    path = tmp_path_factory.mktemp("any") / f"labels.{form}"
    path.write_bytes(EXPORTS.load(form)().dump(rows))
    pairs, problems = read_labels(path)
    expected = {key.decode("utf-8", "surrogateescape"): name[:200] for key, name in labels}
    assert {pair.path: pair.class_name for pair in pairs} == expected
    assert all("before; this line counts" in problem for problem in problems)


def test_no_cell_begins_a_formula():
    data = EXPORTS.load("csv")().dump(row(name, name) for name in HOSTILE)
    for line in csv.reader(io.StringIO(data.decode(), newline="")):
        assert not [cell for cell in line if cell and cell[0] in "=+-@\t\r"]


def test_the_path_of_a_row_is_exact_when_its_name_is_its_key():
    assert path_text(row("caf\\xe9", key=b"caf\xe9")) == "caf\\xe9"
    assert path_text(row("caf\\xe9", key=b"caf\\xe9")) == "caf\\x5cxe9"
    assert path_text(row("row 7", key=b"\x00\x07")) == "row 7"


def test_half_a_character_never_stops_an_export():
    for form in ("csv", "jsonl", "parquet"):
        assert EXPORTS.load(form)().dump([row("a.jpg", "half \ud800")])


def test_iso_time_by_hand():
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(951782400.9994) == "2000-02-29T00:00:00.999Z"


def failing_rows():
    yield row()
    raise RuntimeError("power cut")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_failed_export_leaves_the_old_file(form: str, tmp_path: Path):
    target = written(form, [row()], tmp_path)
    before = target.read_bytes()
    with pytest.raises(RuntimeError):
        EXPORTS.load(form)().write(failing_rows(), target)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == [target.name]


def test_an_export_that_fails_midway_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = written("csv", [row()], tmp_path)
    before = target.read_bytes()
    beyond_time = LabelRow("b", "s", "c", "u", "h", 1e15, 1, b"b")
    with pytest.raises((ValueError, OverflowError)):
        EXPORTS.load("csv")().write([row(), beyond_time], target)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["labels.csv"]


def test_the_target_may_lie_in_a_new_folder_but_not_in_a_file(tmp_path: Path):
    assert written("csv", [row()], tmp_path / "new" / "deep").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ShoalError, match="cannot write"):
        written("csv", [row()], tmp_path / "file")
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(ShoalError, match="cannot write"):
        written("csv", [row()], tmp_path)


def test_a_link_stays_a_link(tmp_path: Path):
    real = tmp_path / "elsewhere" / "real.csv"
    real.parent.mkdir()
    real.write_text("old")
    link = tmp_path / "labels.csv"
    link.symlink_to(real)
    written("csv", [row()], tmp_path)
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"path,class")


def test_a_new_file_can_be_read_by_others(tmp_path: Path):
    mask = os.umask(0o022)
    try:
        assert written("csv", [row()], tmp_path).stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(mask)


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("labels.csv", "csv"),
        ("a/LABELS.CSV", "csv"),
        ("x.parquet", "parquet"),
        ("x.jsonl", "jsonl"),
        ("out", "imagefolder"),
        ("out/", "imagefolder"),
        ("out.csv/", "imagefolder"),
        ("v1.2/out", "imagefolder"),
    ],
)
def test_the_form_follows_the_target(target: str, form: str):
    assert form_of(target) == form


def test_an_existing_folder_asks_for_images(tmp_path: Path):
    (tmp_path / "set.v2").mkdir()
    assert form_of(str(tmp_path / "set.v2")) == "imagefolder"


@pytest.mark.parametrize("target", ["labels.xlsx", "x.imagefolder", "photo.jpg"])
def test_an_unknown_suffix_is_refused_with_the_choices(target: str):
    with pytest.raises(ShoalError, match=r"\.csv, \.parquet, \.jsonl"):
        form_of(target)


def read(tmp_path: Path, data: bytes, name: str = "labels.csv") -> tuple[list[tuple[str, str]], list[str]]:
    path = tmp_path / name
    path.write_bytes(data)
    pairs, problems = read_labels(path)
    return [(pair.path, pair.class_name) for pair in pairs], problems


@pytest.mark.parametrize(
    "data",
    [
        b"path,class\na.jpg,cat\n",
        b"\xef\xbb\xbfpath,class\r\na.jpg,cat\r\n",
        b'"class","size","Path"\ncat,3,a.jpg',
        b"path,class\n\n\na.jpg,cat,more,cells\n\n",
    ],
)
def test_csv_as_the_world_writes_it(tmp_path: Path, data: bytes):
    assert read(tmp_path, data) == ([("a.jpg", "cat")], [])


def test_bad_csv_lines_are_listed_and_the_good_ones_kept(tmp_path: Path):
    data = (
        b"path,class\na,cat\nonly\n,cat\nb,\nc,caf\xe9\nd,"
        + b"x" * 201
        + b"\ne\xe9,dog\n"
        + b'f"g,"x"y\nh,owl\n'
    )
    pairs, problems = read(tmp_path, data)
    assert pairs == [("a", "cat"), ("e\udce9", "dog"), ("h", "owl")]
    assert [problem.split(":")[0] for problem in problems] == [f"line {n}" for n in (3, 4, 5, 6, 7, 9)]
    for problem, reason in zip(
        problems, ["too few", "path must", "has no class", "not UTF-8", "201 char", "not CSV"], strict=True
    ):
        assert reason in problem


def test_line_numbers_count_lines_not_rows(tmp_path: Path):
    _, problems = read(tmp_path, b'path,class\n"two\nlines",cat\nbad\n')
    assert problems == ["line 4: 1 cells, too few for a path and a class"]


def test_a_quote_that_never_closes_is_reported(tmp_path: Path):
    pairs, problems = read(tmp_path, b'path,class\na,cat\n"b,dog\nc,owl\n')
    assert pairs == [("a", "cat")]
    assert problems == ["line 3: not CSV: unexpected end of data"]


def test_a_cell_beyond_every_limit_is_reported(tmp_path: Path):
    pairs, problems = read(tmp_path, b"path,class\n" + b"x" * 200_000 + b",cat\nb,dog\n")
    assert pairs == [("b", "dog")]
    assert problems[0].startswith("line 2: not CSV: field larger")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a.jpg,cat\n",
        b"path;class\na;b\n",
        b"path,path,class\n",
        "path,class\na,b\n".encode("utf-16"),
        b"\0\1",
    ],
)
def test_a_csv_without_its_header_is_refused(tmp_path: Path, data: bytes):
    with pytest.raises(ShoalError, match="'path' and one 'class'"):
        read(tmp_path, data)


def test_a_later_line_wins_and_contradictions_are_told(tmp_path: Path):
    pairs, problems = read(tmp_path, b"path,class\na,cat\nb,cat\na,dog\nb,cat\n")
    assert pairs == [("a", "dog"), ("b", "cat")]
    assert problems == ["line 4: 'a' was 'cat' before; this line counts"]


def test_bad_jsonl_lines_are_listed_and_the_good_ones_kept(tmp_path: Path):
    lines: list[bytes] = [
        b'\xef\xbb\xbf{"path": "a", "class": "cat", "more": 1}',
        b"",
        b"not json",
        b"[1, 2]",
        b'{"path": "a"}',
        b'{"path": 3, "class": "x"}',
        b'{"path": "b", "class": null}',
        b'{"path": "c", "class": 5}',
        b'{"path": "d", "class": "\\ud800"}',
        b"[" * 100_000,
        b'{"path": "e", "class": "dog"}\r',
    ]
    pairs, problems = read(tmp_path, b"\n".join(lines), "labels.jsonl")
    assert pairs == [("a", "cat"), ("e", "dog")]
    assert [problem.split(":")[0] for problem in problems] == [f"line {n}" for n in range(3, 11)]


def test_a_label_without_a_class_is_a_problem_never_a_deletion():
    assert label_pair("a.jpg", "  ") == "'a.jpg' has no class; its label stays as it is"


@pytest.mark.parametrize("name", ["labels.txt", "labels", "labels.parquet"])
def test_an_unknown_form_of_labels_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ShoalError, match=r"one of \.csv, \.jsonl\."):
        read_labels(tmp_path / name)


def test_a_missing_file_of_labels_is_refused(tmp_path: Path):
    with pytest.raises(ShoalError, match="cannot be read"):
        read_labels(tmp_path / "no.csv")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
@pytest.mark.parametrize("name", ["labels.csv", "labels.jsonl"])
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes):
    head = b"path,class\n" if name.endswith("csv") else b""
    pairs, problems = read(tmp_path_factory.mktemp("fuzz"), head + data, name)
    assert all(isinstance(problem, str) for problem in problems)
    assert all(path and name.strip() for path, name in pairs)


def test_jsonl_lines_are_json(tmp_path: Path):
    for line in EXPORTS.load("jsonl")().dump(row(name) for name in HOSTILE).decode().split("\n")[:-1]:
        assert set(json.loads(line)) == set(
            ["path", "class", "source", "user", "how", "time", "seq", "round", "confidence"]
        )
