"""spaCy's memory: a pipeline keeps every word it ever saw, unless it is told where to forget."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def forgetting(nlp_engine: Any, language: str) -> AbstractContextManager[Any]:
    """Return a block at whose end the pipeline forgets what it learned in it; its documents are invalid afterwards.

    Blocks do not nest: inside another one, or for an engine without spaCy, it does nothing.
    """
    pipeline = (getattr(nlp_engine, "nlp", None) or {}).get(language)
    if pipeline is None or not hasattr(pipeline, "memory_zone") or pipeline.vocab.in_memory_zone:
        return nullcontext()
    zone: AbstractContextManager[Any] = pipeline.memory_zone()
    return zone
