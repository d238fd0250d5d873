"""Every Python example of the pages on losses runs."""

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "losses"
EXAMPLES = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in sorted(PAGES.glob("*.md"))
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_runs(code):
    exec(compile(code, "example", "exec"), {})


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


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
