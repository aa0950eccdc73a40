"""The byte search: every file under a table, whatever a log says, for values in every form they may survive in."""
