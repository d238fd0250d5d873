"""The loaders, on small stand-ins of the real thing; and the splits."""

import gzip
import json
import struct
import wave
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from experiments import running, splits
from experiments.data import Pictures, caltech101, cifar100, cub, fashion, mnist, stand_in
from experiments.data.cifar import superclasses
from experiments.data.omniglot import omniglot, turned
from experiments.data.pictures import first_of_each
from experiments.data.sounds import read_wave, spoken_digits
from experiments.data.texts import ag_news, as_numbers, vocabulary, words_of
from experiments.deepcluster.networks import pack, unpack
from experiments.fewshot.run import _split as alphabet_split
from experiments.running import NotHere


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


def test_idx_files(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
    labels = np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.uint8)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    for load in (mnist, fashion):
        found = load("test", folder=tmp_path)
        assert (found.pixels == images).all()
        assert (found.labels == labels).all()
        assert len(found.classes) == 10


def test_cifar_sheets(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 50, 32, 32, 3), dtype=np.uint8)
    (tmp_path / "test").mkdir()
    for k, name in enumerate(("apple", "bee")):
        sheet = pixels[k].reshape(2, 25, 32, 32, 3).swapaxes(1, 2).reshape(64, 800, 3)
        Image.fromarray(sheet).save(tmp_path / "test" / f"{name}.webp", lossless=True)
    (tmp_path / "classes.json").write_text(
        json.dumps({"classes": ["apple", "bee"], "coarse": {"apple": "fruit", "bee": "animals"}})
    )
    found = cifar100("test", folder=tmp_path)
    assert found.classes == ("apple", "bee")
    assert (found.pixels == pixels.reshape(-1, 32, 32, 3)).all()
    assert found.labels.tolist() == [0] * 50 + [1] * 50
    assert superclasses(folder=tmp_path).tolist() == [1, 0]


