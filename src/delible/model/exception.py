"""Exceptions from erasure: what the law lets stay although its data subject asked for it to go, where and how long."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import model_validator

from delible.model.base import ColumnName, Frozen, Name, Text
from delible.model.terms import Regime


class ExceptionBasis(StrEnum):
    """Grounds on which data may stay; `ARTICLES` says which law knows which, and where."""

    FREE_EXPRESSION = "free_expression"
    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_HEALTH = "public_health"
    RESEARCH = "research"
    LEGAL_CLAIMS = "legal_claims"
    TRANSACTION = "transaction"
    SECURITY = "security"
    DEBUGGING = "debugging"
    CALECPA = "calecpa"
    INTERNAL_USE = "internal_use"


B, GDPR, CCPA = ExceptionBasis, Regime.GDPR, Regime.CCPA
ARTICLES: dict[tuple[Regime, ExceptionBasis], str] = {
    (GDPR, B.FREE_EXPRESSION): "GDPR Art. 17(3)(a)",
    (GDPR, B.LEGAL_OBLIGATION): "GDPR Art. 17(3)(b)",
    (GDPR, B.PUBLIC_HEALTH): "GDPR Art. 17(3)(c)",
    (GDPR, B.RESEARCH): "GDPR Art. 17(3)(d)",
    (GDPR, B.LEGAL_CLAIMS): "GDPR Art. 17(3)(e)",
    (CCPA, B.TRANSACTION): "Cal. Civ. Code §1798.105(d)(1)",
    (CCPA, B.SECURITY): "Cal. Civ. Code §1798.105(d)(2)",
    (CCPA, B.DEBUGGING): "Cal. Civ. Code §1798.105(d)(3)",
    (CCPA, B.FREE_EXPRESSION): "Cal. Civ. Code §1798.105(d)(4)",
    (CCPA, B.CALECPA): "Cal. Civ. Code §1798.105(d)(5)",
    (CCPA, B.RESEARCH): "Cal. Civ. Code §1798.105(d)(6)",
    (CCPA, B.INTERNAL_USE): "Cal. Civ. Code §1798.105(d)(7)",
    (CCPA, B.LEGAL_OBLIGATION): "Cal. Civ. Code §1798.105(d)(8)",
    (CCPA, B.LEGAL_CLAIMS): "Cal. Civ. Code §1798.145(a)(1)(E)",
}
"""Version of the law: GDPR as of 2016-05-04, Cal. Civ. Code as of 2026-01-01."""


class ErasureException(Frozen):
    """Fields or whole rows of one table that an erasure keeps, until a day.

    Args:
        columns: What is kept; the whole row when empty. One of them must reach the data subject, or nobody could find
            the row when the exception ends.
        basis: The ground as the law names it.
        regimes: For whose requests; for all laws that know the basis when left out. A row that a request under
            another law reaches, too, is not protected.
        owner: Who answers for it, such as a department.
        until: The last day.
        where: Spark SQL expression on the table's own columns. A row of which it is not known whether it is true is
            KEPT: erasing cannot be undone.
        identifying: Why columns are needed that tell by themselves who somebody is, such as names.
        reason: Which law or purpose asks for it; the data subject is told.
    """

    exception: Name
    table: Name
    columns: tuple[ColumnName, ...] = ()
    basis: ExceptionBasis
    regimes: tuple[Regime, ...] = ()
    owner: Text
    until: date
    where: str | None = None
    identifying: Text | None = None
    reason: Text

    @model_validator(mode="after")
    def _once(self) -> ErasureException:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("'columns' names a column twice")
        return self

    @property
    def laws(self) -> frozenset[Regime]:
        """The laws under whose requests it may protect anything."""
        return frozenset(self.regimes or (regime for regime, basis in ARTICLES if basis is self.basis))


class KeptPart(Frozen):
    """What one exception kept of one table.

    Args:
        columns: The whole row when empty.
        rows: Rows of which it keeps something.
        owner, reason: As the policy says; left out where the ledger is told, which can never be corrected.
    """

    exception: str
    table: str
    columns: tuple[str, ...] = ()
    basis: ExceptionBasis
    article: str
    until: date
    rows: int = 0
    owner: str | None = None
    reason: str | None = None
