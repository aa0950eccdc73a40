"""The controller's file of a draft: the identifier kinds that drafted tables need, added to what is there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from delible.decide.key_domains import EMAIL, IDENTITY, Domain
from delible.decide.subject_ways import Seen
from delible.errors import InputError
from delible.model.policy import NOT_YET_SAID, PolicySet
from delible.model.profile import At, ColumnProfile, Form
from delible.model.subject import IdentifierKind
from delible.model.terms import Normalise
from delible.plan.policy_draft import Draft
from delible.store.policies import CONTROLLER
from delible.store.workspace import Workspace
from delible.workflows.draft_tables import Described, policies_of

_DISTINCTIVE = 8
"""Characters below which a text found in raw bytes proves nothing."""


@dataclass(frozen=True)
class Controller:
    """What the policies say already, and the text of the controller's file that is added to.

    Args:
        text: None where there is no such file yet.
    """

    policies: PolicySet | None
    text: str | None

    @property
    def kinds(self) -> Mapping[str, IdentifierKind]:
        """The declared identifier kinds."""
        return self.policies.controller.identifiers if self.policies is not None else {}

    def known_keys(self, tables: Sequence[Described], profiles: Mapping[At, ColumnProfile]) -> dict[At, str]:
        """Return the columns that number people in tables with a policy, with their kind."""
        return {
            at: reach.identifies or ""
            for table in tables
            if table.policy is not None
            for reach in table.policy.direct
            if (at := At(table.table, reach.column)) in profiles
            and table.policy.columns.get(reach.column) is not None
            and table.policy.columns[reach.column].category not in IDENTITY
        }

    def known_identities(self, tables: Sequence[Described]) -> dict[str, str]:
        """Return what kind tables with a policy give to identifying categories, such as e-mail addresses."""
        return {
            table.policy.columns[reach.column].category: reach.identifies or ""
            for table in tables
            if table.policy is not None
            for reach in table.policy.direct
            if reach.column in table.policy.columns and table.policy.columns[reach.column].category in IDENTITY
        }

    def questions(self, found: Sequence[Domain]) -> tuple[str, ...]:
        """Return what is to be asked about who the data subject is."""
        largest = next((d for d in found if d.kind is not None), None)
        if self.policies is None or largest is None or self.policies.controller.subject == largest.kind:
            return ()
        said = self.policies.controller.subject
        return (f"is the data subject '{said}'? Most people, {largest.things:,}, are numbered by {largest.root}.",)


def controller_of(workspace: Workspace, folder: Path) -> Controller:
    """Return what the policies say, and the file that kinds are added to: the folder's own, or else the workspace's."""
    own = workspace.path(workspace.config.policies) / CONTROLLER
    file = next((path for path in (folder / CONTROLLER, own) if path.exists()), None)
    return Controller(policies_of(workspace), None if file is None else file.read_text(encoding="utf-8"))


def further_kinds(
    controller: Controller, drafts: Sequence[Draft], seen: Seen
) -> tuple[dict[str, IdentifierKind], dict[str, str]]:
    """Return the kinds that drafts name and nobody declared, and of each what was seen."""
    named = {step["identifies"] for d in drafts for step in d.policy.get("subject", ()) if "identifies" in step}
    kinds, why = {}, {}
    by_kind = {d.kind: d for d in seen.domains if d.kind}
    for name in sorted(named - set(controller.kinds)):
        domain = by_kind.get(name)
        if domain is not None:
            profile = seen.profiles[domain.root]
            kinds[name] = _kind(profile, Normalise.EXACT)
            why[name] = f"{domain.root}, {domain.things:,} of them"
        else:
            category = next(c for c, kind in seen.kinds.items() if kind == name)
            longest = [seen.profiles[at] for at, c in seen.categories.items() if c == category and at in seen.profiles]
            lower = category in (EMAIL, "user.account.username")
            kinds[name] = _kind(max(longest, key=lambda p: p.distinct), Normalise.LOWER if lower else Normalise.EXACT)
    return kinds, why


def written_controller(
    controller: Controller, folder: Path, kinds: Mapping[str, IdentifierKind], why: Mapping[str, str]
) -> Path | None:
    """Add kinds to the controller's file and return it; None where nothing had to be added.

    Raises:
        InputError: `policy.draft_kinds` where the kinds do not stand in lines of their own.
    """
    from delible.workflows.draft_yaml import kind_lines

    path = folder / CONTROLLER
    if controller.text is None:
        first = next(iter(why), next(iter(kinds), "subject_id"))
        lines = kind_lines(kinds or {first: IdentifierKind()}, why)
        head = f"controller: {NOT_YET_SAID}\ncontact: {NOT_YET_SAID}\nsubject: {first}\nidentifiers:\n"
        text = head + "".join(lines)
    else:
        if not kinds and path.exists():
            return None
        text = _added(controller.text, kinds, why)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{CONTROLLER}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return path


def _added(text: str, kinds: Mapping[str, IdentifierKind], why: Mapping[str, str]) -> str:
    from delible.workflows.draft_yaml import with_kinds

    added = with_kinds(text, kinds, why)
    if added is None:
        raise InputError(
            "policy.draft_kinds",
            f"the drafts need the identifier kinds {', '.join(kinds)}, and 'identifiers' has no lines of its own.",
            where=CONTROLLER,
            fix="Write each kind on a line of its own below 'identifiers:', or declare these.",
        )
    return added


def _kind(profile: ColumnProfile, how: Normalise) -> IdentifierKind:
    tells = profile.form is Form.TEXT and profile.longest >= _DISTINCTIVE
    return IdentifierKind(normalise=how, distinctive=tells)
