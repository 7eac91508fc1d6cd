"""The two commands, and what must agree between files."""

import ast
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

import sklearn_xent

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_run_starts_on_old_pythons_to_say_that_they_are_too_old():
    tree = ast.parse((ROOT / "run.py").read_text(), feature_version=(3, 4))
    standard = sys.stdlib_module_names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert all(alias.name in standard for alias in node.names)


def test_run_says_how_it_is_used():
    result = subprocess.run(
        [sys.executable, str(ROOT / "run.py")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "usage: python3 run.py {demo,test}" in result.stderr


def test_the_readme_names_the_two_commands_that_ci_runs():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in ("python3 run.py demo", "python3 run.py test"):
        assert command in readme
        assert re.search(rf"^{command}$", ci, re.M)


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == sklearn_xent.__version__
    assert f"## {sklearn_xent.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_versions_are_printed(capsys, monkeypatch):
    from sklearn_xent.__main__ import main

    monkeypatch.setattr(sys, "argv", ["sklearn_xent", "versions"])
    main()
    out = capsys.readouterr().out
    assert f"sklearn-xent {sklearn_xent.__version__}" in out
    assert f"scikit-learn {importlib.metadata.version('scikit-learn')}" in out


def test_without_a_command_there_is_help(capsys, monkeypatch):
    from sklearn_xent.__main__ import main

    monkeypatch.setattr(sys, "argv", ["sklearn_xent"])
    main()
    assert "demo" in capsys.readouterr().out


@pytest.mark.slow
def test_the_demo_prints_its_table_and_writes_its_pictures(capsys, monkeypatch, tmp_path):
    from sklearn_xent.__main__ import main

    monkeypatch.setattr(sys, "argv", ["sklearn_xent", "demo", "--out", str(tmp_path)])
    main()
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if "CrossEntropyClassifier," in line]
    assert len(rows) == 8
    for row in rows:
        assert row[-1] == "0"  # no warning
        assert row[4] == "0.0e+00"  # nobody lower
    assert (tmp_path / "overview.png").stat().st_size > 20_000
    chosen = [line.split() for line in out.splitlines() if "CrossEntropyClassifierCV, scaled" in line]
    assert len(chosen) == 4
    assert "-0.000" not in out
    readme = _table((ROOT / "README.md").read_text(), r"^(\w+) +(\w+, \w+) +(\S+) +(\S+) +(\S+) +(\d)$")
    printed = _table(out, r"^(\w+) +(\w+, \w+) +(\S+) +(\S+) +(\S+) .* (\d) *$")
    assert readme.keys() == printed.keys()
    for row, (objective, _, loss, n_warnings) in readme.items():
        near = 1e-6 if "Regression" not in row[1] else 0.1  # where a peer stops depends on its version
        assert printed[row][0] == objective or float(printed[row][0]) == pytest.approx(float(objective), near)
        assert float(printed[row][2]) == pytest.approx(float(loss), near if near > 1e-6 else 2e-3)
        assert printed[row][3] == n_warnings


def _table(text, pattern):
    return {row[:2]: row[2:] for row in re.findall(pattern, text, re.M)}


def test_the_citation_is_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
