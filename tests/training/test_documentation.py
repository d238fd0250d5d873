"""The page's examples run as they stand."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = [
    (page, number, code)
    for page in ("training.md", "introspection.md")
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))
]


@pytest.mark.parametrize(("page", "number", "code"), EXAMPLES)
def test_the_example_runs(page, number, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len([line for line in code.splitlines() if line]) <= 10, (
        f"example {number} of {page} is no ten-liner"
    )
    exec(compile(code, f"docs/{page}", "exec"), {})
