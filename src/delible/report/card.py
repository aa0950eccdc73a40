"""The card of a dataset release: front matter that loaders read, and a page that people read."""

from __future__ import annotations

import json

from delible.model.record import Manifest
from delible.report.croissant import CROISSANT

_SPLITS = ("train", "validation", "test")
_PSEUDONYMS = ("pseudonymise", "mask", "replace", "encrypt")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_NO_DRIFT = (
    "Drift is not asked of a recut: its columns are those of the version that it was cut from, and whoever left had "
    "the right to, however many they are. How many rows went stands above."
)
_LARGER = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))


def card(manifest: Manifest, *, contact: str) -> str:
    """Return a release's README.md. It names columns and numbers, never a value of a row.

    Args:
        manifest: With the rows' files and columns.
        contact: Whom to ask: the controller's contact.
    """
    sections = (
        _head(manifest),
        _title(manifest),
        _rows(manifest),
        _columns(manifest),
        *([_gates(manifest)] if manifest.gates or manifest.recut_of is not None else []),
        _limits(manifest),
        _duties(manifest),
    )
    return "\n".join([line for lines in sections for line in (*lines, "")] + _files(manifest, contact))


def _head(manifest: Manifest) -> list[str]:
    # JSON scalars are YAML scalars, so no description can break out of the front matter.
    splits = [line for s in _present(manifest) for line in (f"      - split: {s}", f"        path: data/{s}-*.parquet")]
    return [
        "---",
        f"pretty_name: {json.dumps(manifest.dataset)}",
        f"version: {manifest.version}",
        "license: other",
        "license_name: internal",
        "tags:",
        "  - consent-filtered",
        *(["  - pseudonymised"] if any(c.treatment.startswith(_PSEUDONYMS) for c in manifest.columns) else []),
        "  - croissant",
        "size_categories:",
        f"  - {_size(manifest.rows_out)}",
        "configs:",
        "  - config_name: default",
        "    data_files:",
        *splits,
        "---",
    ]


def _title(manifest: Manifest) -> list[str]:
    basis = f" (legal basis: {manifest.basis}, Art. 6 GDPR)" if manifest.basis is not None else ""
    cut = f"Made for the purpose `{manifest.purpose}`{basis}, with consent as it was known at "
    lines = [
        f"# {manifest.release}",
        "",
        _inert(manifest.description),
        "",
        f"{cut}{manifest.known_at.isoformat()}. It may be used for this purpose and for no other (Art. 5(1)(b)).",
    ]
    if manifest.recut_of is not None:
        left = ", ".join(f"{reason} {rows:,}" for reason, rows in manifest.left.items()) or "none"
        lines += [
            "",
            f"A recut of version {manifest.recut_of}: the same rows in the same splits, without those of people who "
            f"may no longer be used, or whose values a limit or a correction has overtaken (rows by reason: {left}).",
        ]
    return lines


def _rows(manifest: Manifest) -> list[str]:
    excluded = [f"| {reason} | {rows:,} |" for reason, rows in manifest.excluded.items()] or ["| none | 0 |"]
    splits = [f"| {split} | {manifest.splits.get(split, 0):,} |" for split in _present(manifest)]
    return [
        "## Rows",
        "",
        f"{manifest.rows_out:,} of {manifest.rows_in:,} rows, {manifest.members:,} data subjects, none of them in two "
        "splits. A person's split is the same in every version and every dataset.",
        "",
        "| left out because of | rows |",
        "|---|---|",
        *excluded,
        "",
        "| split | rows |",
        "|---|---|",
        *splits,
    ]


def _columns(manifest: Manifest) -> list[str]:
    return [
        "## Columns",
        "",
        "| column | type | treatment | data category |",
        "|---|---|---|---|",
        *(
            f"| {_inert(c.name)} | {_inert(c.type)} | {_inert(c.treatment)} | {_inert(c.category or 'none')} |"
            for c in manifest.columns
        ),
    ]


def _gates(manifest: Manifest) -> list[str]:
    lines = ["## What it had to pass", ""]
    if not manifest.gates:
        return [
            *lines,
            f"Gates measured an earlier version, and not this recut: with fewer people in it, groups that are alike in "
            f"what it tells of them are smaller. Version {manifest.recut_of} has the numbers, or the one that it was "
            "cut from.",
            "",
            _NO_DRIFT,
        ]
    return [
        *lines,
        "| gate | measured | bound | of |",
        "|---|---|---|---|",
        *(f"| {g.gate.value} | {g.measured} | {g.rule} {g.bound} | {_inert(g.about)} |" for g in manifest.gates),
        *(["", _NO_DRIFT] if manifest.recut_of is not None else []),
    ]


def _limits(manifest: Manifest) -> list[str]:
    personal = "This is personal data. What has a pseudonym or a mask is pseudonymised (Art. 4(5)), not anonymous."
    return [
        "## Limits",
        "",
        f"- {personal if manifest.members else 'By the policies of its sources, its rows are about nobody.'}",
        "- Masks cover what detection finds. Free text can still tell who somebody is, by what happened to them.",
        "- People who did not agree, objected or were erased are missing, and not at random: a model learns from those "
        "who stayed.",
        "- It was right when it was cut. Whether everybody in it would still be let in, `delible dataset verify` says.",
    ]


def _duties(manifest: Manifest) -> list[str]:
    name = manifest.release
    return [
        "## Duties",
        "",
        "- Use it for its purpose only; do not try to find out who somebody is; do not join it to other data about "
        "people.",
        f"- Register what you make of it: `delible dataset used {name} --by model:NAME --owner TEAM`. Otherwise nobody "
        "can tell you when somebody withdraws.",
        "- When a newer version without somebody is there, use that one, and delete every copy of this one (Art. 7(3), "
        f"17(1)). In the workspace that made it, `delible dataset retire {name}` does, and duties for models go on.",
    ]


def _files(manifest: Manifest, contact: str) -> list[str]:
    sources = ", ".join(f"{_inert(name)} at version {v}" for name, v in sorted(manifest.sources.items()))
    return [
        "## Files",
        "",
        "`data/` opens with `datasets`, pandas, DuckDB and any other reader of Parquet; the folder as a whole is a "
        f"Delta table, whose log holds no value of a row. `{CROISSANT}` describes it for machines. `manifest.json` "
        "holds the digest of every file, and `manifest.sig` its signature (Ed25519):",
        "",
        "```sh",
        "openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig",
        "```",
        "",
        "Compare `public-key.pem` with the one that the controller has published elsewhere. "
        "`subject_index.parquet` answers whether a person is in this release, by keyed references only; "
        "`subject_index.sha256` has the digest of each of its mebibytes, so that who reads a few checks these.",
        "",
        f"Sources: {sources}.",
        "",
        f"Contact: {_inert(contact)}",
        "",
    ]


def _present(manifest: Manifest) -> list[str]:
    return [s for s in _SPLITS if any(f.path.startswith(f"data/{s}-") for f in manifest.files)]


def _size(rows: int) -> str:
    return next((name for most, name in (*_SIZES, *_LARGER) if rows < most), "100M<n<1B")


def _inert(text: str) -> str:
    """Return a text as one line in which nothing is markup."""
    line = " ".join(text.split())
    return "".join(f"&#{ord(c)};" if c in "<>&|`*_[]#\\" or not c.isprintable() else c for c in line)
