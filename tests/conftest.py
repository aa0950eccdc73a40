"""How widely laws are searched: quickly at the desk, widely by `make test` (`--hypothesis-profile=thorough`)."""

from hypothesis import settings

# No deadline: a busy machine is no defect.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")
