"""The runner: keeps outcomes, goes on, says what was not run; and every experiment in seconds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import running
from experiments.__main__ import listing, main
from shoal.types import ShoalError

HERE = Path(running.__file__).parent


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHOAL_DATA", str(tmp_path / "no data"))


def experiment(measure, **changes):
    given = {
        "name": "squares",
        "question": "What is a square?",
        "source": "Euclid.",
        "shortened": "Nothing.",
        "seeds": 2,
        "cases": lambda scale, seeds: [{"seed": seed} for seed in range(seeds)],
        "measure": measure,
        "report": lambda rows, folder: f"{[row['square'] for row in rows]}",
    }
    return running.Experiment(**{**given, **changes})


def test_a_case_is_measured_once_and_the_readme_comes_from_the_results(tmp_path):
    asked = []

    def measure(case):
        asked.append(case["seed"])
        return {"square": case["seed"] ** 2}

    for _ in range(2):
        running.run(experiment(measure), "short", into=tmp_path / "out")
    assert asked == [0, 1]
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "[0, 1]" in readme
    assert "seeds 0, 1" in readme
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [row["square"] for row in results["rows"]] == [0, 1]
    assert results["versions"]["shoal"]
    running.run(experiment(measure, version=2), "short", into=tmp_path / "out")
    assert asked == [0, 1, 0, 1]


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    asked = []

    def measure(case):
        asked.append(case["seed"])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return {"square": 0}

    with pytest.raises(KeyboardInterrupt):
        running.run(experiment(measure), "short", into=tmp_path)
    running.run(experiment(measure), "short", into=tmp_path)
    assert asked == [0, 1, 1]


def test_a_run_goes_on_from_the_results_of_another_machine(tmp_path, monkeypatch):
    asked = []

    def measure(case):
        asked.append(case["seed"])
        return {"square": case["seed"] ** 2}

    monkeypatch.setattr(running, "HERE", tmp_path)
    running.run(experiment(measure), "short")
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path / "another"))
    rows = running.run(experiment(measure), "short", seeds=3, resume=True)
    assert asked == [0, 1, 2]
    assert [row["square"] for row in rows] == [0, 1, 4]


def test_what_is_not_here_is_said_and_asked_again(tmp_path):
    def measure(case):
        if case["seed"]:
            raise running.NotHere("the moon (not in $SHOAL_DATA)")
        return {"square": 0}

    running.run(experiment(measure), "short", into=tmp_path)
    assert "## Not run here\n\n- the moon (not in $SHOAL_DATA)" in (tmp_path / "README.md").read_text()
    rows = running.run(experiment(lambda case: {"square": 1}), "short", into=tmp_path)
    assert [row.get("square") for row in rows] == [0, 1]


def test_a_run_that_lacks_committed_cases_does_not_replace_them(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "HERE", tmp_path)
    running.run(experiment(lambda case: {"square": case["seed"] ** 2}), "short", seeds=3)
    file = tmp_path / "squares" / "results.json"
    before = file.read_bytes()
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path / "another"))

    def measure(case):
        if case["seed"] == 2:
            raise running.NotHere("rulers (pip install ruler)")
        return {"square": -1}

    with pytest.raises(ShoalError, match=r"1 of the 3 cases .*seed 2.* rulers \(pip install ruler\).*--into"):
        running.run(experiment(measure), "short", seeds=3)
    asked = []
    with pytest.raises(ShoalError, match=r"1 of the 3 cases .*seed 2"):
        running.run(experiment(asked.append), "short", seeds=2)
    assert asked == []
    assert file.read_bytes() == before
    running.run(experiment(measure), "short", seeds=3, into=tmp_path / "elsewhere")
    assert "rulers" in (tmp_path / "elsewhere" / "README.md").read_text()
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["seed", "seconds", "not_here"])
def test_an_outcome_must_not_hide_the_case(name, tmp_path):
    with pytest.raises(ValueError, match=f"squares: .* returned {name}"):
        running.run(experiment(lambda case: {"square": 0, name: 7}), "short", into=tmp_path)


@pytest.mark.parametrize("name", running.names())
def test_every_case_is_found_in_the_committed_results(name):
    known = running.find(name)
    rows = running.committed(known)
    cases = known.cases("short", known.seeds)
    assert cases
    assert [case for case in cases if not any(running.is_of(row, case) for row in rows)] == []


def test_several_cases_at_once_are_measured_and_kept_in_their_order(tmp_path):
    few = running.find("fewshot")
    rows = running.run(few, "smoke", into=tmp_path, jobs=2)
    cases = few.cases("smoke", 1)
    assert [{name: row[name] for name in case} for row, case in zip(rows, cases, strict=True)] == cases
    assert all(0 <= share <= 1 for row in rows for share in row["accuracy"].values())


@pytest.mark.parametrize("name", running.names())
def test_every_experiment_smokes(name, tmp_path):
    rows = running.run(running.find(name), "smoke", into=tmp_path)
    assert rows
    assert not [row for row in rows if "not_here" in row]
    readme = (tmp_path / "README.md").read_text()
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme):
        assert (tmp_path / picture).stat().st_size > 1000
    assert "nan" not in readme.lower().replace("finan", "").split()


@pytest.mark.parametrize("name", [n for n in running.names() if (HERE / n / "results.json").exists()])
def test_the_committed_readme_is_what_the_committed_results_say(name, tmp_path):
    folder = HERE / name
    results = json.loads((folder / "results.json").read_text())
    assert results["scale"] != "smoke"
    assert results["versions"]
    readme = (folder / "README.md").read_text()
    running.write_again(running.find(name), tmp_path / "again")
    assert (tmp_path / "again" / "README.md").read_text() == readme
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme):
        assert (folder / picture).exists()
    assert all(file.stat().st_size < 300_000 for file in folder.iterdir() if file.is_file())


def test_the_list_names_all_and_loads_nothing_heavy():
    assert all(name in listing() for name in running.names())
    code = "import experiments.__main__ as m, sys; m.listing(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parent
    )
    assert done.stdout.strip() == "False"


def test_what_is_asked_for_on_the_command_line_reaches_the_run(monkeypatch):
    heard = {}
    monkeypatch.setattr(running, "run", lambda experiment, scale, **given: heard.update(given, scale=scale))
    main(["poster", "--resume", "--jobs", "3", "--seeds", "2", "--only", "hinge"])
    asked = {"scale": "short", "resume": True, "jobs": 3, "seeds": 2, "only": "hinge", "into": None}
    assert heard == asked
    main(["poster", "--smoke"])
    assert (heard["scale"], heard["resume"], heard["jobs"]) == ("smoke", False, 1)


def test_an_unknown_name_is_refused():
    with pytest.raises(SystemExit) as refused:
        main(["moon"])
    assert refused.value.code == 2


def test_experiments_use_the_public_api_and_no_path_of_one_machine():
    for file in HERE.rglob("*.py"):
        text = file.read_text()
        assert not re.search(r"from shoal[\w.]* import [^\n]*\b_[a-z]", text), file
        assert not re.search(r"['\"]/(work|home|root|tmp)/", text), file
