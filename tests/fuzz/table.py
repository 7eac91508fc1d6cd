"""Rows of a table of reStructuredText in a file: those of one topic are replaced, all others stay."""

from __future__ import annotations

import pathlib

__all__ = ["read", "replace"]

BEGIN, NEXT, EMPTY = "   * -", "     -", ".. list-table::\n   :header-rows: 1\n\n"


def read(path):
    """Rows of the table in a file, the header first; none if there is no such file."""
    path, rows = pathlib.Path(path), []
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith(BEGIN):
            rows.append([line[len(BEGIN) :].strip()])
        elif line.startswith(NEXT):
            rows[-1].append(line[len(NEXT) :].strip())
    return rows


def replace(path, header, topic, rows):
    """Write the table with new rows of a topic, which is the first cell of each; topics are sorted."""
    kept = [row for row in read(path)[1:] if row[0] != topic]
    new = [[str(cell) for cell in (topic, *row)] for row in rows]
    table = [list(header), *sorted(kept + new, key=lambda row: row[0])]
    text = EMPTY + "".join(
        BEGIN + ("\n" + NEXT).join(f" {cell}".rstrip() for cell in row) + "\n" for row in table
    )
    pathlib.Path(path).write_text(text)
