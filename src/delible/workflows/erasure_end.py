"""How an erasure ends: every byte is searched, what is proven gone is certified, and the plan is closed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from delible.errors import BlockedError, Problem, ResidueError
from delible.model.lineage import LineageRun
from delible.model.plan import ErasurePlan
from delible.model.proof import FileDigest, Verification
from delible.model.request import ENDED, Request
from delible.model.subject import KeyRow, SubjectRef
from delible.model.terms import RequestState
from delible.plan.rates import MILLISECONDS
from delible.store.members import releases_with
from delible.workflows.attribution import proven_clean
from delible.workflows.certificates import certify
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.dataset_publish import register_all_shown
from delible.workflows.exceptions import end_requests, kept_at
from delible.workflows.file_lists import file_list
from delible.workflows.journal import Journal, Step
from delible.workflows.lineage_events import describe_erasure
from delible.workflows.notices import queue_after
from delible.workflows.object_versions import purge_object_versions
from delible.workflows.stages import Run
from delible.workflows.treated import Treated, reported
from delible.workflows.unfinished import forget_plan, plans_before
from delible.workflows.verification import search_everything

S = RequestState


@dataclass(frozen=True)
class Concluded:
    """What became of the requests of one run; see `workflows.erasure.Erased`."""

    requests: tuple[Request, ...]
    verification: Verification | None = None
    releases: tuple[str, ...] = ()
    letters: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Conclusion:
    """The end of one run of a plan.

    Args:
        requests: Those that have not ended yet.
        treated: All tables of the plan.
        keys: The requests' own keys and evidence.
        own: References of each request's data subject.
        lineage: The run's own lineage, which is told what was done.
        files: What the last search read.
    """

    control: Control
    run: Run
    plan: ErasurePlan
    requests: tuple[Request, ...]
    treated: tuple[Treated, ...]
    keys: Sequence[KeyRow]
    own: Mapping[str, Collection[SubjectRef]]
    actor: str
    lineage: LineageRun
    files: list[FileDigest] = field(default_factory=list)

    def conclude(self) -> Concluded:
        """End what can end.

        Raises:
            BlockedError: `request.held`, `table.held` for tables whose old bytes a hold keeps. Whoever has no row there
                has ended then.
            ResidueError: `erasure.residue`; requests of whom nothing stands any more have ended then.
        """
        ids = [r.id for r in self.requests]
        describe_erasure(self.lineage, self.plan, self.control.policies, self.treated)
        self._suppress()
        held = tuple(problem for t in self.treated for problem in t.held)
        if any(t.waiting_until is not None for t in self.treated):
            after = self._moved(ids, S.WAITING_RETENTION_WINDOW)
            if held:
                raise BlockedError.of(held)
            return Concluded(tuple(after))
        if held:
            self._end_others(ids, held)
            raise BlockedError.of(held)
        purge_object_versions(self.run, self.treated, self.control.policies.tables)
        self.run.progress("searching every byte")
        started = monotonic()
        found = self._searched(ids)
        took = {MILLISECONDS: int((monotonic() - started) * 1000)}
        describe_erasure(self.lineage, self.plan, self.control.policies, self.treated, found)
        clean = proven_clean(self._searched, found, ids, concerns=self._concerning())
        self.run.journal.begin("all", "verify")
        left = [i for i in ids if i not in clean]
        if left:
            self._record_residue(found, took)
        else:
            self.run.journal.finish("all", "verify", Step({**found.counts, **took}))
        after, letters, releases = self._end(clean)
        if left:
            self._moved(left, S.PARTLY_COMPLETED)
            # Their rows are gone, whatever a file still holds: recipients have to know now (Art. 19).
            self._tell(left)
            raise _residue(found, len(left))
        close(self.control, self.run.journal, self.plan)
        return Concluded(tuple(after), found, releases, letters)

    def _suppress(self) -> None:
        """Keep erased people out from the last MERGE on, not when the last byte is gone or an exception has ended."""
        refs = {request.id: self.own.get(request.id, request.refs) for request in self.requests}
        self.control.suppression.add_all(refs, self.run.clock())

    def _end_others(self, ids: Sequence[str], held: Sequence[Problem]) -> None:
        """End requests that have nothing in tables that a hold keeps; all others wait."""
        kept = [t.step for t in self.treated if t.held]
        planned = {r.id: r.rows for r in self.plan.requests}
        # Whose mentions stand in the old bytes of such a table, nobody can tell.
        free = [i for i in ids if not any(s.mentions or planned[i].get(s.table) for s in kept)]
        clean: dict[str, Verification] = {}
        if free:
            self.run.progress(f"searching every byte for {len(free)} request(s) that {len(held)} hold(s) leave alone")
            clean = proven_clean(self._searched, self._searched(free), free, concerns=self._concerning())
            self._end(clean)
        left = [i for i in ids if i not in clean]
        if left:
            self._moved(left, S.WAITING_RETENTION_WINDOW)
            self._tell(left)

    def _searched(self, ids: Sequence[str]) -> Verification:
        wanted = frozenset(ids)
        keys = [k for k in self.keys if k.request in wanted]
        kept = {r.id: r.kept for r in self.plan.requests if r.kept and r.id in wanted}
        steps = [t.step for t in self._every()]
        places = kept_at(kept, keys)
        self.files.clear()
        return search_everything(
            self.control, keys, now=self.run.clock(), planned=steps, kept=places, digests=self.files
        )

    def _concerning(self) -> Callable[[str, str], bool]:
        """Return what says whether a file that cannot be read may hold something of a request's data subject.

        It may when they had rows in its table, in this plan or one before it. Texts may be about anybody, and so may
        files that are in no table of the policies.
        """
        plans = [*plans_before(self.control.workspace, self.plan), self.plan]
        tables = self.control.policies.tables
        anybodys = {s.table for plan in plans for s in plan.tables if s.mentions}
        anybodys |= {name for name, policy in tables.items() if policy.free_text}
        own: dict[str, set[str]] = {}
        for request in (r for plan in plans for r in plan.requests):
            own.setdefault(request.id, set()).update(table for table, rows in request.rows.items() if rows)

        def concerns(request: str, place: str) -> bool:
            table = place.removeprefix("table:").partition("/")[0] if place.startswith("table:") else None
            return table not in tables or table in anybodys or table in own[request]

        return concerns

    def _every(self) -> tuple[Treated, ...]:
        """Return what is done, with what the plans that this one goes on from did, by the ledger."""
        earlier = [
            reported(erasure_journal(self.control, each, self.actor, Clock(each.created)), step)
            for each in plans_before(self.control.workspace, self.plan)
            for step in each.tables
        ]
        return (*(t for t in self.treated if not t.held), *earlier)

    def _record_residue(self, found: Verification, took: Mapping[str, int]) -> None:
        left = (*(m.place for m in found.matches), *found.unreadable)
        tables = [s for s in self.control.policies.tables if any(re.match(rf"table:{s}(?![a-z0-9_])", p) for p in left)]
        self.run.journal.note("all", "verify", "failed", Step({**found.counts, **took}, {"tables": ",".join(tables)}))

    def _end(self, clean: Mapping[str, Verification]) -> tuple[list[Request], dict[str, Path], tuple[str, ...]]:
        """Certify and end requests, each with the search that proves it."""
        if not clean:
            return [], {}, ()
        control, run = self.control, self.run
        every = self._every()
        current = control.requests.named(list(clean))
        whose = {r.id: self.own.get(r.id, r.refs) for r in current}
        register_all_shown(control.workspace, control.keys, actor=self.actor, now=run.clock())
        holding = releases_with(control.workspace, whose, key_version=control.keys.version)
        tables = [step.table for step in self.plan.tables]
        listed = file_list(control.workspace, self.plan.id, tables, self.files)
        certify(control, run, self.plan, current, every, clean, holding, listed)
        after, letters = end_requests(control, self.plan, list(clean), actor=self.actor, now=run.clock())
        for request_id, path in letters.items():
            run.progress(f"the answer to the data subject of {request_id} is to be sent: {path}")
        self._tell(list(clean))
        releases = {*holding.unknown, *(name for names in holding.inside.values() for name in names)}
        return after, letters, tuple(sorted(releases))

    def _tell(self, ids: Sequence[str]) -> None:
        queue_after(self.control, ids, actor=self.actor, now=self.run.clock(), progress=self.run.progress)

    def _moved(self, ids: Sequence[str], to: RequestState) -> list[Request]:
        return self.control.requests.transition_all(list(ids), to, actor=self.actor, now=self.run.clock())


def erasure_journal(control: Control, plan: ErasurePlan, actor: str, clock: Clock) -> Journal:
    """Return the journal of an erasure plan."""
    return Journal(
        control.ledger, run=f"plan:{plan.id}", verb="erasure", actor=actor, policy=plan.policy_fingerprint, clock=clock
    )


def close(control: Control, journal: Journal, plan: ErasurePlan) -> None:
    """Record that the plan is finished, also when the run that finished it died before it could."""
    journal.finish("all", "apply", Step({"requests": len(plan.requests)}))
    for each in (*plans_before(control.workspace, plan), plan):
        if all(r.state in ENDED for r in control.requests.named([r.id for r in each.requests])):
            forget_plan(control.workspace, each)


def _residue(found: Verification, requests: int) -> ResidueError:
    left = (*(m.place for m in found.matches), *found.unreadable)
    return ResidueError(
        "erasure.residue",
        f"identifiers of {requests} request(s) still stand at {len(found.matches)} place(s), or may; "
        f"{len(found.unreadable)} file(s) could not be read.",
        where=", ".join(left[:5]),
        fix="See all places with `delible erasure verify ID`. What stands in tables goes with a new plan: "
        "`delible erasure plan`. After removing anything else, apply this plan again. A file that cannot be read "
        "is removed, or written anew in a form that can be.",
    )
