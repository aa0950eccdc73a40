"""Tell recipients what was carried out for a person (Art. 19; §1798.105(c)), and keep track of their answers.

Whom to tell is recorded before the first row changes, since afterwards nobody can see which tables a person stood in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path

from delible.decide.notices import acknowledge_by, may_become, overdue, owed, unreachable
from delible.errors import BlockedError, DelibleError, InputError, Problem
from delible.model.base import canonical
from delible.model.notice import UNSENT, Notice, NoticeRoute, NoticeState
from delible.model.record import AuditEntry
from delible.model.subject import KeyRole, KeyRow
from delible.model.terms import RequestState
from delible.report.notice import notice_bytes
from delible.store.delivery import Adapter, Attempted
from delible.store.files import private_write
from delible.store.notices import Move, NewNotice
from delible.store.workspace import Workspace
from delible.workflows.clock import Clock
from delible.workflows.control import Control
from delible.workflows.search import refs_of_keys
from delible.workflows.spark import alone

_BATCH = 50
"""So many notices are recorded as being sent in one commit; after a crash so many may be sent twice."""
_LONGEST_NAME = 200
_NOT_TRIED = "not tried"
N = NoticeState


@dataclass(frozen=True)
class Listed:
    """The register of notices.

    Args:
        overdue: Those that should have been acknowledged by now.
        gaps: Recipients that nobody knows how to tell.
    """

    notices: tuple[Notice, ...]
    overdue: tuple[Notice, ...]
    gaps: tuple[Problem, ...]


@dataclass(frozen=True)
class Sent:
    """What one `send` did."""

    notices: tuple[Notice, ...]
    gaps: tuple[Problem, ...]

    @property
    def failure(self) -> DelibleError | None:
        """What the command ends with."""
        undelivered = tuple(
            Problem("notice.undelivered", f"the notice did not arrive: {x.failure}.", f"notice:{x.id}")
            for x in self.notices
            if x.state not in (N.SENT, N.ACKNOWLEDGED)
        )
        if undelivered:
            return DelibleError.of((*undelivered, *self.gaps))
        return BlockedError.of(self.gaps) if self.gaps else None


def prepare_notices(
    control: Control,
    reached: Mapping[str, Collection[str]],
    keys: Sequence[KeyRow],
    *,
    actor: str,
    now: datetime,
) -> list[Notice]:
    """Record whom to tell of each request; to be called before anything changes.

    Args:
        reached: Request to the tables in which something of the person stands.
        keys: The requests' own keys. Those that a recipient's policy asks for are encrypted to the recipient now, and
            can be read by nobody here from then on.
    """
    refs = refs_of_keys(control, keys)
    requests = {r.id: r for r in control.requests.all() if r.id in reached}
    of_request: dict[str, list[KeyRow]] = {}
    for key in keys:
        of_request.setdefault(key.request, []).append(key)
    new = []
    for request_id, tables in reached.items():
        request = requests[request_id]
        for recipient, named in owed(control.policies, request.right, tables).items():
            route = control.policies.recipients[recipient].notify
            sealed = partial(_sealed, route, of_request.get(request_id, ()))
            own = refs.get(request_id, request.refs)
            new.append(NewNotice(request_id, recipient, request.right, request.regime, named, own, sealed))
    return control.notices.prepare(new, actor=actor, now=now)


def queue_notices(control: Control, request_ids: Collection[str], *, actor: str, now: datetime) -> list[Notice]:
    """Make the notices of requests that have been carried out ready to be sent."""
    wanted = frozenset(request_ids)
    prepared = [x.id for x in control.notices.all() if x.request in wanted and x.state is N.PREPARED]

    def until(recipient: str) -> datetime:
        return acknowledge_by(control.policies, recipient, now)

    return control.notices.queue(prepared, until, actor=actor, now=now)


def queue_after(
    control: Control, request_ids: Collection[str], *, actor: str, now: datetime, progress: Callable[[str], None]
) -> None:
    """Queue notices at the end of a run whose work is done and stays done, whatever becomes of the notices.

    What could not be queued now, the next `notice list` or `send` queues.
    """
    try:
        queued = queue_notices(control, request_ids, actor=actor, now=now)
        for problem in unreachable(control.policies, queued):
            progress(f"gap: {problem.message}")
        if queued:
            progress(f"{len(queued)} notice(s) to recipients are queued; send them with: delible notice send")
    except Exception as error:
        code = error.code if isinstance(error, DelibleError) else type(error).__name__
        progress(f"notices to recipients could not be queued ({code}); `delible notice send` does it.")


def list_notices(
    workspace: Workspace, *, actor: str, now: datetime, overdue_only: bool = False, request: str | None = None
) -> Listed:
    """Return notices, the most urgent first."""
    control = Control(workspace)
    _settle(control, actor=actor, now=now)
    found = [x for x in control.notices.all() if request is None or x.request == request]
    late = tuple(x for x in sorted(found, key=_urgency) if overdue(x, now))
    shown = late if overdue_only else tuple(sorted(found, key=_urgency))
    gaps = unreachable(control.policies, [x for x in shown if x.state in UNSENT])
    return Listed(shown, late, tuple(gaps))


def send_notices(
    workspace: Workspace,
    notice_ids: Sequence[str] = (),
    *,
    actor: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
    adapter_for: Callable[[Control, str, Clock], Adapter | None] | None = None,
) -> Sent:
    """Send all notices that have not arrived, or those named, also once more.

    Each is in the ledger before and after. A run that was killed in between leaves it open whether the notice arrived,
    so it is sent again under the same id.

    Args:
        adapter_for: What tells a recipient; by default what its policy says.

    Raises:
        InputError: `notice.unknown`.
        BlockedError: `notice.transition` for a notice that is named, and is acknowledged or not to be sent yet.
        ConflictError: `workspace.busy`.
    """
    control = Control(workspace)
    clock = Clock(now)
    with alone(workspace, "send.lock", "another run is sending notices of this workspace."):
        _settle(control, actor=actor, now=now)
        chosen = _chosen(control, notice_ids)
        gaps = unreachable(control.policies, chosen)
        done: list[Notice] = []
        for recipient, theirs in groupby(sorted(chosen, key=lambda x: (x.recipient, _urgency(x))), _recipient):
            adapter = (adapter_for or adapter_of)(control, recipient, clock)
            if adapter is not None:
                progress(f"telling {recipient}")
                done += _told(control, adapter, list(theirs), actor=actor, clock=clock)
    return Sent(tuple(done), tuple(gaps))


def acknowledge_notice(
    workspace: Workspace, notice_id: str, *, by: str, by_hand: bool = False, actor: str, now: datetime
) -> Notice:
    """Record that a recipient has acted on a notice.

    Args:
        workspace: The workspace.
        notice_id: The notice.
        by: Who answered.
        by_hand: The recipient was told in another way than its policy says.
        actor: Who records it.
        now: When.

    Raises:
        InputError: `notice.unknown`, `notice.by`.
        BlockedError: `notice.transition` when it is acknowledged already; `notice.unsent` when it was never sent, and
            its policy says how: an acknowledged notice is not sent any more.
    """
    if not by.strip() or not by.isprintable() or len(by) > _LONGEST_NAME:
        raise InputError("notice.by", f"who answered is 1 to {_LONGEST_NAME} printable characters.", where="--by")
    control = Control(workspace)
    _settle(control, actor=actor, now=now)

    def refuse_unsent(notice: Notice) -> None:
        policy = control.policies.recipients.get(notice.recipient)
        sendable = policy is not None and policy.notify is not None
        if notice.state in (N.QUEUED, N.FAILED) and sendable and not by_hand:
            raise BlockedError(
                "notice.unsent",
                "nothing shows that the notice has arrived, so nobody can have answered it.",
                where=notice_id,
                fix="Run: delible notice send; or say --by-hand when the recipient was told in another way.",
            )

    moves = {notice_id: Move(N.ACKNOWLEDGED, by=by)}
    return control.notices.move(moves, actor=actor, now=now, refuse=refuse_unsent)[0]


def export_notice_key(workspace: Workspace, recipient: str, out: Path, *, actor: str, now: datetime) -> Path:
    """Write the key by which a recipient checks signatures, as base64, readable by its owner only.

    Raises:
        InputError: `notice.recipient`, `notice.key_file`.
    """
    control = Control(workspace)
    known = control.policies.recipients.get(recipient)
    if known is None or known.notify is None or known.notify.by != "webhook":
        raise InputError("notice.recipient", "no policy tells a recipient of this name by webhook.", where="RECIPIENT")
    if out.exists():
        raise InputError("notice.key_file", "there is a file already.", where=str(out), fix="Choose another name.")
    try:
        private_write(out, base64.b64encode(control.keys.notice_key(recipient)) + b"\n")
    except (OSError, ValueError):
        raise InputError("notice.key_file", "the file cannot be written.", where="--out") from None
    entry = AuditEntry(actor=actor, action="notice.key", object=f"recipient:{recipient}", outcome="done")
    control.ledger.append([entry], now)
    return out


def adapter_of(control: Control, recipient: str, clock: Clock) -> Adapter | None:
    """Return what tells a recipient as its policy says, or None where it does not."""
    known = control.policies.recipients.get(recipient)
    if known is None or known.notify is None:
        return None
    if known.notify.url is not None:
        from delible.store.webhook import Webhook

        key = control.keys.notice_key(recipient)
        return Webhook(known.notify.url, key, clock, private_network=known.notify.private_network)
    from delible.store.notice_outbox import Outbox

    return Outbox(control.workspace.path(control.workspace.config.outbox) / recipient)


def _told(control: Control, adapter: Adapter, notices: Sequence[Notice], *, actor: str, clock: Clock) -> list[Notice]:
    """Send one recipient's notices, batch by batch, until nothing can be sent there."""
    done: list[Notice] = []
    for start in range(0, len(notices), _BATCH):
        batch = notices[start : start + _BATCH]
        begun = {x.id: x.state for x in control.notices.begin([x.id for x in batch], actor=actor, now=clock())}
        outcomes = dict(_attempts(control, adapter, [x for x in batch if begun[x.id] is N.SENDING]))
        moves = {i: Move(N.FAILED if a.failure else N.SENT, failure=a.failure) for i, a in outcomes.items()}
        done += control.notices.end(moves, actor=actor, now=clock())
        if any(a.down for a in outcomes.values()):
            break
    return done


