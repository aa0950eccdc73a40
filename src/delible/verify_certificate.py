"""Check a certificate offline: `python -m delible.verify_certificate FILE --key PEM --ledger LEDGER.jsonl`.

For auditors. It needs Python's standard library and `cryptography`, and nothing else of this package, so that one file
can be read through and run elsewhere. It trusts the published key and nothing that the certificate says of itself:

1. the certificate's signature is genuine, over the canonical JSON of everything but the signature;
2. the exported ledger is one unbroken hash chain from its first record, and its last record is signed by the same key;
3. the record that the certificate names stands in that chain with that hash, and says that this plan certified this
   request at that instant;
4. with `--files LIST`: the list of files is the one that the certificate names by its digest.

Exit codes: 0 genuine and nothing was found; 2 an input cannot be used; 4 not genuine, or genuine and stating residue
or no search.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

GENUINE, UNUSABLE, NOT_GENUINE = 0, 2, 4
GENESIS = "0" * 64
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\s*", re.DOTALL)
_BODY = ("sequence", "actor", "action", "object", "outcome", "counts", "detail", "previous")


class Unusable(Exception):
    """Raised when a file is not what it should be; the certificate is neither confirmed nor refuted."""


class NotGenuine(Exception):
    """Raised when a signature, a hash or a place in the chain does not fit."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one certificate, say the outcome on stdout, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m delible.verify_certificate", description="Check a certificate.")
    parser.add_argument("file", type=Path, metavar="FILE", help="the certificate's JSON document")
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="the controller's published key or keys")
    parser.add_argument("--ledger", type=Path, required=True, metavar="JSONL", help="the exported audit ledger")
    parser.add_argument("--files", type=Path, metavar="LIST", help="the list of files that the certificate names")
    given = parser.parse_args(arguments)
    try:
        keys = public_keys(_read(given.key))
        certificate = _object(_read(given.file), str(given.file))
        check_signature(certificate, keys)
        records, named = check_chain(_records(given.ledger), keys, certificate.get("ledger_sequence"))
        check_place(certificate, records, named)
        if given.files is not None:
            check_files(certificate, _read(given.files))
        said, code = outcome(certificate, records)
    except Unusable as error:
        said, code = f"cannot be checked: {error}", UNUSABLE
    except NotGenuine as error:
        said, code = f"NOT genuine: {error}", NOT_GENUINE
    sys.stdout.write(_printable(said) + "\n")
    return code


