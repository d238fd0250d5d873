"""The summary for readers and the log: every number with an interval stands in an experiment's own table."""

import re

import pytest

from experiments import running

ROOT = running.HERE.parent
RUN = [name for name in running.names() if (running.HERE / name / "results.json").exists()]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)? ± \d+(?:\.\d+)?")


@pytest.mark.parametrize("page", ["docs/experiments.md", "experiments/LOG.md"])
def test_every_interval_of_the_summary_stands_in_a_table(page):
    tables = " ".join((running.HERE / name / "README.md").read_text() for name in RUN)
    known = set(NUMBER.findall(tables))
    told = NUMBER.findall(" ".join((ROOT / page).read_text().split()))
    assert told
    assert [number for number in told if number not in known] == []


def test_every_experiment_is_in_the_summary():
    page = (ROOT / "docs" / "experiments.md").read_text()
    for name in running.names():
        assert (f"../experiments/{name}/README.md" in page) == (name in RUN)
        assert name in page
