"""A fresh workspace for each test."""

import pytest

from shoal.workspace import Workspace


@pytest.fixture
def ws(tmp_path):
    with Workspace.open(tmp_path / "w.shoal", create=True) as workspace:
        yield workspace
