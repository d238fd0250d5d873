"""The summary for readers and the log: their numbers stand on the experiments' pages, where bold is sure."""

import re

import pytest

from experiments import running

ROOT = running.HERE.parent
RUN = [name for name in running.names() if (running.HERE / name / "results.json").exists()]
DECIMALS = re.compile(r"(?<![\d.])\d+\.\d{2,}(?![\d.])")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)? ± \d+(?:\.\d+)?")


@pytest.mark.parametrize("page", ["docs/experiments.md", "experiments/LOG.md"])
def test_every_interval_of_the_summary_stands_in_a_table(page):
    tables = " ".join((running.HERE / name / "README.md").read_text() for name in RUN)
    known = set(NUMBER.findall(tables))
    told = NUMBER.findall(" ".join((ROOT / page).read_text().split()))
    assert told
    assert [number for number in told if number not in known] == []


def test_every_long_number_of_the_summary_stands_on_a_page():
    pages = " ".join((running.HERE / name / "README.md").read_text() for name in RUN)
    known = set(DECIMALS.findall(pages))
    told = DECIMALS.findall((ROOT / "docs" / "experiments.md").read_text())
    assert len(told) > 50
    assert [number for number in told if number not in known] == []


@pytest.mark.parametrize("name", RUN)
def test_bold_differences_are_sure_after_adjusting(name):
    page = (running.HERE / name / "README.md").read_text()
    for text, after in re.findall(r"\*\*([+-][^*\n]*, p [^*\n]*)\*\*(.{0,20})", page):
        said = re.match(r" \(Holm ([\d.e-]+)\)", after)
        assert said, f"{text}: bold needs `tables.adjusted`"
        assert float(said[1]) <= 0.05


@pytest.mark.parametrize("name", RUN)
def test_p_is_adjusted_for_all_tests_of_a_table(name):
    page = (running.HERE / name / "README.md").read_text()
    for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
        found = re.findall(r", p ([\d.e-]+)\**? \(Holm ([\d.e-]+)\)", table)
        if found:
            p, after = min((float(p), float(after)) for p, after in found)
            assert after == pytest.approx(min(1, p * len(found)), rel=0.07), table.splitlines()[0]


def test_the_answer_of_deepcluster_is_of_its_table():
    page = (running.HERE / "deepcluster" / "README.md").read_text()
    answer, rest = page.split("**Ours.**")[1].split("\n", maxsplit=1)
    told = re.findall(r"[+-]\d\.\d+ ± [^()]*\(Holm [\d.e-]+\)", answer)
    assert len(told) == 6
    assert all(text in rest for text in told)


def test_two_equal_runs_are_not_an_interval():
    assert "± 0.00 " not in (running.HERE / "corel" / "README.md").read_text()


def test_two_seeds_have_no_test():
    page = (running.HERE / "corel" / "README.md").read_text()
    heads = page.split("| loss minus cross-entropy ")[1:]
    assert len(heads) == 3
    for part in heads:
        line = next(line for line in part.splitlines() if line.startswith("| Fashion-MNIST, CNN "))
        assert re.fullmatch(r"\| Fashion-MNIST, CNN( \| [+-]\d+\.\d\d, [+-]\d+\.\d\d){4} \|", line)


def test_every_experiment_is_in_the_summary():
    page = (ROOT / "docs" / "experiments.md").read_text()
    for name in running.names():
        assert (f"../experiments/{name}/README.md" in page) == (name in RUN)
        assert name in page
