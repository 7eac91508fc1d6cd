"""Names as text: what matplotlib would take for a formula, hide, draw as boxes or give all the room to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sklearn_xent.displays.frame import merged

__all__ = ["as_cell", "as_text", "as_texts", "legend_of", "title_of"]

LEAST = 0.6  # inches that a name may take however small the axes are
LINE = 1.5  # height of a line of a legend, in sizes of its font


def as_text(name: Any, axes: Any, share: float = 0.4, *, size: Any = "medium") -> str:
    """A name for matplotlib to draw as it is, shortened in its middle to a share of the width of axes."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(size=size)
    text = _shortened(_visible(str(name), font), max(LEAST, share * _inches(axes)), font)
    # matplotlib hides labels that begin with an underscore, and takes what is between two $ for a formula
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")


def as_texts(names: Sequence[Any], axes: Any, share: float = 0.4, *, size: Any = "medium") -> list[str]:
    """As `as_text`; names that differ, but not where they are shortened, get their position in brackets."""
    texts = [as_text(name, axes, share, size=size) for name in names]
    meant: dict[str, set[str]] = {}
    for text, name in zip(texts, names, strict=True):
        meant.setdefault(text, set()).add(str(name))
    return [f"{text} [{i}]" if len(meant[text]) > 1 else text for i, text in enumerate(texts)]


def as_cell(name: Any, length: int, *, right: bool = False) -> str:
    """A name in just so many characters, for a table in a font of one width."""
    from matplotlib.font_manager import FontProperties

    text = _visible(str(name), FontProperties(family=["monospace"]))
    text = text if len(text) <= length else _cut(text, length - 1)
    return (text.rjust(length) if right else text.ljust(length)).replace("$", r"\$")


def title_of(axes: Any, name: Any, **options: Any) -> None:
    """Put a name above axes, where there is one."""
    if name:
        axes.set_title(as_text(name, axes, 1.0, size="large"), **options)


def legend_of(axes: Any, handles: Sequence[Any], **options: Any) -> None:
    """A legend of as many artists as there is room for, and of how many are left out."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.lines import Line2D

    options = merged({"frameon": False, "fontsize": "small"}, options)
    points = FontProperties(size=options["fontsize"]).get_size_in_points()
    most = max(2, int(72 * axes.bbox.height / axes.figure.dpi / (LINE * points)) - 1)
    shown = list(handles)
    if len(shown) > most:
        left_out = Line2D([], [], linestyle="none", label=f"and {len(shown) - most + 1} more")
        shown = [*shown[: most - 1], left_out]
    axes.legend(handles=shown, **options)


def _inches(axes: Any) -> float:
    return float(axes.bbox.width / axes.figure.dpi)


def _visible(text: str, font: Any) -> str:
    """Text with escapes in place of what cannot be seen, or the font lacks; quoted where it is blank."""
    from matplotlib.font_manager import FontProperties, findfont

    # a family in a list is a name, alone it would be a pattern
    known = set().union(*(_characters(findfont(FontProperties(family=[f]))) for f in font.get_family()))
    text = "".join(
        c if c.isprintable() and ord(c) in known else c.encode("unicode_escape").decode() for c in text
    )
    return text if text.strip() else repr(text)


@lru_cache(maxsize=64)
def _characters(path: str) -> frozenset[int]:
    """Code points that a font has."""
    from matplotlib.font_manager import get_font

    return frozenset(get_font(path).get_charmap())


def _shortened(text: str, inches: float, font: Any) -> str:
    """The longest beginning and end of a text that fit into a width."""
    if _width(text, font) <= inches:
        return text
    low, high = 1, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _width(_cut(text, middle), font) <= inches else (low, middle - 1)
    return _cut(text, low)


def _cut(text: str, length: int) -> str:
    """So many characters of a text, two thirds of them its beginning."""
    end = length // 3
    return text[: length - end] + "\N{HORIZONTAL ELLIPSIS}" + (text[-end:] if end else "")


def _width(text: str, font: Any) -> float:
    from matplotlib.textpath import text_to_path

    # a name of a megabyte need not be set in type to know that it is too wide
    width, _, _ = text_to_path.get_text_width_height_descent(text[:1000], font, False)
    return float(width) / 72 * max(1.0, len(text) / 1000)
