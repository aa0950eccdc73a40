"""delible: find personal data, enforce policies, erase bytes, prove it, and re-cut training data on Delta Lake."""

__version__ = "0.1.0"
