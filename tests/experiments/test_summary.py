"""The summary for readers and the log: every number with an interval stands in an experiment's own table."""

import re

import pytest

from experiments import running

ROOT = running.HERE.parent
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)? ± \d+(?:\.\d+)?")


@pytest.mark.parametrize("page", ["docs/experiments.md", "experiments/LOG.md"])
def test_every_interval_of_the_summary_stands_in_a_table(page):
    tables = "\n".join((running.HERE / name / "README.md").read_text() for name in running.names())
    known = set(NUMBER.findall(tables))
    told = NUMBER.findall((ROOT / page).read_text())
    assert told
    assert [number for number in told if number not in known] == []


def test_every_experiment_is_in_the_summary():
    page = (ROOT / "docs" / "experiments.md").read_text()
    for name in running.names():
        assert f"../experiments/{name}/README.md" in page
        assert (running.HERE / name / "results.json").exists()
