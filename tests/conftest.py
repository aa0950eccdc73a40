"""How widely laws are searched: quickly at the desk, widely by `make test` (`--hypothesis-profile=thorough`).

Whatever lineage event a test causes in its own process is held against the official schemas and our own.
"""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from delible.store.lineage import LineageLog

# No deadline: a busy machine is no defect.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def every_event_is_valid() -> Iterator[None]:
    """Let a run fail whose lineage event is none by the schemas."""
    append = LineageLog._append

    def checked(log: LineageLog, path: Path, event: Any) -> None:
        from openlineage.client.serde import Serde

        from openlineage_events import check_event

        append(log, path, event)
        check_event(json.loads(Serde.to_json(event)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineageLog, "_append", checked)
        yield
