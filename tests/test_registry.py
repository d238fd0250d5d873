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
