"""One row, one name; a typo gets a hint."""

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
