"""What a check says of one seed."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """A kind ("ok", "warned", "false alarm", "violation", "hang" or "error") and what was seen."""

    kind: str
    detail: str = ""
