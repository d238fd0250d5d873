import time

import pytest

from shoal.formats import LabelPair, match_paths


def match(paths: dict[str, str], names: list[str]) -> tuple[dict[int, str], list[str]]:
    return match_paths([LabelPair(path, name) for path, name in paths.items()], names)


@pytest.mark.parametrize(
    ("path", "names", "item"),
    [
        ("a.jpg", ["b.jpg", "a.jpg"], 1),
        ("a.jpg", ["x/a.jpg", "a.jpg"], 1),
        ("a.jpg", ["x/b.jpg", "x/a.jpg"], 1),
        ("x/a.jpg", ["x/a.jpg", "y/x/a.jpg"], 0),
        ("photos/x/a.jpg", ["a.jpg", "x/a.jpg"], 1),
        ("/home/me/photos/x/a.jpg", ["x/a.jpg", "y/a.jpg"], 0),
        ("./x/a.jpg", ["x/a.jpg"], 0),
        ("x\\a.jpg", ["x/a.jpg"], 0),
        ("x\\a.jpg", ["x/a.jpg", "x\\a.jpg"], 1),
        ("caf\udce9.jpg", ["caf\\xe9.jpg"], 0),
    ],
)
def test_a_path_means_an_item(path: str, names: list[str], item: int):
    assert match({path: "cat"}, names) == ({item: "cat"}, [])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("c.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg", ["x/a.jpg", "y/a.jpg"]),
        ("a.jpg", ["xa.jpg", "x/ba.jpg"]),
        ("xa.jpg", ["a.jpg"]),
        ("a.jpg", ["a.jpg", "a.jpg"]),
        ("photos/a.jpg", ["a.jpg", "a.jpg"]),
        (".", ["a.jpg"]),
        ("/", ["a.jpg", ""]),
        ("a.jpg", []),
    ],
)
def test_a_path_that_means_no_single_item_is_returned(path: str, names: list[str]):
    assert match({path: "cat"}, names) == ({}, [path])


def test_an_exact_path_beats_one_that_only_ends_alike():
    assert match({"photos/a.jpg": "dog", "a.jpg": "cat"}, ["a.jpg"]) == ({0: "cat"}, ["photos/a.jpg"])


def test_names_may_come_by_id():
    assert match_paths([LabelPair("a", "cat")], {7: "a", 9: "b"}) == ({7: "cat"}, [])


def test_many_unknown_paths_in_a_flat_pile_take_no_time():
    names = [f"{k}.jpg" for k in range(50_000)]
    begun = time.process_time()
    found, unmatched = match({f"x{k}.jpg": "cat" for k in range(50_000)}, names)
    assert (len(found), len(unmatched)) == (0, 50_000)
    assert time.process_time() - begun < 30, "quadratic would take minutes"
