"""Whether a table's old versions can be kept without the due people, and the step that does it: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from delible.errors import BlockedError, Problem
from delible.model.plan import History, RowsDue, Stage, TableFacts, TableStep
from delible.model.policy import PolicySet, TablePolicy
from delible.model.terms import ErasureAction, Readers

TRANSLATABLE_FEATURES = frozenset(
    {
        "allowColumnDefaults",
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "clustering",
        "columnMapping",
        "deletionVectors",
        "domainMetadata",
        "generatedColumns",
        "identityColumns",
        "inCommitTimestamp",
        "invariants",
        "rowTracking",
        "timestampNtz",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)
"""Features whose every action the translation knows; another may tie files together in ways that it would break."""

UNTRANSLATABLE_FEATURES = frozenset({"typeWidening", "typeWidening-preview", "variantType", "variantType-preview"})
"""Features under which erasure works and nobody has shown that a translation does: refused with the others."""

HISTORY_STAGES = (Stage.TRANSLATE, Stage.COMPARE, Stage.MERGE, Stage.VACUUM, Stage.EXPIRE_LOG, Stage.VERIFY)


def with_history(step: TableStep, history: History | None) -> TableStep:
    """Return the step that keeps a table's old versions; nobody waits for a window, since none of them goes."""
    if history is None or not step.stages:
        return step
    changed = {"stages": HISTORY_STAGES, "history": history, "wait_hours": 0}
    return step.model_copy(update={**changed, "files": history.files, "bytes": history.bytes})


def refuse_keeping(
    policies: PolicySet, facts: Mapping[str, TableFacts], due: Mapping[str, RowsDue], tables: Sequence[str]
) -> None:
    """Refuse to keep the history of tables in which something must happen that cannot be done to old versions.

    Raises:
        BlockedError: `history.action`, `history.mentions`, `history.exceptions`, `history.feature`, `history.store`,
            `readers.shared`, with one problem each.
    """
    problems = tuple(p for name in tables for p in _problems(policies.tables[name], facts[name], due[name]))
    if problems:
        raise BlockedError.of(problems)


def _problems(policy: TablePolicy, facts: TableFacts, due: RowsDue) -> Iterator[Problem]:
    name = policy.table

    def because(code: str, why: str) -> Problem:
        return Problem(
            code, f"the history of table '{name}' cannot be kept: {why} Leave out --keep-history.", f"table:{name}"
        )

    if policy.erasure.action is ErasureAction.TREAT_COLUMNS:
        yield because("history.action", "its rows stay without some columns, and old versions can only lose rows.")
    if due.mentions or due.held_mentions:
        yield because(
            "history.mentions", "texts of other people mention somebody, which only the newest version loses."
        )
    if due.exceptions or due.kept_rows:
        yield because("history.exceptions", "an exception keeps some of its rows.")
    for feature in facts.features:
        if feature not in TRANSLATABLE_FEATURES:
            yield because("history.feature", f"the Delta feature '{feature}' is not one that can be translated.")
    if "://" in facts.location and not facts.location.startswith("file://"):
        yield because(
            "history.store",
            "its store neither lets the time of a commit be set, by which old versions are found, nor a folder be "
            "renamed as a whole.",
        )
    if policy.readers is not Readers.EXCLUSIVE:
        yield because(
            "readers.shared", "its folder is swapped, which may break other readers; declare 'readers: exclusive'."
        )
