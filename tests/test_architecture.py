"""Who may know whom, and that what is said of the public names is so."""

import ast
import graphlib
import importlib
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import sklearn_xent
from sklearn_xent import CrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS
from tests.figures import figures, uncommented

ROOT = pathlib.Path(sklearn_xent.__file__).parent
MODULES = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in ROOT.rglob("*.py")}

LEAVES = {"arrays", "factor", "isolation"}
# each room, and the rooms it may import from: down only
ALLOWED = {
    "arrays": set(),
    "factor": {"arrays"},
    "isolation": set(),
    "truth": LEAVES,
    "logits": LEAVES,
    "divergences": LEAVES | {"truth"},
    "formulas": LEAVES | {"divergences", "logits", "truth"},
    "scorer": LEAVES,
    "metrics": LEAVES | {"formulas", "scorer", "truth"},
    "rows": LEAVES | {"rows"},
    "problem": LEAVES | {"problem", "rows"},
    "solvers": LEAVES | {"solvers", "problem", "rows"},
    "displays": LEAVES | {"composites", "formulas", "decomposition", "displays", "truth"},
    "targets": LEAVES | {"truth"},
    "parameters": LEAVES | {"problem"},
    "progress": {"solvers"},
    "callbacks": set(),
    "composites": set(),
    "intake": LEAVES | {"intake", "rows", "targets"},
    "predictor": LEAVES | {"formulas", "intake", "parameters", "problem", "rows", "targets"},
    "fitting": LEAVES
    | {
        "callbacks",
        "intake",
        "parameters",
        "problem",
        "progress",
        "rows",
        "solvers",
        "targets",
    },
    "classifier": LEAVES | {"callbacks", "fitting", "predictor"},
    "cross_validation": LEAVES
    | {
        "callbacks",
        "classifier",
        "formulas",
        "cross_validation",
        "parameters",
        "path",
        "solvers",
        "targets",
    },
    "classifier_cv": LEAVES
    | {
        "callbacks",
        "classifier",
        "cross_validation",
        "fitting",
        "intake",
        "parameters",
        "path",
        "predictor",
        "solvers",
        "targets",
    },
    "decomposition": LEAVES | {"formulas", "scorer", "truth"},
    "comparison": LEAVES | {"formulas", "truth"},
    "calibration": LEAVES | {"truth"},
    "grid": LEAVES | {"problem", "solvers"},
    "path": LEAVES
    | {"callbacks", "grid", "intake", "parameters", "problem", "progress", "rows", "solvers", "targets"},
    "batches": LEAVES | {"callbacks", "intake", "rows", "solvers", "targets"},
    "passes": LEAVES | {"batches", "callbacks", "formulas", "solvers", "targets"},
    "minibatch": LEAVES | {"callbacks", "parameters", "passes", "predictor"},
    "reports": LEAVES
    | {
        "composites",
        "decomposition",
        "displays",
        "formulas",
        "inference",
        "metrics",
        "reports",
        "truth",
    },
    "demo": {"classifier", "classifier_cv", "formulas", "displays", "metrics"},
    "__main__": {"demo", ""},
    "__init__": {
        "calibration",
        "classifier",
        "classifier_cv",
        "comparison",
        "decomposition",
        "inference",
        "formulas",
        "displays",
        "metrics",
        "minibatch",
        "path",
        "reports",
        "solvers",
    },
}
# each module of a room whose modules have an order among themselves: other rooms, and modules beside it
WITHIN = {
    "inference/identifiability": LEAVES | {"problem", "rows", "solvers", "targets"},
    "inference/likelihood": LEAVES
    | {
        "classifier",
        "displays",
        "formulas",
        "inference/identifiability",
        "intake",
        "problem",
        "rows",
        "targets",
    },
    "inference/estimates": LEAVES | {"inference/likelihood", "rows"},
    "inference/hypotheses": LEAVES | {"truth"},
    "inference/hypothesis_tests": LEAVES | {"displays", "inference/estimates", "inference/hypotheses"},
    "inference/tables": set(),
    "inference/summaries": {"displays", "inference/hypothesis_tests", "inference/tables"},
    "inference/sandwich": LEAVES | {"inference/likelihood"},
    "inference/delta_method": LEAVES | {"inference/likelihood", "logits", "rows"},
    "inference/jeffreys": LEAVES | {"displays", "inference/identifiability", "problem", "rows", "targets"},
    "inference/jeffreys_maximum": LEAVES | {"inference/identifiability", "inference/jeffreys"},
    "inference/intercepts": LEAVES | {"inference/jeffreys"},
    "inference/bias_reduced": LEAVES
    | {
        "inference/intercepts",
        "inference/jeffreys",
        "inference/jeffreys_maximum",
        "intake",
        "parameters",
        "predictor",
        "rows",
        "targets",
    },
    "inference/wald": LEAVES
    | {
        "composites",
        "displays",
        "inference/bias_reduced",
        "inference/delta_method",
        "inference/estimates",
        "inference/identifiability",
        "inference/likelihood",
        "inference/sandwich",
        "inference/summaries",
        "intake",
        "rows",
        "targets",
    },
    "inference/nested": LEAVES | {"inference/hypothesis_tests", "inference/likelihood", "inference/wald"},
    "inference/jeffreys_profile": LEAVES | {"inference/jeffreys", "inference/jeffreys_maximum"},
    "inference/profile": LEAVES
    | {
        "composites",
        "displays",
        "inference/bias_reduced",
        "inference/estimates",
        "inference/hypothesis_tests",
        "inference/jeffreys_maximum",
        "inference/jeffreys_profile",
        "intake",
    },
    "inference/__init__": {
        "inference/bias_reduced",
        "inference/hypothesis_tests",
        "inference/jeffreys",
        "inference/jeffreys_profile",
        "inference/likelihood",
        "inference/nested",
        "inference/profile",
        "inference/wald",
    },
}
ROOMS_IN_ORDER = {name.split("/")[0] for name in WITHIN}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_down_only(name):
    room = name.split("/")[0]
    allowed = WITHIN[name] if room in ROOMS_IN_ORDER else ALLOWED[room]
    for target in targets(name):
        assert target in allowed, f"{name} imports {target}"


