"""A small policy folder for tests, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CONTROLLER = """\
controller: Test & Co
contact: privacy@test.example
subject: customer_id
identifiers:
  customer_id: {distinctive: false}
  email: {normalise: lower}
"""
PURPOSE = "purpose: support\ndescription: Answer questions.\nlegal_basis: contract\n"
TABLE = """\
table: customers
path: warehouse/customers
description: Customers.
purposes: [support]
subject:
  - column: id
    identifies: customer_id
  - column: email
    identifies: email
columns:
  id: user.unique_id
  email:
    category: user.contact.email
    searched: true
  made_at: user.account
"""
RETENTION = "retention: two_years\ntable: customers\nclock: made_at\nkeep: P2Y\nreason: Law.\n"
SOUND: Mapping[str, str] = {
    "controller.yaml": CONTROLLER,
    "purposes/support.yaml": PURPOSE,
    "tables/customers.yaml": TABLE,
    "retention/two_years.yaml": RETENTION,
}
"""Four files without gap or violation."""


def write_policies(folder: Path, files: Mapping[str, str | bytes] = SOUND) -> Path:
    """Write files below a folder and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
