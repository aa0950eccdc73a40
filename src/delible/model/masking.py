"""What a mask puts in the place of each type of finding."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from delible.model.base import Frozen
from delible.model.recognizer import Entity

SEALED_USE = "delible mask\x00"
"""What the keys that ciphertexts hang on are derived with."""
SEALED_LETTERS = "abcdefghijklmnop"
"""The digits of their tags, which no recognizer takes for a number."""


class MaskOperator(StrEnum):
    """What becomes of one finding.

    `replace` puts a numbered placeholder; `redact` nothing; `mask` covers characters; `hash` puts a keyed pseudonym
    (HMAC-SHA-256), which joins across texts; `encrypt` what only the key opens; `keep` leaves it; `surrogate` puts
    something that looks real and is nobody's.
    """

    REPLACE = "replace"
    REDACT = "redact"
    MASK = "mask"
    HASH = "hash"
    ENCRYPT = "encrypt"
    KEEP = "keep"
    SURROGATE = "surrogate"


class MaskRule(Frozen):
    """An operator with its settings.

    Args:
        character: For `mask`, what covers.
        count: For `mask`, how many characters are covered; all when left out.
        from_end: For `mask`, count from the end.
    """

    operator: MaskOperator
    character: Annotated[str, Field(min_length=1, max_length=1)] = "*"
    count: Annotated[int, Field(gt=0)] | None = None
    from_end: bool = False

    @model_validator(mode="after")
    def _complete(self) -> MaskRule:
        if self.operator is not MaskOperator.MASK and (
            self.character != "*" or self.count is not None or self.from_end
        ):
            raise ValueError("'character', 'count' and 'from_end' belong to operator 'mask'")
        if self.character.isalnum() or self.character.isspace():
            raise ValueError("'character' must be a sign: letters, digits and spaces would look like text")
        return self


def _operator_alone(given: Any) -> Any:
    return {"operator": given} if isinstance(given, str) else given


MaskEntry = Annotated[MaskRule, BeforeValidator(_operator_alone, json_schema_input_type=MaskOperator | MaskRule)]
"""A rule; a bare operator is short for one without settings."""

_KEYED = (MaskOperator.HASH, MaskOperator.ENCRYPT, MaskOperator.SURROGATE)


class Masking(Frozen):
    """One rule per type of finding.

    Args:
        default: For every type that `entities` does not name.
        entities: By type, as Presidio or a recognizer spells it; `SUBJECT` stands for known identifiers of the row's
            data subject.
    """

    default: MaskEntry = MaskRule(operator=MaskOperator.REPLACE)
    entities: dict[Entity, MaskEntry] = {}

    def rule(self, entity: str) -> MaskRule:
        """Return the rule for a type."""
        return self.entities.get(entity, self.default)

    @property
    def keyed(self) -> bool:
        """Whether a key is needed."""
        return any(rule.operator in _KEYED for rule in (self.default, *self.entities.values()))

    @property
    def kept(self) -> tuple[str, ...]:
        """Types that are left as they are."""
        named = tuple(sorted(e for e, rule in self.entities.items() if rule.operator is MaskOperator.KEEP))
        return (*named, "all others") if self.default.operator is MaskOperator.KEEP else named


DEFAULT_MASKING = Masking()
"""Numbered placeholders for everything."""