def targets(name):
    """Rooms that a module imports from; of its own room, if that has an order, the modules."""
    room = name.split("/")[0]
    for module, names in imports(MODULES[name]):
        package, *path = module.split(".")
        if package == "sklearn_xent":
            if room not in ROOMS_IN_ORDER or path[:1] != [room]:
                yield path[0] if path else ""
            elif len(path) > 1:
                yield f"{room}/{path[1]}"
            else:
                yield from (f"{room}/{item}" for item in names)


def test_the_order_of_a_room_is_one():
    graphlib.TopologicalSorter(
        {name: {item for item in allowed if "/" in item} for name, allowed in WITHIN.items()}
    ).prepare()


@pytest.mark.parametrize("name", sorted(n for n in MODULES if n.startswith("solvers/")))
def test_no_solver_knows_a_container(name):
    for module, _ in imports(MODULES[name]):
        assert module not in {
            f"sklearn_xent.rows.{kind}" for kind in ("dense", "sparse", "blocks", "threads")
        }


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nothing_private_of_scikit_learn(name):
    for module, names in imports(MODULES[name]):
        if module.split(".")[0] == "sklearn":
            assert not any(part.startswith("_") for part in [*module.split("."), *names]), f"{name}: {module}"


@pytest.mark.parametrize(
    "name", sorted(n for n in MODULES if n not in ("solvers/__init__", "problem/__init__"))
)
def test_all_is_sorted_and_true(name):
    dotted = "sklearn_xent." + name.replace("/", ".").removesuffix("__init__").rstrip(".")
    module = importlib.import_module(dotted.rstrip("."))
    names = module.__all__
    assert list(names) == sorted(names, key=_as_ruff_sorts)
    assert all(hasattr(module, item) for item in names)


@pytest.mark.parametrize("path", sorted(ROOT.parent.glob("benchmarks/*.py")), ids=lambda path: path.stem)
def test_what_benchmarks_import_of_the_package_is_there(path):
    for module, names in imports(path):
        if module.split(".")[0] == "sklearn_xent":
            assert all(hasattr(importlib.import_module(module), name) for name in names), module


def _as_ruff_sorts(name):
    """Constants first, then classes, then the rest."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def _documented(section):
    text = inspect.getdoc(CrossEntropyClassifier)
    body = re.search(rf"\n{section}\n-+\n(.*?)(\n\n\w[\w ]+\n-+\n|\Z)", text, re.S).group(1)
    return re.findall(r"^(\w+) : ", body, re.M)


def test_documented_parameters_are_the_parameters():
    assert _documented("Parameters") == list(inspect.signature(CrossEntropyClassifier).parameters)


def test_documented_attributes_exist():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
    model = CrossEntropyClassifier().fit(frame, [0, 1, 0, 1])
    fitted = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert fitted == set(_documented("Attributes"))


def test_public_names_have_documentation():
    for name in set(sklearn_xent.__all__) - {"__version__"}:
        item = getattr(sklearn_xent, name)
        assert len(inspect.getdoc(item) or "") > 40, name


def test_no_public_name_is_that_of_a_module():
    """``from sklearn_xent import name`` would depend on what has been imported before."""
    assert not set(sklearn_xent.__all__) & {name.split("/")[0] for name in MODULES}


def test_cross_entropy_is_neither_a_module_nor_a_name():
    code = "from sklearn_xent import cross_entropy"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "ImportError: cannot import name 'cross_entropy' from 'sklearn_xent'" in ended.stderr


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_solver_is_documented(name):
    assert f'"{name}"' in CrossEntropyClassifier.__doc__
    page = ROOT.parent / "docs" / "solvers.rst"
    if page.exists():
        assert name in page.read_text()


def test_tests_that_pages_name_exist():
    root = ROOT.parent
    for page in [*(root / "docs").glob("*.rst"), root / "README.md", root / "CONTRIBUTING.md"]:
        for name in re.findall(r"`(tests/[\w/]+\.py)`", page.read_text()) if page.exists() else []:
            assert (root / name).exists(), f"{page.name} names {name}"


# What each figure is today: it may fall, and then this line does. See ``python -m tests.figures -v``.
TODAY = {
    "loops that visit iterates": 1,
    "line searches": 1,
    "files of the fit that factor a matrix": 1,
    "files that sample rows": 1,
    "files outside rows/ and intake/ that ask what X is": 0,
    "files outside penalties that read their fields": 0,
    "files outside losses that form p(1-p)": 0,
    "files over 300 lines": 0,
    "functions over 40 lines": 0,
    "named constants outside displays/": 228,
}


def test_each_named_number_says_what_it_is():
    assert uncommented() == []


@pytest.mark.parametrize("name", TODAY)
def test_no_figure_of_the_structure_grows(name):
    assert figures()[name] <= TODAY[name]
