"""A workspace of its own for each test."""

from store_fixtures import *  # noqa: F403
