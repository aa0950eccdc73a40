"""Take consents in: what is sound goes into the ledger, what is broken into the quarantine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from delible.errors import DelibleError, InputError, Problem
from delible.model.policy import PolicySet
from delible.model.record import AuditEntry
from delible.store.consents import IMPORTS, Consents, Told
from delible.store.keys import load_keys
from delible.store.ledger import Ledger
from delible.store.policies import load_workspace_policies
from delible.store.quarantine import BrokenRow, Quarantine
from delible.store.workspace import Workspace
from delible.workflows import consent_receipts, consent_rows, consent_signals
from delible.workflows.consent_files import Row, rows_of
from delible.workflows.consent_quarantine import Waiting, lapse, row_id
from delible.workflows.consent_rows import Broken, Parser, RowRules
from delible.workflows.lineage_events import consents_use, duty, recorded

PARSERS: Mapping[str, Parser] = {
    "native": consent_rows.native,
    "gpc": consent_signals.gpc,
    "tcf": consent_signals.tcf,
    "gpp": consent_signals.gpp,
    "iso27560": consent_receipts.receipt,
}
"""Format to what reads one of its rows."""

FORMATS = tuple(PARSERS)
_MOST_PROBLEMS = 20
_MOST_BROKEN = 10_000


@dataclass(frozen=True)
class Imported:
    """What one import took in: lines, and records, of which a line has one per identifier and purpose.

    Args:
        lines: Rows that are sound.
        records: What they say.
        subjects: References that are spoken of.
        purposes: Rows by purpose.
        new: Records that the ledger did not hold.
        without_effect: Sound rows that say nothing, such as the absence of a signal.
        quarantined: Rows that are broken.
        mended: Rows of the same file that were in quarantine, and were taken in now.
        problems: The first findings.
    """

    lines: int
    records: int
    subjects: int
    purposes: dict[str, int]
    new: int = 0
    without_effect: int = 0
    quarantined: int = 0
    mended: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def failure(self) -> DelibleError | None:
        """The error that rows in quarantine are: something may have been said that does not count yet."""
        if not self.quarantined:
            return None
        rest = _more(self.quarantined, self.problems)
        return DelibleError("consent.row", "broken rows are in quarantine.", problems=(*self.problems, *rest))


@dataclass
class _Found:
    told: list[Told] = field(default_factory=list)
    purposes: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    silent: int = 0
    broken: list[tuple[Row, Broken]] = field(default_factory=list)


def import_consents(
    workspace: Workspace, source: str, *, form: str, actor: str, now: datetime, strict: bool = False
) -> Imported:
    """Append a file's consent records to the ledger, and put its broken rows into quarantine.

    What the ledger holds already is not added again, so that a file is imported anew once its broken rows are mended.
    The audit ledger has the intent before and the outcome after; of a run that was killed between the two, the next
    import tells what it had taken in, if anything.

    Args:
        source: A file, a Delta table's folder, or `-` for standard input.
        form: One of `FORMATS`.
        strict: Take nothing in when a row is broken.

    Raises:
        InputError: `consent.format`, `consent.file`, `consent.unmapped` when no purpose says which bits of TCF strings
            speak of it; `consent.row` with line and key, when nothing is taken in: with `strict`, and for a file
            without any sound row, or with too many broken ones to be what it was taken for.
    """
    if form not in PARSERS:
        raise InputError("consent.format", "this format is not supported.", fix=f"Allowed: {', '.join(FORMATS)}.")
    policies, keys = load_workspace_policies(workspace), load_keys(workspace)
    _refuse_unmapped(policies, form)
    rules = RowRules(policies.controller, policies.purposes, keys, now)
    lapse(workspace, keys, now=now)
    quarantine = Quarantine(workspace, keys)
    origin = quarantine.digest(form, "" if source == "-" else str(Path(source).absolute()))
    # Standard input can be anything, so no row of it is the one that was broken.
    waiting = Waiting(quarantine, origin) if source != "-" else None
    found = _read(source, form, rules, waiting)
    if found.broken and (strict or not found.lines or len(found.broken) > _MOST_BROKEN):
        problems = _problems(found.broken, source)
        raise InputError.of([*problems, *_more(len(found.broken), problems)])
    ledger = Ledger(workspace, keys)
    _reconcile(workspace, ledger, now)
    entry = _Entry(found, policies, form, actor, secrets.token_hex(6))
    ledger.append([entry.made("started")], now)
    with recorded(workspace, "consent.import", now=now, facets=duty(policies, "consent", basis=None)) as lineage:
        recorded_before = ledger.ready(IMPORTS)
        taken = Consents(workspace).take_in(found.told, lambda n: entry.sealed(now, new=n), beyond=recorded_before)
        new = taken.records
        rows = _broken_rows(quarantine, origin, source, form, found.broken, now)
        mended = quarantine.settle(rows, waiting.mended if waiting is not None else ())
        facet = {
            "format": form,
            "lines": found.lines,
            "records": new,
            "subjects": len({t.record.ref for t in found.told}),
            "quarantined": len(found.broken),
            "purposes": found.purposes,
        }
        lineage.outputs = [consents_use(workspace, rows=new, facet=facet)]
    result = Imported(
        lines=found.lines,
        records=len(found.told),
        subjects=len({t.record.ref for t in found.told}),
        purposes=found.purposes,
        new=new,
        without_effect=found.silent,
        quarantined=len(found.broken),
        mended=mended,
        problems=tuple(_problems(found.broken, source)),
    )
    done = entry.made("done", new=new, quarantined=len(found.broken), mended=mended)
    if taken.number is None:
        ledger.append([done], now)
    else:
        _reconcile(workspace, ledger, now, {taken.number: done})
    return result


def _read(source: str, form: str, rules: RowRules, waiting: Waiting | None) -> _Found:
    parse, found = PARSERS[form], _Found()
    for row in rows_of(source, documents=form == "iso27560", kinds=rules.controller.identifiers):
        if row.value is None or row.broken is not None:
            found.broken.append((row, row.broken or Broken("line", "cannot be read")))
        else:
            try:
                records = parse(row.value, rules)
            except Broken as broken:
                found.broken.append((row, broken))
            else:
                if waiting is not None:
                    waiting.seen(row)
                found.lines += 1
                found.silent += not records
                found.told += records
                for purpose in {r.record.purpose for r in records}:
                    found.purposes[purpose] = found.purposes.get(purpose, 0) + 1
        if len(found.broken) > _MOST_BROKEN:
            return found
    return found


def _problems(broken: Sequence[tuple[Row, Broken]], source: str) -> list[Problem]:
    return [why.problem(f"{source}:{row.number}") for row, why in broken[:_MOST_PROBLEMS]]


def _more(broken: int, told: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the finding that there are more than those that are told."""
    more = broken - len(told)
    are = "row is" if more == 1 else "rows are"
    return (Problem("consent.row", f"{more:,} more {are} broken.", None),) if more else ()


