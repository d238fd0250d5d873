import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.demos.fake_clients import Machine

from shoal.demos import DEMOS
from shoal.demos.archives import files
from shoal.demos.emoji import Emoji, identity
from shoal.demos.fashion import Fashion
from shoal.demos.pile import Draft, kept
from shoal.demos.solar import Solar
from shoal.types import ShoalError


def quiet(_: str) -> None:
    """Say nothing."""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def emoji(machine: Machine) -> Machine:
    table = {
        "#️⃣": {"slug": "keycap_#", "group": "Symbols"},
        "👋": {"slug": "waving_hand", "group": "People & Body"},
        "🏴\U000e0067\U000e0062\U000e007f": {"slug": "flag_england", "group": "Flags"},
    }
    machine.tgz("categories.tgz", {"package/data-by-emoji.json": json.dumps(table).encode()})
    stems = ["0023-fe0f-20e3", "1f44b", "1f44b-1f3fb", "1f3f4-e0067_e0062", "1fffe"]
    pictures = {f"package/assets/{stem}.webp": stem.encode() for stem in stems}
    machine.tgz("pictures.tgz", {"package/package.json": b"{}", "package/evil.webp": b"?", **pictures})
    return machine


def test_emoji_pictures_get_readable_names_and_their_category(emoji: Machine, tmp_path: Path):
    said: list[str] = []
    pile = Emoji().fetch(tmp_path / "demos", said.append)
    assert tree(pile.path) == {
        "keycap.0023-fe0f-20e3.webp": b"0023-fe0f-20e3",
        "waving_hand.1f44b.webp": b"1f44b",
        "waving_hand.1f44b-1f3fb.webp": b"1f44b-1f3fb",
        "flag_england.1f3f4-e0067_e0062.webp": b"1f3f4-e0067_e0062",
        "1fffe.webp": b"1fffe",
    }
    assert pile.truth == {
        b"keycap.0023-fe0f-20e3.webp": "Symbols",
        b"waving_hand.1f44b.webp": "People & Body",
        b"flag_england.1f3f4-e0067_e0062.webp": "Flags",
    }
    assert "MIT" in said[0]
    assert "MIT" in (pile.path.parent / "LICENCE.txt").read_text()


def test_a_second_fetch_downloads_nothing(emoji: Machine, tmp_path: Path):
    first = Emoji().fetch(tmp_path / "demos", quiet)
    calls = emoji.calls()
    assert len(calls) == 2
    assert Emoji().fetch(tmp_path / "demos", quiet) == first
    assert emoji.calls() == calls


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("0023-fe0f-20e3", "23-20e3"),
        ("1f44b-1f3fb", "1f44b"),
        ("1F3F4-E0067_E0062-e007f", "1f3f4-e0067-e0062"),
        ("a9", "a9"),
    ],
)
def test_identity_by_hand(stem: str, expected: str):
    assert identity(stem) == expected


def test_a_failed_download_says_why_and_leaves_nothing(emoji: Machine, tmp_path: Path):
    (emoji.box / "broken").write_text("npm error code ENOTFOUND\nnpm error network no route\n")
    with pytest.raises(ShoalError, match=r"ended with 7.*ENOTFOUND.*no route") as caught:
        Emoji().fetch(tmp_path / "demos", quiet)
    assert "warn old" not in str(caught.value)
    assert list((tmp_path / "demos").iterdir()) == []
    (emoji.box / "broken").unlink()
    assert Emoji().fetch(tmp_path / "demos", quiet).truth


def test_without_npm_the_line_that_installs_it_is_named(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ShoalError, match=r"pip install 'shoal\[demo\]'"):
        Emoji().fetch(tmp_path / "demos", quiet)


