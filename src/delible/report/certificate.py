"""The certificate of one request: the bytes that are signed, the JSON document, and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from delible.model.base import canonical
from delible.model.exception import KeptPart
from delible.model.proof import Certificate, Verification
from delible.model.terms import ErasureAction, words
from delible.report.page import render
from delible.report.wording import count, size

_SEARCH_LATER = ("apart", "values_in_columns")


def certificate_bytes(certificate: Certificate) -> bytes:
    """Return the bytes that are signed: the canonical JSON of everything but the signature.

    `delible.verify_certificate` recomputes them from the document alone, so this form is a promise to auditors.
    """
    return canonical(_document(certificate, exclude={"signature"}))


def certificate_document(certificate: Certificate) -> dict[str, Any]:
    """Return the certificate as the JSON document that is handed over and can be verified offline."""
    return _document(certificate)


def _document(certificate: Certificate, *, exclude: set[str] | None = None) -> dict[str, Any]:
    """Return the certificate's fields; those that came later only where they say something, as in older documents."""
    left_out: dict[str, Any] = dict.fromkeys(exclude or (), True)
    later = ("kept", "kept_rows", "manifest", "history", "releases_superseded")
    left_out |= {name: True for name in later if not getattr(certificate, name)}
    left_out["verification"] = {name for name in _SEARCH_LATER if not getattr(certificate.verification, name)}
    return certificate.model_dump(mode="json", exclude=left_out)


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
        f"Afterwards {count(search.files_searched, 'file')} ({size(search.bytes_searched)}) were searched in this run "
        f"for {_sought(search)}"
    )
    if search.matches:
        total = sum(m.count for m in search.matches)
        said.append(f"{searched}: {count(total, 'match', 'matches')} REMAIN at {count(len(search.matches), 'place')}.")
    else:
        said.append(f"{searched}: no match was found.")
    if certificate.manifest is not None:
        said.append(
            f"Digests of {count(certificate.manifest.before, 'file')} that were removed, and of "
            f"{count(certificate.manifest.after, 'file')} that the tables hold since, are in the list beside this "
            "certificate."
        )
    if search.unreadable:
        said.append(f"{count(len(search.unreadable), 'file')} could not be read, so absence is NOT proven for them.")
    if search.apart:
        said.append(
            f"{count(len(search.apart), 'file')} could not be read, in tables in which nothing of the data subject "
            "stood; nothing is proven of them."
        )
    shared = sum(t.rows_shared for t in certificate.tables)
    if shared:
        said.append(f"KEPT in this run, because they also concern other people: {count(shared, 'row')}.")
    if certificate.shared_identifiers:
        many = count(certificate.shared_identifiers, "identifier")
        said.append(f"{many} of the data subject belong to other people, too; rows known by those alone were KEPT.")
    said += [kept_sentence(part) for part in certificate.kept]
    said += [
        f"The history of '{table}' was kept without the data subject: {count(each.versions, 'version')} from version "
        f"{each.first} on, each compared with what it was, less the erased rows, and the same."
        for table, each in certificate.history.items()
    ]
    if certificate.releases:
        superseded = certificate.releases_superseded
        recut = len(superseded) < len(certificate.releases)
        step = "Cut the next version without them, and retire" if recut else "A newer version is without them; retire"
        said.append(
            f"STILL IN {count(len(certificate.releases), 'dataset release')} that {_were(certificate.releases)} cut "
            f"before, as {_their(certificate.releases)} treated them: {', '.join(certificate.releases)}. "
            f"{step} what they are in: {rebuild(certificate.releases, superseded)}."
        )
    if certificate.releases_unknown:
        said.append(
            f"NOT KNOWN, because the subject index cannot be read: whether the data subject is in "
            f"{', '.join(certificate.releases_unknown)}."
        )
    return tuple(said)


def rebuild(releases: Sequence[str], superseded: Sequence[str] = ()) -> str:
    """Return the commands that cut releases anew and retire the old ones; erased people stay out of every new one.

    Args:
        superseded: Releases of datasets that have a newer one without the data subject: of these nothing is to be cut.
    """
    names = dict.fromkeys(release.partition("@")[0] for release in releases if release not in superseded)
    recuts = [f"delible dataset recut {name}" for name in names]
    return ", ".join([*recuts, *(f"delible dataset retire {release}" for release in releases)])


def kept_sentence(part: KeptPart) -> str:
    """Return what an exception keeps, why and until when, as one sentence."""
    what = f"{count(len(part.columns), 'column')} ({', '.join(part.columns)})" if part.columns else "everything"
    because = f": {part.reason.rstrip('.')}" if part.reason else ""
    return (
        f"KEPT in {count(part.rows, 'row')} of '{part.table}' until {part.until}: {what}, under the exception "
        f"'{part.exception}' ({part.article}, {words(part.basis)}){because}. Due again from the day after."
    )


def _sought(search: Verification) -> str:
    columns = search.values_in_columns
    everywhere = search.values_searched - columns
    parts = [f"{count(everywhere, 'identifier')} in every form that delible knows"] if everywhere or not columns else []
    if columns:
        whole = (
            "that says too little in raw bytes, in its"
            if columns == 1
            else "that say too little in raw bytes, in their"
        )
        parts.append(f"{count(columns, 'identifier')} {whole} own columns only")
    return ", and for ".join(parts)


def _were(releases: Sequence[str]) -> str:
    return "was" if len(releases) == 1 else "were"


def _their(releases: Sequence[str]) -> str:
    return "its recipe" if len(releases) == 1 else "their recipes"


def _done(certificate: Certificate) -> str:
    mentions = sum(t.mentions_masked for t in certificate.tables)
    masked = f" In this run mentions in {count(mentions, 'row')} of other people were masked." if mentions else ""
    if not certificate.matched:
        return f"No row of any table matched the identifiers that were given.{masked}"
    actions = {t.table: t.action for t in certificate.tables}
    stay = (ErasureAction.KEEP, ErasureAction.TREAT_COLUMNS)
    rest = {t: n - certificate.kept_rows.get(t, 0) for t, n in certificate.rows.items()}
    gone = {t: n for t, n in rest.items() if n > 0 and actions.get(t) not in stay}
    stripped = {t: n for t, n in rest.items() if n > 0 and actions.get(t) == ErasureAction.TREAT_COLUMNS}
    rows = sum(gone.values())
    were = "was" if rows == 1 else "were"
    said = f"{count(rows, 'row')} of the data subject in {count(len(gone), 'table')} {were} erased."
    if stripped:
        left = sum(stripped.values())
        verb = "stays" if left == 1 else "stay"
        said += f" {count(left, 'row')} in {count(len(stripped), 'table')} {verb} without what identifies."
    return said + masked
