"""A release beside its rows: its columns, the row index kept apart from it, and who trained on it."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from delible.model.base import Frozen

_THING = re.compile(r"[a-z]+:[A-Za-z0-9][A-Za-z0-9 ._:/-]*")
_LONGEST_WORD = 200


def _thing(text: str) -> str:
    if len(text) > _LONGEST_WORD or _THING.fullmatch(text) is None:
        raise ValueError("give a kind and a name, such as model:support-triage-7 or run:4f2a")
    return text


def _word(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_WORD:
        raise ValueError(f"give 1 to {_LONGEST_WORD} printable characters")
    return text


Thing = Annotated[str, AfterValidator(_thing)]
"""What uses a release: `model:NAME`, `run:ID`, or another kind with a name."""

Word = Annotated[str, AfterValidator(_word)]


class ReleasedColumn(Frozen):
    """One column of a release.

    Args:
        type: As Spark spells it, such as `bigint`.
        treatment: What the recipe did to it, in words.
        category: The source's data category.
    """

    name: str
    type: str
    treatment: str
    category: str | None = None


class RowIndex(Frozen):
    """Which row is about whom, for a recut; kept in the workspace, apart from the release that is handed on.

    Args:
        path: Folder of Parquet files with `file`, `row` and `subjects`, relative to the workspace; `file` may stand in
            their folders' names.
    """

    path: str
    rows: int


class Use(Frozen):
    """Something that was made with a release.

    Args:
        by: The thing itself.
        owner: Who answers for it; the controller's contact where nobody is named.
        run: The training run that made it, where `by` is a model.
        ended: Nothing is left of it any more, as somebody has said: it has no duties.
    """

    dataset: str
    version: int
    by: Thing
    owner: Word | None = None
    run: Word | None = None
    at: datetime
    actor: str
    ended: bool = False

    @property
    def kind(self) -> str:
        """The word before the colon."""
        return self.by.partition(":")[0]


class Retirement(Frozen):
    """That a release's rows were removed from the workspace.

    Args:
        index_kept: Whether its subject index was there, and is kept until nothing made with the release is in use.
    """

    dataset: str
    version: int
    index_kept: bool
    at: datetime
    actor: str


class Cause(StrEnum):
    """Why a release that was right when it was cut is not right for somebody any more, the gravest first.

    `lapse` is consent that ended, was refused or is unheard of; `basis` a purpose that has no legal basis any more.
    """

    ERASURE = "erasure"
    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"
    OPT_OUT = "opt_out"
    RESTRICTION = "restriction"
    LAPSE = "lapse"
    BASIS = "basis"
    LIMIT = "limit"
    RECTIFICATION = "rectification"


class Target(StrEnum):
    """What a duty is about."""

    RELEASE = "release"
    MODEL = "model"
    RUN = "run"


class DutyKind(StrEnum):
    """What has to be done about something that a person's rows went into."""

    RECUT = "recut"
    RETIRE = "retire"
    RETRAIN = "retrain"
    ASSESS = "assess"
    NOTIFY_OWNER = "notify_owner"


class Duty(Frozen):
    """One thing that somebody has to do by a day.

    Args:
        what: A release's name, or a thing that was made with it.
        rule: Name of the rule in `decide.impact`.
    """

    what: str
    target: Target
    duty: DutyKind
    rule: str
    article: str
    owner: str
    due: date


class Impact(Frozen):
    """What people's requests and withdrawals mean for one release.

    Args:
        people: Data subjects in it whom at least one of them is about.
        causes: Data subjects by cause.
        requests: Ids of the requests that reach it.
        retired: The release's rows are gone; the duties are those of what was made with it.
        newest_without: The newest version of the dataset that holds none of these people, where there is one.
    """

    dataset: str
    version: int
    people: Annotated[int, Field(ge=1)]
    causes: dict[Cause, int]
    requests: tuple[str, ...] = ()
    duties: tuple[Duty, ...]
    retired: bool = False
    newest_without: int | None = None