def test_a_package_without_its_pictures_is_refused(emoji: Machine, tmp_path: Path):
    emoji.tgz("pictures.tgz", {"package/README.md": b"moved"})
    with pytest.raises(ShoalError, match="no emoji pictures"):
        Emoji().fetch(tmp_path / "demos", quiet)


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "member",
    [
        {"../escaped.webp": b"x"},
        {"package/assets/../../../escaped.webp": b"x"},
        {"/tmp/escaped.webp": b"x"},
        {"package\\..\\escaped.webp": b"x"},
        {"l": link("package/assets/1f44b.webp", "/etc/passwd", tarfile.SYMTYPE)},
        {"l": link("package/assets/1f44b.webp", "../../box", tarfile.LNKTYPE)},
        {"f": link("package/assets/1f44b.webp", "", tarfile.FIFOTYPE)},
    ],
)
def test_hostile_archives_are_refused_as_a_whole(
    emoji: Machine, tmp_path: Path, member: dict[str, bytes | tarfile.TarInfo]
):
    emoji.tgz("pictures.tgz", {"package/assets/1f600.webp": b"fine", **member})
    before = {str(p) for p in tmp_path.rglob("*")}
    with pytest.raises(ShoalError, match=r"pictures\.tgz is refused"):
        Emoji().fetch(tmp_path / "demos", quiet)
    after = {str(p) for p in tmp_path.rglob("*")}
    assert after - before == {str(tmp_path / "demos"), str(tmp_path / "box" / "calls")}


def test_hostile_zips_are_refused(machine: Machine):
    climbing = machine.wheel("a.whl", {"../escaped.png": b"x"})
    with pytest.raises(ShoalError, match="leads out of it"):
        list(files(climbing))
    linked = machine.box / "b.whl"
    with zipfile.ZipFile(linked, "w") as parcel:
        info = zipfile.ZipInfo("images/cell.png")
        info.external_attr = 0o120777 << 16
        parcel.writestr(info, "/etc/passwd")
    with pytest.raises(ShoalError, match="a link or a device"):
        list(files(linked))


def test_an_archive_that_unpacks_to_too_much_is_refused(machine: Machine):
    bomb = machine.tgz("bomb.tgz", {"package/big": bytes((64 << 20) + 1)})
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(ShoalError, match="more than the"):
        list(files(bomb))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_damaged_archives_are_refused(emoji: Machine, keep: int):
    whole = (emoji.box / "pictures.tgz").read_bytes()
    torn = emoji.box / "torn.tgz"
    torn.write_bytes(whole[:keep])
    with pytest.raises(ShoalError, match="damaged"):
        list(files(torn))


def solar_members() -> dict[str, bytes]:
    rows = {"cell1.png": "1.0", "cell2.png": "0.0", "cell3.png": "0.3333333333333333"}
    table = "".join(f"images/{name}  {chance}    mono\n" for name, chance in rows.items())
    return {
        "elpv_dataset/data/labels.csv": table.encode(),
        "elpv_dataset/utils.py": b"print('never run')",
        "elpv_dataset-1.dist-info/licenses/LICENSE.md": b"the words of the licence",
        **{f"elpv_dataset/data/images/{name}": name.encode() for name in rows},
    }


def test_solar_pictures_their_truth_and_their_licence(machine: Machine, tmp_path: Path):
    machine.wheel("elpv.whl", solar_members())
    said: list[str] = []
    pile = Solar().fetch(tmp_path / "demos", said.append)
    assert set(tree(pile.path)) == {"cell1.png", "cell2.png", "cell3.png"}
    assert pile.truth == {b"cell1.png": "defective", b"cell2.png": "sound", b"cell3.png": "probably sound"}
    assert "the words of the licence" in (pile.path.parent / "LICENCE.txt").read_text()
    again: list[str] = []
    Solar().fetch(tmp_path / "demos", again.append)
    assert "BY-NC-SA" in said[0]
    assert "BY-NC-SA" in again[0], "the licence is shown every time"
    assert "-m pip download --no-deps --only-binary :all:" in machine.calls()[0]


@pytest.mark.parametrize(
    "table", [b"", b"images/cell1.png 0.5 mono\n", b"one two\n", b"images/x.png 1.0 mono\n"]
)
def test_solar_labels_that_do_not_fit_are_refused(machine: Machine, tmp_path: Path, table: bytes):
    machine.wheel("elpv.whl", {**solar_members(), "elpv_dataset/data/labels.csv": table})
    with pytest.raises(ShoalError, match="elpv-dataset"):
        Solar().fetch(tmp_path / "demos", quiet)


def test_a_python_without_pip_is_reported(machine: Machine, tmp_path: Path):
    (machine.box / "broken").write_text("python: No module named pip\n")
    with pytest.raises(ShoalError, match="No module named pip"):
        Solar().fetch(tmp_path / "demos", quiet)


def fashion_package(folder: Path) -> tuple[Path, np.ndarray]:
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    for prefix, count in (("train", 3), ("t10k", 2)):
        head = struct.pack(">4I", 2051, count, 28, 28)
        part = images[:count] if prefix == "train" else images[3:]
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + part.tobytes()))
        labels = struct.pack(">2I", 2049, count) + bytes([9, 0, 5][:count])
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return folder, images


