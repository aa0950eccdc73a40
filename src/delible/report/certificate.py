"""The certificate of one request: the bytes that are signed, the JSON document, and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from delible.model.base import canonical
from delible.model.proof import Certificate
from delible.model.terms import ErasureAction
from delible.report.page import count, render, size


def certificate_bytes(certificate: Certificate) -> bytes:
    """Return the bytes that are signed: the canonical JSON of everything but the signature.

    `delible.verify_certificate` recomputes them from the document alone, so this form is a promise to auditors.
    """
    return canonical(certificate.model_dump(mode="json", exclude={"signature"}))


def certificate_document(certificate: Certificate) -> dict[str, Any]:
    """Return the certificate as the JSON document that is handed over and can be verified offline."""
    return certificate.model_dump(mode="json")


def certificate_html(certificate: Certificate) -> str:
    """Return the certificate as one self-contained HTML page; the JSON document is what carries the proof."""
    return render(
        "certificate.html.j2",
        {
            "certificate": certificate,
            "statement": statement(certificate),
            "kept": tuple(t for t in certificate.tables if t.reason),
            "rebuild": rebuild,
        },
    )


def statement(certificate: Certificate) -> tuple[str, ...]:
    """Return what the certificate says, in sentences."""
    search = certificate.verification
    said = [_done(certificate)]
    searched = (
        f"Afterwards {count(search.files_searched, 'file')} ({size(search.bytes_searched)}) were searched for "
        f"{count(search.values_searched, 'identifier')} in every known form"
    )
    if search.matches:
        total = sum(m.count for m in search.matches)
        said.append(f"{searched}: {count(total, 'match', 'matches')} REMAIN at {count(len(search.matches), 'place')}.")
    else:
        said.append(f"{searched}: no match was found.")
    if search.unreadable:
        said.append(f"{count(len(search.unreadable), 'file')} could not be read, so absence is NOT proven for them.")
    shared = sum(t.rows_shared for t in certificate.tables)
    if shared:
        said.append(f"KEPT, because they also concern other people: {count(shared, 'row')}.")
    if certificate.shared_identifiers:
        many = count(certificate.shared_identifiers, "identifier")
        said.append(f"{many} of the data subject belong to other people, too; rows known by those alone were KEPT.")
    if certificate.releases:
        said.append(
            f"STILL IN {count(len(certificate.releases), 'dataset release')} that {_were(certificate.releases)} cut "
            f"before, under a pseudonym: {', '.join(certificate.releases)}. Rebuild without the data subject: "
            f"{rebuild(certificate.releases)}."
        )
    if certificate.releases_unknown:
        said.append(
            f"NOT KNOWN, because the subject index cannot be read: whether the data subject is in "
            f"{', '.join(certificate.releases_unknown)}."
        )
    return tuple(said)


def rebuild(releases: Sequence[str]) -> str:
    """Return the commands that cut releases anew; erased people stay out by the suppression list."""
    names = dict.fromkeys(release.partition("@")[0] for release in releases)
    return ", ".join(f"delible dataset build {name}" for name in names)


def _were(releases: Sequence[str]) -> str:
    return "was" if len(releases) == 1 else "were"


def _done(certificate: Certificate) -> str:
    mentions = sum(t.mentions_masked for t in certificate.tables)
    masked = f" In this run mentions in {count(mentions, 'row')} of other people were masked." if mentions else ""
    if not certificate.matched:
        return f"No row of any table matched the identifiers that were given.{masked}"
    kept = {t.table for t in certificate.tables if t.action == ErasureAction.KEEP}
    own = {table: rows for table, rows in certificate.rows.items() if table not in kept}
    rows = sum(own.values())
    were = "was" if rows == 1 else "were"
    return f"{count(rows, 'row')} of the data subject in {count(len(own), 'table')} {were} erased.{masked}"
