"""The journal of a run: each step is in the audit ledger before and after, and is done once.

The ledger itself is the journal, so that after a crash there is one account of what happened, not two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock

from delible.model.record import AuditEntry, AuditRecord
from delible.store.ledger import Ledger
from delible.workflows.clock import Clock


@dataclass(frozen=True)
class Step:
    """What a step did."""

    counts: dict[str, int] = field(default_factory=dict)
    detail: dict[str, str] = field(default_factory=dict)


class Journal:
    """The records of one plan.

    Args:
        run: The plan's object prefix, such as `plan:E-…`.
        verb: First word of all actions: `erasure` or `retention`.
        policy: Fingerprint that every record names.
    """

    def __init__(self, ledger: Ledger, *, run: str, verb: str, actor: str, policy: str, clock: Clock) -> None:
        self._ledger = ledger
        self._run = run
        self._verb = verb
        self._actor = actor
        self._policy = policy
        self._clock = clock
        # Several tables are treated at once, and the ledger has one writer.
        self._turn = RLock()
        self._records: dict[tuple[str, str, str], AuditRecord] = {}
        for record in ledger.records(object_prefix=f"{run}/"):
            self._records.setdefault((record.object, record.action, record.outcome), record)

    def record(self, thing: str, step: str, outcome: str) -> AuditRecord | None:
        """Return the first record of a step's outcome, if there is one."""
        return self._records.get(self._place(thing, step, outcome))

    def done(self, thing: str, step: str) -> AuditRecord | None:
        """Return the record that says a step is done."""
        return self.record(thing, step, "done")

    def begin(self, thing: str, step: str, detail: Mapping[str, str] | None = None) -> AuditRecord:
        """Record that a step begins; after a crash, return the record of its first beginning."""
        return self.record(thing, step, "started") or self._append(thing, step, "started", Step({}, dict(detail or {})))

    def finish(self, thing: str, step: str, outcome: Step) -> AuditRecord:
        """Record that a step is done, once."""
        return self.done(thing, step) or self._append(thing, step, "done", outcome)

    def note(self, thing: str, step: str, outcome: str, what: Step) -> AuditRecord:
        """Record another outcome of a step, such as `failed`; each time anew."""
        return self._append(thing, step, outcome, what)

    def left_open(self, table: str, step: str) -> dict[str, str] | None:
        """Return what the last run of another plan recorded when it began a step on a table and did not finish it."""
        begun: dict[str, dict[str, str]] = {}
        for record in self._ledger.records(object_prefix="plan:"):
            _, _, thing = record.object.partition("/")
            if record.action.endswith(f".{step}") and thing.split("/")[0] == f"table:{table}":
                if record.outcome == "started":
                    begun.pop(record.object, None)
                    begun[record.object] = dict(record.detail)
                elif record.outcome == "done":
                    begun.pop(record.object, None)
        return next(reversed(begun.values()), None)

    def rounds(self, thing: str, step: str) -> list[AuditRecord]:
        """Return the records that say that a step is done which may be needed several times, in order."""
        found: list[AuditRecord] = []
        while (known := self.done(round_of(thing, step, len(found) + 1), step)) is not None:
            found.append(known)
        return found

    def once(self, thing: str, step: str, work: Callable[[AuditRecord], Step]) -> AuditRecord:
        """Do a step unless it is done, with records before and after."""
        known = self.done(thing, step)
        if known is not None:
            return known
        return self.finish(thing, step, work(self.begin(thing, step)))

    def once_each(self, step: str, outcomes: Mapping[str, Step]) -> dict[str, AuditRecord]:
        """Record a step of many things that is done in no time: one commit before, and one after; see `once`."""
        with self._turn:
            for outcome, steps in (("started", dict.fromkeys(outcomes, Step())), ("done", outcomes)):
                missing = {t: what for t, what in steps.items() if self.done(t, step) is None}
                if outcome == "started":
                    missing = {t: what for t, what in missing.items() if self.record(t, step, outcome) is None}
                entries = [self._entry(thing, step, outcome, what) for thing, what in missing.items()]
                for record in self._ledger.append(entries, self._clock()):
                    self._records.setdefault((record.object, record.action, record.outcome), record)
            return {thing: self._records[self._place(thing, step, "done")] for thing in outcomes}

    def _append(self, thing: str, step: str, outcome: str, what: Step) -> AuditRecord:
        with self._turn:
            record = self._ledger.append([self._entry(thing, step, outcome, what)], self._clock())[0]
            self._records.setdefault((record.object, record.action, record.outcome), record)
        return record

    def _entry(self, thing: str, step: str, outcome: str, what: Step) -> AuditEntry:
        return AuditEntry(
            actor=self._actor,
            action=f"{self._verb}.{step}",
            object=f"{self._run}/{thing}",
            outcome=outcome,
            counts=what.counts,
            detail={"policy": self._policy[:16], **what.detail},
        )

    def _place(self, thing: str, step: str, outcome: str) -> tuple[str, str, str]:
        return f"{self._run}/{thing}", f"{self._verb}.{step}", outcome


def round_of(thing: str, step: str, number: int) -> str:
    """Return the name, beside its thing's, of one round of a step that may be needed several times."""
    return f"{thing}/{step}-{number}"
