"""Figures of the structure of the package: ``python -m tests.figures`` prints them.

`tests/test_architecture.py` holds all but the lines of code to what they are today: they may only fall.
"""

from __future__ import annotations

import ast
import io
import pathlib
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache

import sklearn_xent

ROOT = pathlib.Path(sklearn_xent.__file__).parent
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}

LONG_FILE, LONG_FUNCTION = 300, 40
# What a stream and a model without a row do is theirs: their rows are not those of a fit.
APART = re.compile(r"solvers/(stream\w*|deletion|proximal_deletion|leave_one_out|without_row)\.py")
FACTORS = re.compile(r"linalg\.(cholesky|cho_factor|eigh|eigvalsh|lstsq|pinv|qr|svd)\(|\bdpo(trf|sv)\(")
PENALTY_FIELDS = {"l1", "l2", "lower", "upper"}
CONTAINERS = re.compile(
    r"\b(issparse|is_device_array|is_collection|is_dataset|DeviceBlock\)|DatasetColumns\))"
)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Functions and methods, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def called(node: ast.AST) -> set[str]:
    """Last parts of the names that are called in a node."""
    calls = (child.func for child in ast.walk(node) if isinstance(child, ast.Call))
    return {
        f.attr if isinstance(f, ast.Attribute) else f.id
        for f in calls
        if isinstance(f, ast.Attribute | ast.Name)
    }


def code_lines(text: str) -> int:
    """Lines that hold code: not blank, no comment and no docstring."""
    lines: set[int] = set()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (*skipped, tokenize.ENDMARKER):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.end_lineno:
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def loops() -> list[str]:
    """Functions that visit the iterates of a loop of their own."""
    found = []
    for name, tree in TREES.items():
        if name.startswith("solvers/") and not APART.match(name):
            for function in functions(tree):
                inner = [node for node in ast.walk(function) if isinstance(node, ast.While | ast.For)]
                if any("visit" in called(loop) for loop in inner):
                    found.append(f"{name}:{function.name}")
    return found


def line_searches() -> list[str]:
    """Functions by which methods go part of the way."""
    found = (function.name for function in functions(TREES["solvers/line_search.py"]))
    return [name for name in found if not name.startswith("_")]


def factorisations() -> list[str]:
    """Files of the fit that factor a matrix by a call of numpy's or scipy's."""
    rooms = "factor.py", "arrays.py", "problem/", "solvers/"
    return [name for name, text in SOURCES.items() if name.startswith(rooms) and FACTORS.search(text)]


def sampling() -> list[str]:
    """Files that draw a sample of the rows for a model."""
    return [
        name
        for name, text in SOURCES.items()
        if name.startswith("solvers/") and re.search(r"\w\.sample\(", text)
    ]


def container_questions() -> list[str]:
    """Files outside rows/ that ask what X is."""
    return [
        name
        for name, text in SOURCES.items()
        if not name.startswith(("rows/", "intake/"))
        and CONTAINERS.search(re.sub(r"(?m)^(from|import) .*$", "", text))
    ]


def penalty_readers() -> list[str]:
    """Files outside the penalties that read a penalty's fields."""
    found = []
    for name, tree in TREES.items():
        fields = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        read = (node for node in fields if node.attr in PENALTY_FIELDS)
        owners = (ast.unparse(node.value).split(".")[-1] for node in read)
        if "penalties" not in name and any(owner == "penalty" for owner in owners):
            found.append(name)
    return found


def curvatures() -> list[str]:
    """Files outside the losses' expansion that form p (1 - p)."""
    product = re.compile(r"probabilities \* [\w.]*complements|\bp \* q\b|\bp \* \(1 - p\)|p\[[^\]]*\] \* q\[")
    return [n for n, text in SOURCES.items() if n != "problem/expansion.py" and product.search(text)]


def long_files() -> list[str]:
    """Files beyond the limit."""
    return [name for name, text in SOURCES.items() if len(text.splitlines()) > LONG_FILE]


