"""A table of numbers in the languages of documents: Markdown and LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_latex", "as_markdown"]


def as_markdown(columns: Mapping[str, Sequence[Any]], head: Sequence[str]) -> str:
    """Lines, and a table of text and numbers (four digits) below them."""
    text = [_is_text(values) for values in columns.values()]
    lines = [
        _markdown_row(columns),
        _markdown_row([":--" if left else "--:" for left in text]),
        *(
            _markdown_row(
                [_markdown(cell) if left else f"{cell:.4g}" for cell, left in zip(row, text, strict=True)]
            )
            for row in zip(*columns.values(), strict=True)
        ),
    ]
    return "\n".join(["  \n".join(head), "", *lines])


def as_latex(columns: Mapping[str, Sequence[Any]], head: Sequence[str]) -> str:
    """A tabular of the package booktabs: text and numbers (four digits), and lines below them."""
    text = [_is_text(values) for values in columns.values()]
    body = [
        " & ".join(
            _latex(cell) if left else _latex_number(cell) for cell, left in zip(row, text, strict=True)
        )
        for row in zip(*columns.values(), strict=True)
    ]
    notes = [rf"\multicolumn{{{len(text)}}}{{l}}{{{_latex(line)}}}" for line in head]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{''.join('l' if left else 'r' for left in text)}}}",
            r"\toprule",
            " & ".join(_latex(name.replace("_", " ")) for name in columns) + r" \\",
            r"\midrule",
            *(rf"{line} \\" for line in body),
            r"\midrule",
            *(rf"{line} \\" for line in notes),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _is_text(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


def _markdown_row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]$~#&])", r"\\\1", " ".join(text.split()))


def _latex(text: str) -> str:
    own = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    own |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    text = " ".join(text.split())
    return "".join(own.get(c, rf"\{c}" if c in "&%$#_{}" else c) for c in text)


def _latex_number(value: float) -> str:
    if not math.isfinite(value):
        return "--" if math.isnan(value) else rf"${'-' if value < 0 else ''}\infty$"
    digits, _, power = f"{value:.4g}".partition("e")
    return f"${digits} \\cdot 10^{{{int(power)}}}$" if power else f"${digits}$"
