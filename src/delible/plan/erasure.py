"""Plan the erasure of all due requests over all tables: pure, from policies, facts and what the find step counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from delible.decide.column_paths import says_of
from delible.errors import BlockedError, Problem, bounded
from delible.model.plan import ErasurePlan, History, PlannedRequest, RowsDue, Stage, TableFacts, TableStep
from delible.model.policy import PolicySet, TablePolicy
from delible.model.terms import ErasureAction, Readers
from delible.plan.history import refuse_keeping, with_history
from delible.plan.order import erasure_order
from delible.plan.untreatable import left_by_erasure, refuse_untreatable

ERASABLE_FEATURES = frozenset(
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
        "typeWidening",
        "typeWidening-preview",
        "v2Checkpoint",
        "vacuumProtocolCheck",
        "variantType",
        "variantType-preview",
    }
)
"""Features under which merge, purge, VACUUM, log expiry and verification are known to reach every byte, each shown by
`tests/spark/test_erasure_features.py`. Any other is refused."""

_WAYS_OUT = {
    "catalogManaged": "its commits belong to the catalog; copy it to a table whose log is in its own folder",
    "checkpointProtection": "it forbids to remove old log entries; ALTER TABLE … DROP FEATURE checkpointProtection",
    "collations": "statistics of collated columns are not searched; ALTER the columns to STRING without a collation",
    "icebergCompatV1": "Iceberg's manifests keep bounds of columns; switch its Iceberg metadata off, and remove it",
    "icebergCompatV2": "Iceberg's manifests keep bounds of columns; switch its Iceberg metadata off, and remove it",
}
"""What to do about features of which it is known why they are refused."""

ALL_STAGES = (Stage.MERGE, Stage.PURGE, Stage.VACUUM, Stage.EXPIRE_LOG, Stage.VERIFY)


def plan_erasure(  # noqa: PLR0913  # all of it is the plan
    policies: PolicySet,
    facts: Mapping[str, TableFacts],
    due: Mapping[str, RowsDue],
    cost: Mapping[str, tuple[int, int]],
    requests: Sequence[PlannedRequest],
    *,
    seen: Mapping[str, int],
    plan_id: str,
    now: datetime,
    immediate: bool,
    earlier: tuple[str, ...] = (),
    again: Collection[str] = (),
    history: Mapping[str, History | None] | None = None,
) -> ErasurePlan:
    """Return the ordered steps of one erasure run.

    Args:
        due: Rows per table, as the find step counted them; a table without due rows and mentions is left alone.
        cost: Files and bytes per table that hold due rows.
        seen: Version at which each table was searched.
        earlier: Plans with residue that this one goes on from.
        again: Tables in which their byte searches found something: all stages run there, due rows or not.
        immediate: Close the retention windows, for tables that nothing else reads.
        history: The tables whose old versions are to be kept, and what these hold; None where they could not be read.

    Raises:
        BlockedError: `erasure.feature`, `erasure.several_owners`, `erasure.unmapped_column`, `erasure.not_null`,
            `erasure.computed_column`, `erasure.too_long`, `readers.shared` when a table cannot be erased as asked.
    """
    past = {name: each for name, each in (history or {}).items() if each is not None and each.rows}
    again = {*again, *past}
    touched = [n for n, d in due.items() if d.rows or d.mentions or n in again]
    erased = [n for n in sorted(touched) if policies.tables[n].erasure.action is not ErasureAction.KEEP]
    _refuse_several_owners(policies, [n for n in erased if due[n].rows])
    _refuse_unmapped(policies, facts, [n for n in erased if due[n].rows])
    refuse_untreatable((facts[n], left_by_erasure(policies.tables[n].erasure.columns)) for n in erased if due[n].rows)
    refuse_unsafe(policies, facts, erased, immediate=immediate)
    refuse_keeping(policies, facts, due, [name for name in erased if name in (history or {})])
    steps = tuple(
        with_history(
            _step(policies.tables[name], facts[name], due[name], cost.get(name, (0, 0)), immediate, name in again),
            past.get(name),
        )
        for name in erasure_order(policies.tables, touched)
    )
    return ErasurePlan(
        id=plan_id,
        created=now,
        policy_fingerprint=policies.fingerprint,
        immediate=immediate,
        requests=tuple(sorted(requests, key=lambda r: (r.due, r.id))),
        seen=dict(sorted(seen.items())),
        earlier=earlier,
        tables=steps,
    )


def _step(
    policy: TablePolicy, facts: TableFacts, due: RowsDue, cost: tuple[int, int], immediate: bool, again: bool
) -> TableStep:
    stays = policy.erasure.action is ErasureAction.KEEP or due.rows == due.unchanged
    keeps = stays and not due.mentions and not again
    return TableStep(
        table=policy.table,
        location=facts.location,
        version=facts.version,
        action=policy.erasure.action,
        rows=due.rows,
        shared_rows=due.shared_rows,
        mentions=due.mentions,
        held_mentions=due.held_mentions,
        files=cost[0],
        bytes=cost[1],
        stages=() if keeps else ALL_STAGES,
        wait_hours=0 if immediate else max(facts.deleted_file_retention_hours, facts.log_retention_hours),
        reason=policy.erasure.reason,
        exceptions=due.exceptions,
        kept=due.kept,
        kept_rows=due.kept_rows,
    )


def _refuse_several_owners(policies: PolicySet, tables: Sequence[str]) -> None:
    """Refuse tables in which a due row may also be somebody else's: it must not be destroyed with the first."""
    problems = tuple(
        Problem(
            "erasure.several_owners",
            f"a row of table '{name}' can belong to several people (two columns of one kind, or a path beside another "
            "way); this version cannot tell whose it is. Declare one way in 'subject'.",
            f"table:{name}",
        )
        for name in tables
        if policies.tables[name].several_owners
    )
    if problems:
        raise BlockedError.of(problems)


