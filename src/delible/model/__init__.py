"""Frozen types and closed enums, without I/O: the nouns that every other layer speaks."""
