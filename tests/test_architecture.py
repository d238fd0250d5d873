"""Who may import whom: the rooms know only the words, and meet in the pipeline."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "shoal"
WORDS = {"types", "registry", "folders", "transparency", "arrays"}
ALSO = {
    "training": {"samplers", "networks", "views"},
    "introspection": {"networks"},
    "backbones": {"networks"},
    "clustering": {"networks", "samplers", "views"},
}
"""What a room may know beyond the words: a part that imports nothing but the words itself."""
ROOMS = {path.name for path in SRC.iterdir() if path.is_dir() and path.name not in {"__pycache__", "server"}}


def imports_of(path: Path) -> set[str]:
    """The names directly below `shoal` that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "shoal":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("shoal.")}
    return found - {"__version__"}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_know_only_the_words_and_themselves(room):
    for path in (SRC / room).rglob("*.py"):
        strangers = imports_of(path) - WORDS - {room} - ALSO.get(room, set())
        assert not strangers, f"{path.relative_to(SRC)} imports {strangers}"


def test_what_rooms_may_also_know_knows_the_words_alone():
    for also in set().union(*ALSO.values()):
        assert imports_of(SRC / f"{also}.py") <= WORDS


def test_words_import_nothing_of_ours():
    assert imports_of(SRC / "types.py") == set()
    assert imports_of(SRC / "registry.py") == imports_of(SRC / "arrays.py") == {"types"}


def test_server_stands_on_workspace_alone():
    for path in (SRC / "server").rglob("*.py"):
        assert imports_of(path) <= WORDS | {"workspace", "server"}, path


def test_importing_shoal_loads_nothing_heavy():
    code = "import shoal, shoal.cli, sys; print(list(sys.modules))"
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in heavy
    assert "onnxruntime" not in heavy
    assert "fastapi" not in heavy


FORBIDDEN = [
    (r"\bimport pickle\b|\bpickle\.load", "pickle runs code from data"),
    (r"torch\.load\((?![^)]*weights_only=True)", "torch.load without weights_only=True runs code from data"),
    (r"np\.load\((?![^)]*allow_pickle=False)", "np.load without allow_pickle=False runs code from data"),
]


@pytest.mark.parametrize(("pattern", "why"), FORBIDDEN)
def test_no_code_runs_from_data(pattern, why):
    for path in SRC.rglob("*.py"):
        assert not re.search(pattern, path.read_text()), f"{path.relative_to(SRC)}: {why}"