def _refuse_unmapped(policies: PolicySet, facts: Mapping[str, TableFacts], tables: Sequence[str]) -> None:
    """Refuse to treat single columns of a table that has others of which no policy says what they hold."""
    problems = tuple(
        Problem(
            "erasure.unmapped_column",
            f"a row of table '{name}' stays after its erasure, and no policy says what its column "
            f"'{bounded(column, 80)}' holds. Map it in the table's 'columns'.",
            f"table:{name}",
        )
        for name in tables
        if policies.tables[name].erasure.action is ErasureAction.TREAT_COLUMNS
        for column in facts[name].leaves
        if not says_of(policies.tables[name].columns, column)
    )
    if problems:
        raise BlockedError.of(problems)


def refuse_unsafe(
    policies: PolicySet,
    facts: Mapping[str, TableFacts],
    tables: Sequence[str],
    *,
    immediate: bool,
    unsafe: Collection[str] = (),
) -> None:
    """Refuse tables with a feature under which bytes could stay, or whose windows may not be closed.

    Args:
        unsafe: Features that are safe for an erasure, but not for what is planned here.

    Raises:
        BlockedError: `erasure.feature`, `erasure.append_only`, `readers.shared`, with one problem each.
    """
    problems = tuple(
        Problem(
            "erasure.feature",
            f"table '{name}' uses the Delta feature '{feature}', under which erasure is not known to be safe: "
            f"{_WAYS_OUT.get(feature, f'copy it to a table without it, or ALTER TABLE … DROP FEATURE {feature}')}.",
            f"table:{name}",
        )
        for name in tables
        for feature in facts[name].features
        if feature not in ERASABLE_FEATURES or feature in unsafe
    ) + tuple(
        Problem(
            "erasure.append_only",
            f"table '{name}' takes new rows only, so Delta changes none that are there: ALTER TABLE … SET "
            "TBLPROPERTIES ('delta.appendOnly' = 'false') first, and set it back afterwards.",
            f"table:{name}",
        )
        for name in tables
        if facts[name].append_only
    )
    if problems:
        raise BlockedError.of(problems)
    if immediate:
        refuse_shared(policies, tables)


def _shared(policy: TablePolicy) -> list[Problem]:
    if policy.readers is Readers.EXCLUSIVE:
        return []
    message = (
        f"table '{policy.table}' may have other readers; leave out --immediate, or declare 'readers: exclusive' "
        "in its policy."
    )
    return [Problem("readers.shared", message, f"table:{policy.table}")]


def refuse_shared(policies: PolicySet, tables: Sequence[str]) -> None:
    """Refuse to close the retention windows of tables that may have other readers.

    Raises:
        BlockedError: `readers.shared`, with one problem per table.
    """
    problems = tuple(p for name in tables for p in _shared(policies.tables[name]))
    if problems:
        raise BlockedError.of(problems)
