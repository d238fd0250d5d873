"""One row, one name; a typo gets a hint."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from shoal.registry import Registry
from shoal.types import ShoalError

ROWS = Registry("loss", {"triplet": "collections:OrderedDict", "center": "nowhere.at.all:Center"})


def test_a_row_is_imported_on_use():
    from collections import OrderedDict

    assert ROWS.load("triplet") is OrderedDict
    with pytest.raises(ModuleNotFoundError):
        ROWS.load("center")


def test_a_typo_names_the_nearest_and_all():
    with pytest.raises(
        ShoalError, match=r"no loss 'triplett'\. Did you mean 'triplet'\? There are: triplet, center\."
    ):
        ROWS.load("triplett")


def test_third_parties_add_rows_by_the_plural_of_the_kind(monkeypatch):
    from importlib.metadata import EntryPoint

    from shoal import registry
    from shoal.backbones import BACKBONES
    from shoal.indices import INDICES
    from shoal.losses import LOSSES

    assert [each.group for each in (BACKBONES, INDICES, LOSSES)] == [
        "shoal.backbones",
        "shoal.indices",
        "shoal.losses",
    ]
    theirs = EntryPoint("theirs", "collections:Counter", "shoal.losses")
    monkeypatch.setattr(registry, "entry_points", lambda group: [theirs] if group == theirs.group else [])
    assert "theirs" in LOSSES.names()
    assert "theirs" not in INDICES.names()
    assert LOSSES.load("theirs").__name__ == "Counter"


ROOMS = ["backbones", "clustering", "indices", "introspection", "losses", "training"]


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_loaded_on_use_is_listed_and_there(room):
    module = import_module(f"shoal.{room}")
    tables = {name for name, value in vars(module).items() if isinstance(value, Registry)}
    # written out, because type checkers and editors read it and run nothing
    assert sorted(module.__all__) == sorted({*module._PLACES, *tables})
    assert set(module.__all__) <= set(dir(module))
    starred: dict[str, object] = {}
    exec(f"from shoal.{room} import *", starred)
    assert all(starred[name] is getattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing_like_it'"):
        module.nothing_like_it  # noqa: B018


@pytest.mark.parametrize("room", ROOMS)
def test_type_checkers_are_told_where_each_is_from(room):
    module = import_module(f"shoal.{room}")
    tree = ast.parse(Path(module.__file__).read_text())
    told = {
        alias.name: one.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    assert told.keys() == module._PLACES.keys()
    for name, place in told.items():
        assert getattr(import_module(place), name) is getattr(module, name)
