"""Use cases about policies: check them, explain one table, export the schemas."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from delible.decide.policy import PolicyCheck, check
from delible.errors import BlockedError, InputError, SetupError
from delible.plan.explain import Explanation, explain
from delible.store.policies import load_workspace_policies, policy_schemas, read_workspace_policies
from delible.store.workspace import Workspace


def check_policies(workspace: Workspace, *, today: date | None = None) -> PolicyCheck:
    """Return the gaps and violations of a workspace's policies, compared with the Delta tables that are there.

    Args:
        workspace: Whose policies.
        today: The day for which deadlines, holds and ends of purposes are looked at, and the tables' layout with them.
            Without it only what the policies mean is checked: a deadline that is hard to keep stops no erasure.

    Raises:
        PolicyError: When the files themselves cannot be read as policies.
    """
    from delible.store.warehouse import describe_tables

    loaded = read_workspace_policies(workspace)
    layouts = describe_tables(workspace, loaded.policies)
    return check(
        loaded.policies,
        found={key: None if layout is None else layout.columns for key, layout in layouts.items()},
        layouts=layouts if today is not None else None,
        today=today,
        sources=loaded.sources,
    )


def violated(result: PolicyCheck) -> BlockedError | None:
    """Return the error that a check with violations ends with; gaps alone are none."""
    if not result.violations:
        return None
    return BlockedError(
        "policy.violations",
        f"{len(result.violations)} violations.",
        problems=tuple(finding.as_problem() for finding in result.violations),
    )


def refuse_violations(workspace: Workspace, depends_on: Collection[str | tuple[str, str]]) -> None:
    """Refuse to change or release data under policies that break a rule: what they mean is not certain then.

    Args:
        depends_on: Kinds of policies that matter, such as `tables`, or single ones, such as `("tables", "orders")`.
            Of others a violation harms no row.

    Raises:
        BlockedError: `policy.violations`, with one problem each.
    """
    broken = tuple(
        f.as_problem()
        for f in check_policies(workspace).violations
        if f.path and (f.path[0] in depends_on or tuple(f.path[:2]) in depends_on)
    )
    if broken:
        raise BlockedError(
            "policy.violations",
            f"the policies break {len(broken)} rule(s) that this depends on.",
            where="policies",
            fix="See all of them with: delible policy check",
            problems=broken,
        )


def explain_table(workspace: Workspace, table: str) -> Explanation:
    """Return what a workspace's policies say of one table.

    Raises:
        InputError: `policy.unknown_table`.
    """
    return explain(load_workspace_policies(workspace), table)


def export_schemas(out: Path | None) -> dict[str, Any]:
    """Return the JSON Schemas of all policy files by kind, and write each to `OUT/KIND.json` when a folder is given.

    Raises:
        InputError: `policy.schema_folder` when the folder cannot be written.
    """
    schemas = policy_schemas()
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            for kind, schema in schemas.items():
                (out / f"{kind}.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "the name is not allowed"
            raise InputError("policy.schema_folder", f"cannot write here: {reason}.", where=str(out)) from None
    return schemas


def shipped_policies() -> Path:
    """Return the demo company's policies: in the wheel, or beside the sources in a checkout.

    Raises:
        SetupError: `demo.policies`.
    """
    for folder in (Path(str(files("delible"))) / "shop", Path(__file__).parents[3] / "policies" / "shop"):
        if (folder / "controller.yaml").is_file():
            return folder
    raise SetupError("demo.policies", "the demo's policies are not installed.", fix="Install delible again.")
