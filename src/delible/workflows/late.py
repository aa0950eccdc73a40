"""Rows of due people that others wrote while the run was under way: found wholly, then erased like the first ones.

A MERGE does not see what is appended while it runs, and Delta lets both commit. So before old files go, the log is
asked whether others have changed rows since the search; only then is searched again. What comes after that is in live
files: the byte search at the end finds it, and what comes later still `guard` finds, by its reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from delible.errors import BlockedError
from delible.model.plan import ErasurePlan, Stage, TableStep
from delible.model.record import AuditRecord
from delible.model.request import Request
from delible.model.subject import KeyRole, KeyRow, own_keys
from delible.model.terms import ErasureAction
from delible.workflows.busy import undisturbed
from delible.workflows.control import Control
from delible.workflows.guard_requests import requested_by_guard
from delible.workflows.journal import Step, round_of
from delible.workflows.search import Searched, find_people, refs_of_keys
from delible.workflows.stages import Run

_ROUNDS = 3
"""A source that writes somebody's rows again and again is for people to find: the byte search says where they stand."""

Rewrite = Callable[[Run, TableStep, Sequence[KeyRow], str], Step]
"""Erases a step's rows in commits of a mark."""


@dataclass(frozen=True)
class Latecomers:
    """One run's look for rows that came late.

    Args:
        requests: Those that have not ended.
        keys: All keys of theirs.
    """

    control: Control
    run: Run
    plan: ErasurePlan
    requests: Sequence[Request]
    keys: list[KeyRow]
    rewrite: Rewrite

    def erase(self) -> list[KeyRow]:
        """Erase rows that others wrote since the search; return all keys, with those that only such rows tell.

        Raises:
            ConflictError: `table.busy`.
        """
        keys, since = self.keys, dict(self.plan.seen)
        for _ in range(_ROUNDS):
            moved = self._moved(since)
            if not moved:
                break
            self.run.progress(f"looking again: others have written to {', '.join(moved)}")
            searched, keys = self._found(keys, moved)
            since |= searched.versions
            late = [s for s in self.plan.tables if self._is_due(searched, s)]
            for step in late:
                self._erase_in(_as_due_now(step, searched), keys)
            if not late:
                break
        return keys

    def _moved(self, since: Mapping[str, int]) -> list[str]:
        """Return the tables in which others have added, changed or removed rows."""
        from delible.lake.others import others_since

        kept = {step.table for step in self.plan.tables if step.history is not None}
        locations = self.control.locations()
        mine = self.run.mark("")
        return [
            name
            for name, version in since.items()
            if name in locations and name not in kept and others_since(locations[name], mine, version).may_have_rows
        ]

    def _found(self, keys: list[KeyRow], moved: Sequence[str]) -> tuple[Searched, list[KeyRow]]:
        """Find what is due now, and by which keys.

        A row that came before the MERGE may be gone with it, and was the only one to tell under which other keys its
        person stands elsewhere: so links are followed as the tables were just before.
        """
        control, run, today = self.control, self.run, self.run.clock().date()
        known, before = {_name(k) for k in keys}, self._before(moved)
        new: dict[tuple[str, str, str], KeyRow] = {}

        def learn(searched: Searched) -> Searched:
            out = self._undecided(searched)
            new.update({_name(k): k for k in searched.found.keys if _name(k) not in known and k.request not in out})
            return searched

        if before:
            learn(find_people(run.spark, control, keys, at=before))
        reaching = [*keys, *(k for k in new.values() if k.role is KeyRole.FOUND)]
        now = learn(find_people(run.spark, control, reaching, today=today))
        if new:
            control.requests.vault.put([*new.values(), *now.found.shared], run.clock())
            keys = own_keys(control.requests.vault.get([r.id for r in self.requests]))
            undecided = self._undecided(now)
            for request, refs in refs_of_keys(control, keys).items():
                if request not in undecided:
                    control.requests.add_refs(request, refs, run.clock())
        return now, keys

    def _undecided(self, searched: Searched) -> set[str]:
        """Return requests that reach further than they did, by what may be another person's: nobody decided that."""
        return {*searched.found.ambiguous, *searched.held, *requested_by_guard(self.control)}

    def _is_due(self, searched: Searched, step: TableStep) -> bool:
        """Return whether something is left to erase in a table.

        Where rows keep a key of their person, treated ones cannot be told from others: they are not treated twice, and
        the byte search says what is left.
        """
        due, policy = searched.due.get(step.table), self.control.policies.tables.get(step.table)
        if due is None or policy is None or not step.stages or step.history is not None:
            return False
        treated = policy.erasure.columns
        told = policy.erasure.action is ErasureAction.DELETE_ROW or all(r.column in treated for r in policy.subject)
        return due.mentions > 0 or (told and due.rows > due.unchanged)

    def _before(self, moved: Sequence[str]) -> dict[str, int]:
        """Return the version just before this plan's first commit, of moved tables that still have it."""
        from delible.lake.others import first_own, is_readable

        locations, found = self.control.locations(), {}
        for name in moved:
            first = first_own(locations[name], self.run.mark(""), self.plan.seen[name])
            if first is not None and is_readable(self.run.spark, locations[name], first - 1):
                found[name] = first - 1
        return found

    def _erase_in(self, step: TableStep, keys: Sequence[KeyRow]) -> None:
        from delible.lake.erase import marked
        from delible.lake.purge import purge_deletion_vectors

        run, table = self.run, f"table:{step.table}"
        thing = round_of(table, Stage.LATE, len(run.journal.rounds(table, Stage.LATE)) + 1)
        try:
            run.guard(run, step, Stage.MERGE)
        except BlockedError as error:
            # Somebody put rows of a held person back: these stay, and the byte search says whose residue they are.
            run.progress(f"{step.table}: rows that came late stay: {error.message}")
            return
        run.progress(f"{step.table}: rewriting {step.rows} rows that came late")
        mark = run.mark(thing.removeprefix("table:"))

        def erased(_: AuditRecord) -> Step:
            with marked(run.spark, mark):
                made = undisturbed(run, thing, Stage.LATE, lambda: self.rewrite(run, step, keys, mark))
                undisturbed(
                    run, thing, Stage.LATE, lambda: purge_deletion_vectors(run.spark, step.location, table=step.table)
                )
            return made

        run.journal.once(thing, Stage.LATE, erased)


def _name(key: KeyRow) -> tuple[str, str, str]:
    return key.request, key.kind, key.value


def _as_due_now(step: TableStep, searched: Searched) -> TableStep:
    """Return a step with what is due now."""
    due = searched.due[step.table]
    return step.model_copy(update={"rows": due.rows, "mentions": due.mentions, "shared_rows": due.shared_rows})
