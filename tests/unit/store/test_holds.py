"""Holds on people: in force only with a record in the audit ledger that tells of it, whoever dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from delible.errors import BlockedError, InputError
from delible.model.record import SubjectHold
from delible.model.subject import SubjectRef
from delible.store.holds import Holds
from delible.store.ledger import Ledger
from delible.store.tables import ControlTable
from delible.store.workspace import Workspace

ADA, BOB = SubjectRef("v1." + "a" * 64), SubjectRef("v1." + "b" * 64)


@pytest.fixture
def holds(workspace: Workspace, ledger: Ledger) -> Holds:
    return Holds(workspace, ledger)


def refused(kind: type[Exception], code: str) -> Any:
    return pytest.raises(kind, check=lambda error: error.code == code)  # type: ignore[attr-defined]


def hold(name: str, at: datetime) -> SubjectHold:
    return SubjectHold(id=name, refs=(ADA, BOB), reason="litigation", owner="legal", placed=at)


def told(ledger: Ledger) -> list[tuple[str, str, str, str]]:
    records = ledger.records(object_prefix="hold:")
    return [(r.object.removeprefix("hold:"), r.action, r.outcome, r.actor) for r in records]


def test_a_hold_is_placed_once_and_released_once(holds: Holds, ledger: Ledger, now: datetime) -> None:
    assert holds.all() == []
    holds.place([hold("h1", now)], actor="ann", now=now)
    with refused(InputError, "hold.exists"):
        holds.place([hold("h1", now)], actor="ann", now=now)
    assert {ref for hold in holds.active() for ref in hold.refs} == {ADA, BOB}
    ended = holds.release("h1", actor="bob", now=now)
    assert ended == hold("h1", now).model_copy(update={"released": now})
    assert (holds.all(), holds.active()) == ([ended], [])
    before = ledger.head()
    with refused(BlockedError, "hold.released"):
        holds.release("h1", actor="bob", now=now)
    with refused(InputError, "hold.unknown"):
        holds.release("h2", actor="bob", now=now)
    with refused(InputError, "hold.no_subject"):
        holds.place([hold("h3", now).model_copy(update={"refs": ()})], actor="ann", now=now)
    assert ledger.head() == before
    assert "litigation" not in str([r.model_dump() for r in ledger.records()]), "a reason may name somebody"


@pytest.mark.parametrize("second", ["h2", "h1"])
def test_holds_are_placed_together_or_not_at_all(holds: Holds, now: datetime, second: str) -> None:
    both = [hold("h1", now), hold(second, now)]
    if second == "h1":
        with refused(InputError, "hold.exists"):
            holds.place(both, actor="ann", now=now)
        assert holds.all() == []
    else:
        holds.place(both, actor="ann", now=now)
        assert holds.active() == both


@contextmanager
def killed(where: type, what: str) -> Iterator[None]:
    """The writer dies when it calls something."""

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, what, die)
        with pytest.raises(KeyboardInterrupt):
            yield


def test_the_ledger_is_not_read_for_holds_where_there_are_none(
    holds: Holds, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every `fulfil` asks, and the ledger of a workspace without holds grows all the same."""
    asked: list[object] = []
    whole = Ledger.records
    monkeypatch.setattr(Ledger, "records", lambda ledger, **of: asked.append(of) or whole(ledger, **of))
    assert (holds.reconcile(), asked) == (0, [])
    holds.place([hold("h1", now)], actor="ann", now=now)
    assert len(asked) == 1


def test_no_hold_is_in_force_or_over_that_the_ledger_does_not_tell_of(
    holds: Holds, ledger: Ledger, now: datetime
) -> None:
    """The writer dies behind each of its commits; the next look, whoever's it is, writes what is lacking, once."""
    later = now + timedelta(days=1)
    with killed(ControlTable, "commit"):
        holds.place([hold("h1", now)], actor="ann", now=now)
    assert (holds.all(), holds.reconcile()) == ([], 0)
    assert told(ledger) == [("h1", "hold.place", "started", "ann")]

    with killed(Ledger, "drain"):
        holds.place([hold("h1", now)], actor="ann", now=now)
    assert [h.id for h in holds.active()] == ["h1"]
    assert told(ledger)[1:] == [("h1", "hold.place", "started", "ann")], "told of before it is in force"
    assert (holds.reconcile(), holds.reconcile()) == (1, 0)
    assert told(ledger)[2:] == [("h1", "hold.place", "done", "ann")]
    assert ledger.records(object_prefix="hold:")[-1].at == now

    with killed(Ledger, "drain"):
        holds.release("h1", actor="bob", now=later)
    assert holds.active() == []
    assert told(ledger)[3:] == [("h1", "hold.release", "started", "bob")]
    assert (holds.reconcile(), holds.reconcile()) == (1, 0)
    assert told(ledger)[4:] == [("h1", "hold.release", "done", "bob")]
    assert ledger.verify().intact
