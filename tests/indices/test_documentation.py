"""Every Python example of the page on indices runs."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "indices.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_has_ten_lines_at_most(code):
    assert len([line for line in code.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs(code, capsys):
    exec(compile(code, "example", "exec"), {})
    assert "silhouette-squared" in capsys.readouterr().out


def test_there_is_an_example():
    assert EXAMPLES