def _attempts(control: Control, adapter: Adapter, notices: Sequence[Notice]) -> Iterator[tuple[str, Attempted]]:
    down = False
    for notice in notices:
        body = notice_bytes(notice, control.policies.controller)
        attempted = Attempted(_NOT_TRIED, down=True) if down else adapter.send(notice.id, body)
        down = attempted.down
        yield notice.id, attempted


def _chosen(control: Control, notice_ids: Sequence[str]) -> list[Notice]:
    if not notice_ids:
        return [x for x in control.notices.all() if x.state in UNSENT]
    chosen = control.notices.get(notice_ids)
    for notice in chosen:
        if not may_become(notice, N.SENDING):
            raise BlockedError(
                "notice.transition", f"the notice is {notice.state}, and is not sent.", where=f"notice:{notice.id}"
            )
    return chosen


def _settle(control: Control, *, actor: str, now: datetime) -> None:
    """Queue what a run that was killed after its request had completed could not queue any more."""
    control.notices.reconcile()
    waiting = {x.request for x in control.notices.all() if x.state is N.PREPARED}
    if waiting:
        # What left residue is carried out, too: the rows are gone.
        done = (RequestState.COMPLETED, RequestState.PARTLY_COMPLETED)
        ended = [r.id for r in control.requests.all() if r.id in waiting and (r.state in done or r.kept)]
        queue_notices(control, ended, actor=actor, now=now)


def _sealed(route: NoticeRoute | None, keys: Sequence[KeyRow], notice: str) -> str | None:
    if route is None or route.public_key is None:
        return None
    told: dict[str, list[str]] = {}
    for key in keys:
        if key.kind in route.identifiers and key.role in (KeyRole.GIVEN, KeyRole.FOUND):
            told.setdefault(key.kind, []).append(key.value)
    if not told:
        return None
    from delible.store.sealing import seal_for

    plain = canonical({kind: sorted(set(values)) for kind, values in told.items()})
    return seal_for(route.public_key, plain, f"delible notice {notice}".encode())


def _urgency(notice: Notice) -> tuple[bool, datetime, str]:
    return notice.state is N.ACKNOWLEDGED, notice.acknowledge_by or notice.made, notice.id


def _recipient(notice: Notice) -> str:
    return notice.recipient