def test_folders_of_photographs(tmp_path):
    for name in ("ant/1.jpg", "ant/0.jpg", "bass/0.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = caltech101(folder=tmp_path)
    assert [file.name for file in found.files] == ["0.jpg", "1.jpg", "0.jpg"]
    assert found.labels.tolist() == [0, 0, 1]


def test_birds(tmp_path):
    (tmp_path / "classes.txt").write_text("1 001.Albatross\n2 002.Auk\n")
    (tmp_path / "images.txt").write_text("1 001.Albatross/a.jpg\n2 002.Auk/b.jpg\n3 001.Albatross/c.jpg\n")
    (tmp_path / "image_class_labels.txt").write_text("1 1\n2 2\n3 1\n")
    found = cub(folder=tmp_path)
    assert found.labels.tolist() == [0, 1, 0]
    assert found.files[1] == tmp_path / "images" / "002.Auk" / "b.jpg"


@pytest.mark.parametrize("load", [cifar100, caltech101, cub, mnist])
def test_what_is_missing_is_named(load, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_DATA", str(tmp_path))
    with pytest.raises(NotHere, match=r"\$SHOAL_DATA"):
        load()


def test_pictures_are_taken_class_by_class():
    pictures = stand_in(3, 5, size=8)
    assert isinstance(pictures, Pictures)
    few = pictures.first(2)
    assert few.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert first_of_each(np.array([1, 0, 1, 0, 1]), 1).tolist() == [0, 1]


def test_the_published_halves():
    published = (running.HERE / "silhouette" / "README.md").read_text()
    lines = [line for line in published.splitlines() if line.startswith("- split ")]
    assert len(lines) == 5
    for seed, line in enumerate(lines):
        split = splits.halves(100, seed)
        assert line == f"- split {seed}: {', '.join(map(str, split.seen))}"
        assert sorted([*split.seen, *split.unseen]) == list(range(100))
        assert len(split.tuning) == 10
        assert set(split.tuning) < set(split.seen)


def test_whole_groups_are_unseen_together():
    groups = np.arange(100) // 5
    split = splits.whole_groups(groups, 0, unseen=7)
    assert 7 in groups[split.unseen]
    assert len(split.unseen) == len(split.seen) == 50
    assert not set(groups[split.unseen]) & set(groups[split.seen])
    assert set(split.tuning) < set(split.seen)


def test_training_never_holds_a_test_class():
    labels = np.repeat(np.arange(10), 4)
    split = splits.halves(10, 0)
    known = splits.known_part(np.arange(80.0).reshape(40, 2), labels, split)
    assert set(known.labels) == set(split.seen)
    assert known.vectors.shape == (20, 2)
    assert not set(known.tuning) & set(split.unseen)


def test_omniglot_from_a_zip(tmp_path):
    file = tmp_path / "omniglot.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("Greek/character01/a_01", "Greek/character02/b_01", "Latin/character01/c_01"):
            image = Image.new("1", (105, 105), 1)
            image.paste(0, (0, 0, 105, 52))
            out = BytesIO()
            image.save(out, "PNG")
            archive.writestr(f"omniglot/{name}.png", out.getvalue())
    found = omniglot(file=file)
    assert found.drawings.pixels.shape == (3, 28, 28)
    assert found.drawings.pixels[0, 0, 0] == 255  # ink is 0 in the file
    assert found.drawings.pixels[0, -1, 0] == 0
    assert found.drawings.labels.tolist() == [0, 1, 2]
    assert found.alphabets.tolist() == [0, 0, 1]
    four = turned(found.drawings)
    assert len(four) == 12
    assert (four.pixels[3] == np.rot90(found.drawings.pixels[0])).all()
    assert four.labels[3] == 1


@pytest.mark.parametrize("first", [0, 4])
def test_no_alphabet_trains_and_is_asked_about(first, tmp_path, monkeypatch):
    names = ["Angelic", "Balinese", "Greek", "Korean", "Latin", "Sanskrit", "Tagalog", "Tengwar"]
    (tmp_path / "omniglot").mkdir()
    with zipfile.ZipFile(tmp_path / "omniglot" / "omniglot_8alphabets.zip", "w") as archive:
        for name in names:
            for character in ("character01", "character02"):
                out = BytesIO()
                Image.new("1", (8, 8), 1).save(out, "PNG")
                archive.writestr(f"omniglot/{name}/{character}/a_01.png", out.getvalue())
    monkeypatch.setenv("SHOAL_DATA", str(tmp_path))

    def alphabets(drawings):
        return {drawings.classes[label].split("/")[0] for label in drawings.labels}

    pairs = []
    for seed in range(first, first + 4):
        learned, asked, said = alphabet_split(seed, smoke=False)
        assert alphabets(asked) == set(said.split(", "))
        assert len(alphabets(asked)) == 2
        assert alphabets(learned) == set(names) - alphabets(asked)
        pairs += sorted(alphabets(asked))
    assert sorted(pairs) == names


def test_news(tmp_path):
    file = tmp_path / "news.csv"
    file.write_text('label,title,description\nSports,"Won, again",5 to 3\nBusiness,Up,Stocks up\n')
    found = ag_news(file=file)
    assert found.classes == ("Business", "Sports")
    assert found.labels.tolist() == [1, 0]
    assert words_of(found.texts[0]) == ["won", "again", "0", "to", "0"]
    known = vocabulary(["up up down", "up"], least=2)
    assert known == {"up": 2}
    assert as_numbers(["up down", ""], known, length=3).tolist() == [[2, 1, 0], [0, 0, 0]]


def test_a_tone_is_one_line_of_its_picture(tmp_path):
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    with wave.open(str(tmp_path / "3_anna_0.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes((32767 * samples).astype("<i2").tobytes())
    assert np.allclose(read_wave(tmp_path / "3_anna_0.wav"), samples, atol=1e-4)
    found = spoken_digits(folder=tmp_path)
    assert found.digits.tolist() == [3]
    assert found.names == ("anna",)
    loudest = found.pictures[0].sum(axis=1).argmax()
    # 1,000 Hz lies at mel 1000 of 2146: 46.6 % up
    assert abs((63 - loudest) / 64 - 0.466) < 0.03


def test_pictures_pack_and_unpack():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert (unpack(pack(array), (2, 3, 4)) == array).all()
