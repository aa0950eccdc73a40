"""What `dataset build` answers: a release, what stopped one, or what one would hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from delible.model.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Group, RenderableType
    from rich.table import Table

    from delible.model.gate import GateResult
    from delible.workflows.dataset import Built, Foreseen
    from delible.workflows.dataset_gates import GatesError

_FEWER = "Too little is left: add sources, lower the recipe's 'minimum', or see by which reason rows were left out."
_COARSER = "Too few people are alike: generalise or drop quasi-identifiers and columns that are not needed."
_DRIFT = "The version before differs by more than the recipe's 'drift' allows: see why its sources changed."
REMEDIES = {
    Gate.RESIDUAL: "Personal data is left: mask or drop the column, add a recognizer under policies/detection, or name "
    "a type that is nobody's under the gate's 'allow'.",
    **dict.fromkeys((Gate.ROWS, Gate.SUBJECTS, Gate.ROWS_PER_SPLIT, Gate.ROWS_PER_LABEL), _FEWER),
    **dict.fromkeys((Gate.COLUMNS_CHANGED, Gate.ROWS_CHANGED, Gate.SUBJECTS_CHANGED), _DRIFT),
    **dict.fromkeys((Gate.K_ANONYMITY, Gate.K_ANONYMITY_SHARE, Gate.L_DIVERSITY, Gate.L_DIVERSITY_SHARE), _COARSER),
    **dict.fromkeys((Gate.UNIQUE_SHARE, Gate.REIDENTIFICATION_RISK), _COARSER),
}
"""What can be changed when a gate stops a release."""

Answer = tuple[dict[str, Any], "RenderableType"]


def build_answer(built: Built, path: Path) -> Answer:
    """Return a finished build as a document and for people."""
    manifest = built.manifest
    document = {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "rows_in": manifest.rows_in,
        "rows_out": manifest.rows_out,
        "excluded": manifest.excluded,
        "members": manifest.members,
        "limited": manifest.limited,
        "gates": [gate.as_json() for gate in manifest.gates],
        "path": path,
        "gaps": [p.as_json() for p in built.gaps],
        "warnings": [p.as_json() for p in built.warnings],
    }
    counted = _counted(manifest.rows_in, manifest.excluded, manifest.rows_out, manifest.members)
    return document, _group(f"{manifest.release} in {manifest.path}", "", counted, *shown_gates(manifest.gates))


def stopped_answer(recipe: str, stopped: GatesError) -> Answer:
    """Return what gates measured of a release that they stopped."""
    document = {"dataset": recipe, "version": None, "gates": [gate.as_json() for gate in stopped.gates]}
    said = f"{recipe} was not released; nothing of it can be read."
    remedies = dict.fromkeys(REMEDIES[g.gate] for g in stopped.gates if not g.passed)
    return document, _group(said, *shown_gates(stopped.gates), "", *remedies)


def foreseen_answer(foreseen: Foreseen) -> Answer:
    """Return what a build would decide now."""
    plan, tally = foreseen.planned.plan, foreseen.tally
    columns = [{"column": s.column, "table": s.table, "field": s.field, "treatment": s.treatment} for s in plan.columns]
    document = {
        "dataset": plan.dataset,
        "dry_run": True,
        "sources": dict(foreseen.sources),
        "rows_in": tally.rows_in,
        "rows_out": tally.rows_out,
        "excluded": tally.excluded,
        "members": tally.members,
        "limited": tally.limited,
        "columns": columns,
        "gates": plan.gates.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
        "gaps": [p.as_json() for p in foreseen.planned.gaps],
        "warnings": [p.as_json() for p in foreseen.planned.warnings],
    }
    counted = _counted(tally.rows_in, tally.excluded, tally.rows_out, tally.members)
    return document, _group(f"{plan.dataset} as it would be cut now; nothing was written.", "", counted)


def _group(*parts: RenderableType) -> Group:
    from rich.console import Group

    return Group(*parts)


def _counted(rows_in: int, excluded: Mapping[str, int], rows_out: int, members: int) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("rows in", f"{rows_in:,}")
    for reason, rows in excluded.items():
        table.add_row(f"  left out: {reason}", f"{rows:,}")
    table.add_row("rows out", f"{rows_out:,}")
    table.add_row("data subjects", f"{members:,}")
    return table


def shown_gates(gates: Sequence[GateResult]) -> tuple[RenderableType, ...]:
    """Return gates with what was measured, as a table; nothing without any."""
    from rich.table import Table

    if not gates:
        return ()
    table = Table("gate", "measured", "bound", "", "", box=None, pad_edge=False)
    for g in gates:
        measured = "not measured" if g.measured is None else g.measured
        about = "; ".join(filter(None, (g.about, g.note)))
        table.add_row(g.gate.value, measured, f"{g.rule} {g.bound}", "passed" if g.passed else "STOPS", about)
    return ("", table)
