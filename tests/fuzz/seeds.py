"""The work on one seed of a topic, in a module that any process can import."""

from __future__ import annotations

import importlib


def checked(work):
    """Seed, kind and detail of a verdict; what the check itself raises is an error."""
    topic, seed = work
    try:
        kind, detail = importlib.import_module(f"tests.fuzz.{topic}").check(seed)
    except Exception as error:
        kind, detail = "error", f"the check failed: {type(error).__name__}: {error}"
    return seed, kind, detail


def compared(work):
    """Outcomes of the peers that can take a seed's problem on."""
    topic, seed = work
    return importlib.import_module(f"tests.fuzz.{topic}").compare(seed)
