"""How widely laws are searched: quickly at the desk, widely by `make test` (`--hypothesis-profile=thorough`)."""

import gc

from hypothesis import settings

# No deadline: a busy machine is no defect.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()
