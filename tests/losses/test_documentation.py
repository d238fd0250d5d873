"""Every Python example of the pages on losses runs."""

import re
from pathlib import Path

import pytest
import torch

from shoal.losses import LOSSES

PAGES = Path(__file__).parents[2] / "docs" / "losses"
LINES = 10


def examples(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


EXAMPLES = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in sorted(PAGES.glob("*.md"))
    for number, code in enumerate(examples(page))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs(code):
    torch.manual_seed(0)
    exec(compile(code, "example", "exec"), {})


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_has_ten_lines_at_most(code):
    assert len([line for line in code.splitlines() if line.strip()]) <= LINES


@pytest.mark.parametrize("row", LOSSES.names())
def test_the_page_has_an_example_that_states_a_fact(row):
    name = LOSSES.load(row).__name__
    assert any(name in code and "\nassert " in code for code in examples(PAGES / f"{row}.md"))


@pytest.mark.parametrize("row", LOSSES.names())
def test_the_page_has_a_formula_a_source_and_says_when(row):
    page = (PAGES / f"{row}.md").read_text()
    assert re.search(r"^ {4}\S", page, re.MULTILINE)
    assert re.search(r"\*\*Source\.\*\*[^*]*\b(19|20)\d\d\b", page)
    assert re.search(r"\*\*When[.,]", page)


def test_miners_and_samplers_are_all_on_their_pages():
    import inspect

    from shoal import miners, samplers

    names = [n for n, f in inspect.getmembers(miners, inspect.isfunction) if f.__module__ == "shoal.miners"]
    page = (PAGES / "miners.md").read_text()
    assert [n for n in names if not n.startswith("_") and f"`{n}`" not in page] == []
    classes = [
        n for n, c in inspect.getmembers(samplers, inspect.isclass) if c.__module__ == "shoal.samplers"
    ]
    page = (PAGES / "samplers.md").read_text()
    assert [n for n in classes if not n.startswith("_") and f"`{n}`" not in page] == []
