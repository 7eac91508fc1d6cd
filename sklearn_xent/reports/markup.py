"""HTML that cannot hold what it was not meant to: everything is escaped that is not `Markup` already."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "Markup",
    "document",
    "element",
    "fragment",
    "number",
    "paragraph",
    "section",
    "shortened",
    "table",
]


class Markup(str):
    """Text that is HTML, made by this module."""

    __slots__ = ()


def number(value: Any) -> str:
    """A number to five digits."""
    return f"{float(value):.5g}"


def shortened(text: str, most: int = 160) -> str:
    """A text with its middle left out where it is long."""
    head = 2 * most // 3
    return text if len(text) <= most else f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[head + 1 - most :]}"


def visible(text: str) -> str:
    """A text with escapes for control characters, among them those that turn the direction of writing."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if text.strip() else repr(text)


def escaped(value: Any) -> Markup:
    """Numbers to five digits, and anything else as text, isolated from what stands beside it."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, float | np.floating):
        return Markup(f'<span class="number">{number(value)}</span>')
    return Markup(f"<bdi>{html.escape(visible(shortened(str(value))))}</bdi>")


def element(tag: str, *children: Any, **attributes: Any) -> Markup:
    """An element with children, and attributes whose trailing underscore is left out."""
    of_tag = "".join(f' {key.rstrip("_")}="{html.escape(str(value))}"' for key, value in attributes.items())
    if tag == "img":
        return Markup(f"<img{of_tag}>")
    return Markup(f"<{tag}{of_tag}>{''.join(escaped(child) for child in children)}</{tag}>")


def paragraph(text: str) -> Markup:
    """A paragraph of a text; what is in it of names is escaped with the rest."""
    return Markup(f"<p>{html.escape(visible(text))}</p>")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """A table, which scrolls by itself where it is too wide; the first column names the rows."""
    heads = element("tr", *(element("th", Markup(html.escape(cell)), scope="col") for cell in head))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in others))
        for first, *others in rows
    ]
    parts = [element("thead", heads)] if any(head) else []
    return element("div", element("table", *parts, element("tbody", *body)), class_="scroll")


def section(title: str, *parts: Markup) -> Markup:
    """A section with a heading."""
    return element("section", element("h2", Markup(html.escape(title))), *parts)


def fragment(title: Any, parts: Iterable[Markup]) -> Markup:
    """The page as an element that a notebook shows, in a style that touches nothing else."""
    style = Markup(f"<style>{_style()}</style>")
    return element("div", style, element("h1", title), *parts, class_="xent-report")


def document(title: Any, inside: Markup) -> str:
    """The page as a file, which may load nothing from anywhere and run no script."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(visible(shortened(str(title))))}</title>\n"
        "<style>body { margin: 0; background: #fff; }</style>\n</head>\n"
        f"<body>\n{inside}\n</body>\n</html>\n"
    )


def _style() -> str:
    own = ".xent-report"
    return f"""
{own} {{ max-width: 46rem; margin: 0 auto; padding: 1rem; box-sizing: border-box; color: #1a1a1a;
  background: #fff; color-scheme: light; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
{own} h1 {{ font-size: 1.6rem; margin: 0 0 .5rem; }}
{own} h2 {{ font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #ccc; }}
{own} h1, {own} h2 {{ color: inherit; line-height: 1.25; }}
{own} .scroll {{ overflow-x: auto; }}
{own} table {{ border-collapse: collapse; margin: .5rem 0; font-size: .9rem;
  font-variant-numeric: tabular-nums; }}
{own} th, {own} td {{ padding: .2rem .6rem; border: 0; border-bottom: 1px solid #e5e5e5; text-align: right;
  vertical-align: top; background: none; color: inherit; max-width: 16rem; overflow-wrap: break-word; }}
{own} th:first-child, {own} .text td {{ text-align: left; font-weight: 500; }}
{own} .number {{ white-space: nowrap; }}
{own} thead th {{ border-bottom: 2px solid #999; overflow-wrap: normal; }}
{own} img {{ display: block; max-width: 100%; height: auto; margin: .75rem auto; }}
@media (max-width: 480px) {{
  {own} table {{ font-size: .8rem; }}
  {own} th, {own} td {{ padding: .2rem .3rem; }}
}}
@media print {{
  {own} {{ max-width: none; padding: 0; font-size: 11pt; }}
  {own} tr, {own} img {{ break-inside: avoid; }}
  {own} h2 {{ break-after: avoid; }}
  {own} img {{ max-height: 20cm; }}
  {own} .scroll {{ overflow-x: visible; }}
}}
"""
