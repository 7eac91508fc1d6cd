"""Pictures of the displays as images inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

from sklearn_xent.reports.markup import Markup, element

__all__ = ["image"]


def image(draw: Callable[[Any], Any], size: tuple[float, float], text: str) -> Markup:
    """What ``draw(figure)`` draws, as an image that needs no file, with a text for who cannot see it.

    It is drawn without pyplot, which would show it in a notebook a second time.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # no metadata, and names that do not depend on the time: the same report has the same bytes
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "sklearn_xent"}):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        draw(figure)
        kind, data = "svg+xml", _saved(figure, format="svg", metadata={"Date": None, "Creator": None})
        if len(data) > 400_000:  # bytes: of curves of very many points
            kind, data = "png", _saved(figure, format="png", dpi=160)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return element("img", src=source, alt=text)


def _saved(figure: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **options)
    return buffer.getvalue()