def _broken_rows(
    quarantine: Quarantine, origin: str, source: str, form: str, broken: Sequence[tuple[Row, Broken]], now: datetime
) -> list[BrokenRow]:
    name = Path(source).name if source != "-" else "standard input"
    return [
        BrokenRow(
            id=row_id(quarantine, origin, row),
            at=now,
            origin=origin,
            file=name if "@" not in name else "a file",
            line=row.number,
            form=form,
            code=why.code,
            key=why.key,
            row=row.raw,
        )
        for row, why in broken
    ]


def _refuse_unmapped(policies: PolicySet, form: str) -> None:
    if form == "tcf" and not any(purpose.tcf is not None for purpose in policies.purposes.values()):
        raise InputError(
            "consent.unmapped",
            "no purpose says which TCF purposes speak of it, so a TC string says nothing here.",
            fix="Give a purpose 'tcf', such as: tcf: {vendor: 755, purposes: [1, 3]}",
        )


@dataclass(frozen=True)
class _Entry:
    """What the audit ledger says of one import.

    Args:
        name: Tells which intent and which outcome belong together.
    """

    found: _Found
    policies: PolicySet
    form: str
    actor: str
    name: str

    def made(self, outcome: str, **counts: int) -> AuditEntry:
        """Return the entry; counts of nothing are left out, but for what is new."""
        subjects = len({t.record.ref for t in self.found.told})
        known = {"lines": self.found.lines, "records": len(self.found.told), "subjects": subjects}
        return AuditEntry(
            actor=self.actor,
            action="consent.import",
            object="consents",
            outcome=outcome,
            counts=known | {name: count for name, count in counts.items() if count or name == "new"},
            detail={"format": self.form, "policy": self.policies.fingerprint, "import": self.name},
        )

    def sealed(self, now: datetime, *, new: int) -> str:
        """Return the outcome as the commit carries it, in case that nobody comes to record it."""
        return json.dumps([self.made("done", new=new).model_dump(mode="json"), now.isoformat()])


def _reconcile(
    workspace: Workspace, ledger: Ledger, now: datetime, own: Mapping[int, AuditEntry] | None = None
) -> None:
    """Bring into the audit ledger what was taken in and is not in it: one's own import, and those of killed runs."""
    consents = Consents(workspace)

    def pending(recorded: int) -> tuple[list[tuple[AuditEntry, datetime]], int]:
        found, last = consents.unrecorded(recorded)
        mine = own or {}
        return [(mine[n], now) if n in mine else _told(said, now) for n, said in sorted(found.items())], last

    ledger.drain(IMPORTS, pending)


def _told(said: str | None, now: datetime) -> tuple[AuditEntry, datetime]:
    if said is None:  # its commit is no longer in the log
        return AuditEntry(actor="delible", action="consent.import", object="consents", outcome="uncounted"), now
    entry, at = json.loads(said)
    return AuditEntry.model_validate(entry), datetime.fromisoformat(at)
