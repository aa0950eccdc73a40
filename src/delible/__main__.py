"""`python -m delible` is the command `delible`."""

from delible.cli.main import run

run()