def test_fashion_pictures_are_exact(tmp_path: Path):
    package, images = fashion_package(tmp_path / "package")
    pile = Fashion(package).fetch(tmp_path / "demos", quiet)
    assert pile.truth == {
        b"train/00000.png": "ankle boot",
        b"train/00001.png": "T-shirt",
        b"train/00002.png": "sandal",
        b"test/00000.png": "ankle boot",
        b"test/00001.png": "T-shirt",
    }
    for name, expected in (("train/00002.png", images[2]), ("test/00001.png", images[4])):
        assert np.array_equal(np.asarray(Image.open(pile.path / name)), expected)


def test_fashion_without_the_package_names_the_apt_line(tmp_path: Path):
    with pytest.raises(ShoalError, match="apt install dataset-fashion-mnist"):
        Fashion(tmp_path / "nothing").fetch(tmp_path / "demos", quiet)


@pytest.mark.parametrize(
    "data",
    [b"", b"not gzip", gzip.compress(b""), gzip.compress(struct.pack(">4I", 1, 3, 28, 28))],
    ids=["empty", "not-gzip", "nothing-packed", "another-magic"],
)
def test_a_damaged_fashion_package_is_refused(tmp_path: Path, data: bytes):
    package, _ = fashion_package(tmp_path / "package")
    (package / "train-images-idx3-ubyte.gz").write_bytes(data)
    with pytest.raises(ShoalError, match="damaged"):
        Fashion(package).fetch(tmp_path / "demos", quiet)


def one_picture(draft: Draft) -> None:
    draft.add("a.png", b"a")
    draft.finish({"a.png": "A"}, "free")


def test_what_a_killed_run_left_is_swept_only_when_old(tmp_path: Path):
    young, old = tmp_path / ".pile-young", tmp_path / ".pile-old"
    for draft in (young, old):
        (draft / "pictures").mkdir(parents=True)
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    assert kept(tmp_path, "pile", one_picture).truth == {b"a.png": "A"}
    assert sorted(p.name for p in tmp_path.iterdir()) == [".pile-young", "pile"]


def test_a_run_killed_midway_is_begun_again(tmp_path: Path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom shoal.demos.pile import kept\n"
        "def build(draft):\n    draft.add('half.png', b'x')\n    os.kill(os.getpid(), 9)\n"
        "kept(Path(sys.argv[1]), 'pile', build)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    assert not (tmp_path / "pile").exists()
    assert set(tree(kept(tmp_path, "pile", one_picture).path)) == {"a.png"}


def test_of_two_that_build_at_once_one_pile_remains(tmp_path: Path):
    def slower(draft: Draft) -> None:
        kept(tmp_path, "pile", one_picture)
        draft.add("b.png", b"b")
        draft.finish({"b.png": "B"}, "free")

    assert kept(tmp_path, "pile", slower).truth == {b"a.png": "A"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pile"]


def test_a_folder_that_is_no_demo_is_never_touched(tmp_path: Path):
    (tmp_path / "pile").mkdir()
    (tmp_path / "pile" / "mine.txt").write_text("precious")
    with pytest.raises(ShoalError, match="not a whole demo"):
        kept(tmp_path, "pile", one_picture)
    assert (tmp_path / "pile" / "mine.txt").read_text() == "precious"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ShoalError, match="cannot be written"):
        kept(tmp_path / "file", "pile", one_picture)


@pytest.mark.parametrize("name", ["emoji", "solar", "fashion"])
def test_every_demo_describes_itself(name: str):
    demo = DEMOS.load(name)()
    assert demo.name == name
    assert demo.licence
    assert demo.description


@pytest.mark.skipif(os.environ.get("SHOAL_ONLINE") != "1", reason="downloads 16 MB: set SHOAL_ONLINE=1")
def test_the_real_emoji(tmp_path: Path):
    pile = Emoji().fetch(tmp_path, quiet)
    names = sorted(tree(pile.path))
    assert len(names) == 3_391
    assert pile.truth is not None
    assert len(pile.truth) == 1_871
    assert len(set(pile.truth.values())) == 9
    picture = Image.open(io.BytesIO((pile.path / names[0]).read_bytes()))
    assert picture.size == (256, 256)