def _printable(text: str) -> str:
    """Return a text whose signs are letters on any terminal: an unsigned document could move its cursor."""
    return "".join(c if c.isascii() and c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def public_keys(pem: bytes) -> list[Ed25519PublicKey]:
    """Return the Ed25519 keys of a PEM file; it may hold several, when the controller has renewed its key."""
    found = []
    for block in _PEM.findall(pem):
        try:
            key = load_pem_public_key(block)
        except UnsupportedAlgorithm:
            continue
        except ValueError:
            raise Unusable("the key file holds a damaged key.") from None
        if isinstance(key, Ed25519PublicKey):
            found.append(key)
    if not found:
        raise Unusable("the key file holds no Ed25519 public key in PEM form.")
    return found


def check_signature(certificate: dict[str, Any], keys: list[Ed25519PublicKey]) -> None:
    """Check the certificate's signature over the canonical form of everything else in it."""
    signature = certificate.get("signature")
    body = {key: value for key, value in certificate.items() if key != "signature"}
    if not isinstance(signature, str) or not _signed(canonical(body), signature, keys):
        raise NotGenuine(f"the signature does not fit (the certificate names key {certificate.get('key_id')}).")


def check_chain(
    lines: Iterator[dict[str, Any]], keys: list[Ed25519PublicKey], sequence: Any
) -> tuple[int, dict[str, Any] | None]:
    """Check the whole chain and its end; return how many records there are, and the one with that number, if any."""
    named: dict[str, Any] | None = None
    number, previous, signature = 0, GENESIS, None
    for number, record in enumerate(lines, 1):
        own = _hash(record, number)
        if record["sequence"] != number or record["previous"] != previous or record["hash"] != own:
            raise NotGenuine(f"the ledger is broken at record {number}.")
        if number == sequence:
            named = record
        previous, signature = own, record.get("signature")
    if not number:
        raise Unusable("the ledger holds no record.")
    if not isinstance(signature, str) or not _signed(f"delible/audit/{previous}".encode(), signature, keys):
        raise NotGenuine("the ledger's last record is not signed with this key; its end may be missing.")
    return number, named


def check_place(certificate: dict[str, Any], records: int, named: dict[str, Any] | None) -> None:
    """Check that the record that the certificate names is the ledger's own account of its making."""
    if named is None:
        raise NotGenuine(f"the ledger holds {records} records, and not the one that the certificate names.")
    if named["hash"] != certificate.get("ledger_hash"):
        raise NotGenuine(f"record {named['sequence']} of the ledger is not the one that the certificate names.")
    said = ("erasure.certify", "done", f"plan:{certificate.get('plan')}/request:{certificate.get('request')}")
    if (named["action"], named["outcome"], named["object"]) != said:
        raise NotGenuine(f"record {named['sequence']} of the ledger says something else than the certificate.")
    try:
        completed = datetime.fromisoformat(str(certificate.get("completed")))
    except ValueError:
        raise Unusable("the certificate says no instant at which it was completed.") from None
    if completed != datetime.fromisoformat(named["at"]):
        raise NotGenuine(f"record {named['sequence']} of the ledger is of another instant than the certificate.")


def check_files(certificate: dict[str, Any], data: bytes) -> None:
    """Check that a list of files is the certificate's own, and lists as many as that says."""
    named = certificate.get("manifest")
    if not isinstance(named, dict):
        raise Unusable("the certificate names no list of files.")
    if hashlib.sha256(data).hexdigest() != named.get("sha256"):
        raise NotGenuine("the list of files is not the one that the certificate names.")
    listed = [
        _object(line, f"line {number} of the list").get("when") for number, line in enumerate(data.splitlines(), 1)
    ]
    if [listed.count("before"), listed.count("after")] != [named.get("before"), named.get("after")]:
        raise NotGenuine("the list of files has another length than the certificate says.")


def outcome(certificate: dict[str, Any], records: int) -> tuple[str, int]:
    """Return what a genuine certificate says, and the exit code."""
    search = certificate.get("verification")
    if not isinstance(search, dict):
        raise Unusable("the certificate states no byte search.")
    matches, unreadable, searched = search.get("matches"), search.get("unreadable"), search.get("files_searched")
    if not isinstance(matches, list) or not isinstance(unreadable, list) or type(searched) is not int:
        raise Unusable("the certificate does not say what the byte search found.")
    head = (
        f"genuine: certificate {certificate.get('certificate')} on request {certificate.get('request')}, record "
        f"{certificate['ledger_sequence']} of {records} in an intact ledger; "
        f"{searched} files searched"
    )
    if matches or unreadable:
        return f"{head}, {len(matches)} places with residue, {len(unreadable)} files unreadable", NOT_GENUINE
    if searched < 1:
        return f"{head}, so that nothing is proven", NOT_GENUINE
    beside = [
        f"{number} {words}"
        for words, number in (
            ("dataset releases that hold the data subject", _length(certificate, "releases")),
            ("dataset releases that could not be looked into", _length(certificate, "releases_unknown")),
            ("parts kept under exceptions", _length(certificate, "kept")),
            ("files unread in tables without rows of the data subject", _length(search, "apart")),
        )
        if number
    ]
    return f"{head}, nothing found" + (f"; it also names {', '.join(beside)}" if beside else ""), GENUINE


def _length(document: dict[str, Any], key: str) -> int:
    """Return how many a list has that older documents, and those with nothing to say, may lack."""
    value = document.get(key, [])
    if not isinstance(value, list):
        raise Unusable(f"the certificate's '{key}' is not a list.")
    return len(value)


def canonical(value: Any) -> bytes:
    """Return the one byte form of equal JSON values; the same as `delible.model.base.canonical`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )


def _hash(record: dict[str, Any], number: int) -> str:
    try:
        body = {key: record[key] for key in _BODY}
        at = datetime.fromisoformat(record["at"])
        if at.tzinfo is None or "hash" not in record:
            raise ValueError
        body["at"] = at.astimezone(UTC).isoformat(timespec="microseconds")
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unusable(f"line {number} of the ledger is not an audit record.") from None
    return hashlib.sha256(canonical(body)).hexdigest()


def _signed(data: bytes, signature: str, keys: list[Ed25519PublicKey]) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    for key in keys:
        try:
            key.verify(raw, data)
        except InvalidSignature:
            continue
        return True
    return False


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_read(path).splitlines(), 1):
        yield _object(line, f"line {number} of the ledger")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError):
        raise Unusable(f"{path} cannot be read.") from None


def _refused(_: str) -> Any:
    raise ValueError


def _finite(number: str) -> float:
    value = float(number)
    return value if isfinite(value) else _refused(number)


def _object(raw: bytes, name: str) -> dict[str, Any]:
    """Return a JSON object. A key that stands twice is refused: one reader could be shown what another one checks."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Unusable(f"{name} holds a key twice.")
        return dict(pairs)

    try:
        value = json.loads(raw, object_pairs_hook=unique, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Unusable(f"{name} is not JSON.") from None
    if not isinstance(value, dict):
        raise Unusable(f"{name} is not a JSON object.")
    return value


if __name__ == "__main__":
    sys.exit(main())
