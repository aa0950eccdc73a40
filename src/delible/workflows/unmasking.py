"""Put back what masks have encrypted in texts of a release, and record that somebody did."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delible.errors import BlockedError, DelibleError, InputError
from delible.model.dataset import ColumnTreatment
from delible.model.masking import MaskOperator
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry
from delible.model.terms import Treatment
from delible.store.files import private_write
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.policies import load_workspace_policies
from delible.store.workspace import Workspace
from delible.workflows.dataset_members import find_manifest

_LARGEST = 500_000_000


@dataclass(frozen=True)
class Unmasked:
    """What was opened.

    Args:
        opened: Values, each as often as it stands there.
        path: The file that has them.
    """

    release: str
    texts: int
    opened: int
    path: Path


def unmask_texts(
    workspace: Workspace, reference: str, source: str, out: Path, *, actor: str, now: datetime
) -> Unmasked:
    """Write texts of a release into a new file, with everything that `encrypt` put there in its old words.

    It is in the ledger before anybody can read the file.

    Args:
        reference: `NAME@vN`, or `NAME` for the latest version.
        source: A file of texts, one a line, or `-`.

    Raises:
        InputError: `dataset.unknown_version`; `unmask.texts` when they cannot be read; `unmask.exists`, `unmask.folder`
            for the new file; `mask.wrong_key` for a text of another dataset or workspace, or of a domain that may not
            be opened.
        BlockedError: `unmask.not_reversible` when no policy lets any of the dataset's ciphertexts be turned back.
    """
    from delible.detect.anonymise import unmask_text
    from delible.detect.operators import ENCRYPTED

    manifest, keys = find_manifest(workspace, reference), load_keys(workspace)
    domains = _domains(load_workspace_policies(workspace), manifest.dataset)
    secrets = [keys.domain_key(domain) for domain in domains]
    if os.path.lexists(out):
        raise InputError("unmask.exists", "there is a file already, and none is overwritten.", where="--out")
    if not os.path.isdir(out.parent):
        raise InputError("unmask.folder", "there is no such folder.", where="--out")
    lines = _lines(source)
    opened = 0
    for number, line in enumerate(lines):
        try:
            lines[number] = unmask_text(line, *secrets)
        except DelibleError as error:
            fix = "Name the release that the texts are of; only columns that are 'reversible' can be opened."
            raise InputError(error.code, error.message, where=f"--texts:{number + 1}", fix=fix) from None
        opened += sum(1 for _ in ENCRYPTED.finditer(line))
    entry = AuditEntry(
        actor=actor,
        action="dataset.unmask",
        object=f"dataset:{manifest.release}",
        outcome="done",
        counts={"texts": len(lines), "opened": opened},
    )
    Ledger(workspace, keys).append([entry], now)
    try:
        private_write(out, "\n".join((*lines, "")).encode())
    except OSError as error:
        raise InputError("unmask.folder", f"the file cannot be written: {error.strerror}.", where="--out") from None
    return Unmasked(manifest.release, len(lines), opened, out)


def _domains(policies: PolicySet, dataset: str) -> list[str]:
    """Return the domains whose ciphertexts may be opened.

    A text does not tell its column. So all columns that the recipe encrypts with a domain's key have to be reversible;
    and all of the recipe's for the dataset's own domain where no column has it today: the recipe may be another since.

    Raises:
        BlockedError: `unmask.not_reversible` when there is none.
    """
    recipe, own = policies.datasets.get(dataset), f"dataset:{dataset}"
    opened: dict[str, bool] = {}
    for table, columns in recipe.by_table.items() if recipe is not None else ():
        known = policies.tables[table].columns if table in policies.tables else {}
        for name, how in columns.items():
            if _encrypts(how):
                domain = how.domain or own
                may = name in known and known[name].reversible
                opened[domain] = opened.get(domain, True) and may
    if opened:
        opened.setdefault(own, all(opened.values()))
    domains = [domain for domain, may in opened.items() if may]
    if not domains:
        raise BlockedError(
            "unmask.not_reversible",
            "no policy allows what the recipe encrypts to be turned back.",
            where=own,
            fix="Say 'reversible: true' in the tables' policies, of all columns that are encrypted in one domain.",
        )
    return domains


def _encrypts(how: ColumnTreatment) -> bool:
    rules = (how.masking.default, *how.masking.entities.values()) if how.masking is not None else ()
    return how.treatment is Treatment.ENCRYPT or any(rule.operator is MaskOperator.ENCRYPT for rule in rules)


def _lines(source: str) -> list[str]:
    """Return the lines; nothing of what stands in them is ever repeated."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        raise InputError(
            "unmask.texts", "the texts cannot be read.", where="--texts", fix="Give a path, or '-'."
        ) from None
    if len(data) > _LARGEST:
        raise InputError("unmask.texts", f"the file is larger than {_LARGEST:,} bytes; cut it.", where="--texts")
    try:
        return data.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("unmask.texts", "the line is not UTF-8 text.", where=f"--texts:{line}") from None
