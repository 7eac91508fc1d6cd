"""The gallery and the introduction: what their pages say of themselves."""

import ast
import pathlib
import re

import pytest

import sklearn_xent

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
SECTIONS = (ROOT / "examples" / "README.rst").read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_in_one_section_and_needs_no_network(example):
    assert re.findall(r"examples/(\w+\.py)", SECTIONS).count(example.name) == 1
    names = {node.id for node in ast.walk(ast.parse(example.read_text())) if isinstance(node, ast.Name)}
    assert not [name for name in names if name.startswith("fetch_")]


def test_the_gallery_begins_with_the_quickstart_and_lists_no_other_file():
    listed = re.findall(r"examples/(\w+\.py)", SECTIONS)
    assert listed[0] == "plot_quickstart.py"
    assert sorted(listed) == [example.name for example in EXAMPLES]


def test_the_introduction_names_public_functions_alone():
    page = (ROOT / "docs" / "explained.rst").read_text()
    named = set(re.findall(r"(?<![`:])`(\w+)`(?!`)", page))
    assert named <= set(sklearn_xent.__all__)
    assert {"sigmoid", "softmax", "cross_entropy_loss", "entropy", "kl_divergence"} <= named


def test_each_step_of_the_introduction_has_formula_code_and_picture():
    page = (ROOT / "docs" / "explained.rst").read_text()
    steps = re.split(r"\n\d+\. .*\n-+\n", page.split("\nWhat is what\n")[0])[1:]
    assert len(steps) == 11
    for step in steps:
        assert "math::" in step or ":math:" in step
        assert "\n>>> " in step
        assert ".. image::" in step