def long_functions() -> list[str]:
    """Functions beyond the limit, without their docstrings."""
    found = []
    for name, tree in TREES.items():
        for function in functions(tree):
            doc = function.body[0] if ast.get_docstring(function) else None
            own = (doc.end_lineno or 0) - doc.lineno + 1 if doc else 0
            if (function.end_lineno or 0) - function.lineno + 1 - own > LONG_FUNCTION:
                found.append(f"{name}:{function.name}")
    return found


def constants() -> list[str]:
    """Named constants outside displays/ whose values are numbers."""
    found = []
    for name, tree in TREES.items():
        for node in tree.body if not name.startswith("displays/") else []:
            if isinstance(node, ast.Assign) and any(
                isinstance(part, ast.Constant) and isinstance(part.value, int | float)
                for part in ast.walk(node.value)
            ):
                names = (part.id for part in ast.walk(node.targets[0]) if isinstance(part, ast.Name))
                found += [f"{name}:{item}" for item in names if item.isupper()]
    return found


# Where lines of solvers/ are; the rest are the methods' own models.
PARTS = {
    "the loop, its judge and what comes after a fit": "fit solve monitor visit loop history path diagnosis",
    "certificates and separation: what a warning, or none, rests on": "optimality_gap polish row_bound "
    "sampled_bound separation active_set minimum_norm tolerance",
    "streams": "stream stream_columns stream_quadratic stream_step",
    "models without a row": "deletion proximal_deletion leave_one_out without_row",
}
# Why a figure is what it is, where that is to be asked.
REASONS = {
    "named constants outside displays/": "one for each threshold, and a test asks that each says its unit or "
    "reason; numbers inside expressions would be fewer here and no fewer in truth",
    "lines of code in solvers/": "see its parts: a bound for each kind of problem, and methods in extended "
    "precision, cost more lines than one loop saved",
    "lines of code": "a third is what is fitted with: inference, reports, displays and intake",
}


LISTS: dict[str, Callable[[], list[str]]] = {
    "loops that visit iterates": loops,
    "line searches": line_searches,
    "files of the fit that factor a matrix": factorisations,
    "files that sample rows": sampling,
    "files outside rows/ and intake/ that ask what X is": container_questions,
    "files outside penalties that read their fields": penalty_readers,
    "files outside losses that form p(1-p)": curvatures,
    "files over 300 lines": long_files,
    "functions over 40 lines": long_functions,
    "named constants outside displays/": constants,
}


@cache
def figures() -> dict[str, int]:
    """Each figure by its name."""
    counts = {name: len(items()) for name, items in LISTS.items()}
    lines = {name: code_lines(text) for name, text in SOURCES.items()}
    counts["lines of code in solvers/"] = sum(n for name, n in lines.items() if name.startswith("solvers/"))
    for part, names in PARTS.items():
        counts[f"  {part}"] = sum(lines[f"solvers/{name}.py"] for name in names.split())
    counts["lines of code"] = sum(lines.values())
    return counts


def uncommented() -> list[str]:
    """Named constants, numbers, of which no comment says what they are: beside them or above."""
    found = []
    for item in constants():
        name, constant = item.split(":")
        lines = SOURCES[name].splitlines()
        at = next(i for i, line in enumerate(lines) if re.match(rf"[\w, ]*\b{constant}\b[\w, ]* = ", line))
        first = at
        while re.match(r"[A-Z_, ]+ = ", lines[first - 1]):  # of several under one comment
            first -= 1
        if "#" not in lines[at] + lines[first - 1]:
            found.append(item)
    return found


def main() -> None:
    """Print the figures, and with -v what was counted."""
    import sys

    for name, count in figures().items():
        print(f"{count:6d}  {name}" + (f": {REASONS[name]}" if name in REASONS else ""))
        if "-v" in sys.argv and name in LISTS and count < LONG_FUNCTION:
            print(*(f"          {item}" for item in LISTS[name]()), sep="\n")


if __name__ == "__main__":
    main()
