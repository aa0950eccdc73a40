"""One text changed by Presidio's anonymizer, one operator per finding; and what of it is recognised again."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from delible.detect.findings import Finding
from delible.detect.surrogates import shifted, surrogate
from delible.errors import DelibleError
from delible.model.masking import SEALED_LETTERS, SEALED_USE, MaskOperator, MaskRule

TYPE = r"[A-Z]{2,20}(?:_[A-Z]{2,20}){0,4}"
PLACEHOLDER = re.compile(rf"<({TYPE})_(\d{{1,5}})>")
HASHED = re.compile(rf"<({TYPE})#([a-p]{{24}})\.([a-p]{{24}})>")
ENCRYPTED = re.compile(rf"<({TYPE})=([A-Za-z0-9_-]{{43,}}={{0,2}})\.([a-p]{{24}})>")

_WHOLE = 1_000_000_000
_BLOCK = 20_000
_MOST_DAYS = 730
_REPLACE = MaskRule(operator=MaskOperator.REPLACE)


class Secrets:
    """What keyed operators need, each derived for its own use from one key."""

    def __init__(self, key: bytes | None, text: str) -> None:
        self._key, self._text = key, text

    def pseudonym(self, entity: str, spelling: str) -> str:
        """Return a pseudonym and its tag, in letters, which no recognizer takes for a number; it joins across texts."""
        hashed = self._letters(b"hash", _bytes(f"{entity}\x1f{spelling}"))
        return f"{hashed}.{self._letters(b'hash tag', hashed.encode())}"

    def is_pseudonym(self, hashed: str, tag: str) -> bool:
        """Return whether this key made a pseudonym; without a key nobody can tell, and a name may be written so."""
        return self._is_tagged(b"hash tag", hashed, tag)

    def sealed(self, text: str) -> str:
        """Return a text encrypted, then signed (AES-256-CBC, HMAC), as base64 and letters.

        The form is that of Presidio's `encrypt`, whose random beginning would make each run's output another one. Here
        it hangs on the document and the text, so equal texts are seen to be equal in one document, and not across.
        """
        from cryptography.hazmat.primitives import padding
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        plain = re.sub("[\ud800-\udfff]", "\ufffd", text).encode()
        begin = self._derived(b"begin", self._document + plain)[:16]
        padder = padding.PKCS7(algorithms.AES.block_size).padder()
        encryptor = Cipher(algorithms.AES(self._derived(b"encrypt", b"")), modes.CBC(begin)).encryptor()
        sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
        cipher = urlsafe_b64encode(begin + sealed).decode()
        return f"{cipher}.{self._letters(b'tag', cipher.encode())}"

    def is_sealed(self, cipher: str, tag: str) -> bool:
        """Return whether this key made a ciphertext; without a key nobody can tell, and a name may be written so."""
        return self._is_tagged(b"tag", cipher, tag)

    def opened(self, cipher: str) -> str:
        """Return what `sealed` was given."""
        from presidio_anonymizer.operators import Decrypt

        text: str = Decrypt().operate(cipher, {"key": self._derived(b"encrypt", b"")})
        return text

    @cached_property
    def _document(self) -> bytes:
        return self._derived(b"document", _bytes(self._text))

    @cached_property
    def days(self) -> int:
        """By how many days the dates of this document are moved; never 0."""
        found = int.from_bytes(self._derived(b"dates", self._document)[:8])
        days = found % (2 * _MOST_DAYS) - _MOST_DAYS
        return days + 1 if days >= 0 else days

    def _is_tagged(self, use: bytes, mark: str, tag: str) -> bool:
        return self._key is not None and hmac.compare_digest(self._letters(use, mark.encode()), tag)

    def _letters(self, use: bytes, message: bytes) -> str:
        return "".join(SEALED_LETTERS[b >> 4] + SEALED_LETTERS[b & 15] for b in self._derived(use, message)[:12])

    def _derived(self, use: bytes, message: bytes) -> bytes:
        if self._key is None:
            raise DelibleError("mask.no_key", "the mask hashes, encrypts or invents, and was given no key.")
        return hmac.digest(self._key, SEALED_USE.encode() + use + b"\x00" + message, "sha256")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def operated(
    text: str,
    findings: Sequence[tuple[Finding, int, str]],
    rule: Callable[[str], MaskRule],
    secrets: Secrets,
) -> str:
    """Return a text with each finding changed.

    Args:
        findings: Sorted and without overlaps, each with its number among the values of its type, and its spelling.
        rule: What becomes of a type.
    """
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    engine: Any = AnonymizerEngine()  # type: ignore[no-untyped-call]
    typed: list[Any] = []
    configs: dict[str, Any] = {}
    touched = {found.start for found, _, _ in findings} & {found.end for found, _, _ in findings}
    for found, number, spelling in findings:
        given = rule(found.entity)
        if given.operator is MaskOperator.SURROGATE and not _stands_alone(text, found, touched):
            given = _REPLACE
        # Presidio has one operator per type, so value and operator are part of the type that it is told.
        name = f"{found.entity}_{number}_{given.operator}"
        typed.append(RecognizerResult(name, found.start, found.end, found.score))
        if name not in configs:
            configs[name] = OperatorConfig(*_config(given, found.entity, number, spelling, secrets))
    done = []
    for start, end, inside in _blocks(typed, len(text)):
        for each in inside:
            each.start, each.end = each.start - start, each.end - start
        block = text[start:end]
        if inside:
            mine = {each.entity_type: configs[each.entity_type] for each in inside}
            block = engine.anonymize(block, inside, mine, merge_entities_with_spaces=False).text
        done.append(block)
    return "".join(done)


def _stands_alone(text: str, found: Finding, touched: set[int]) -> bool:
    """Return whether a stand-in for a finding would be known again: nothing may run into it."""
    before, after = text[found.start - 1 : found.start], text[found.end : found.end + 1]
    return not (before.isalnum() or after.isalnum() or {found.start, found.end} & touched)


def _config(rule: MaskRule, entity: str, number: int, spelling: str, secrets: Secrets) -> tuple[str, dict[str, Any]]:
    """Return the name of Presidio's operator, and its settings.

    Its own `hash` salts at random, and so does its `encrypt`, whose output has no sign by which it is known again: both
    go through `custom`.
    """
    placeholder = f"<{entity}_{number}>"
    match rule.operator:
        case MaskOperator.REDACT | MaskOperator.KEEP:
            return rule.operator.value, {}
        case MaskOperator.REPLACE:
            return "replace", {"new_value": placeholder}
        case MaskOperator.MASK:
            count = _WHOLE if rule.count is None else rule.count
            return "mask", {"masking_char": rule.character, "chars_to_mask": count, "from_end": rule.from_end}

    def put(text: str) -> str:
        if rule.operator is MaskOperator.HASH:
            return f"<{entity}#{secrets.pseudonym(entity, spelling)}>"
        if rule.operator is MaskOperator.ENCRYPT:
            return f"<{entity}={secrets.sealed(text)}>"
        invented = shifted(text, secrets.days) if entity == "DATE_TIME" else surrogate(entity, number, text)
        return invented or placeholder

    return "custom", {"lambda": put}


def _blocks(typed: list[Any], length: int) -> Iterator[tuple[int, int, list[Any]]]:
    """Cut a long text between findings: Presidio copies the whole text once per finding."""
    start, inside = 0, list[Any]()
    for each in typed:
        if inside and each.end - start > _BLOCK:
            yield start, each.start, inside
            start, inside = each.start, []
        inside.append(each)
    yield start, length, inside
