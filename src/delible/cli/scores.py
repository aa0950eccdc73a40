"""How scores of detection are asked for and shown: least shares on the command line, tables, documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from delible.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from delible.decide.quality import Score
    from delible.model.detection import Detection
    from delible.workflows.evaluation import Evaluation


def shares_of(given: Iterable[str], option: str) -> dict[str, float]:
    """Return least shares by type, from words such as `PHONE_NUMBER=0.95`.

    Raises:
        InputError: `tags.share`, naming the option.
    """
    shares = {}
    for each in given:
        name, _, share = each.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            shares[name] = -1.0
        if not name or not 0 <= shares[name] <= 1:
            raise InputError("tags.share", "a least share is TYPE=SHARE, from 0 to 1.", where=option)
    return shares


def scores_document(found: Evaluation, *, of: str) -> dict[str, Any]:
    """Return an evaluation for machines; mistakes are line numbers and types.

    Args:
        of: Whose detection was measured: `workspace`, or `default`.
    """
    from delible.report.quality import as_json

    looked_for = {
        "of": of,
        "model": found.of.nlp.model or found.of.nlp.engine,
        "countries": found.of.countries,
        "recognizers": [each.recognizer for each in found.of.recognizers],
    }
    document: dict[str, Any] = {"detection": looked_for}
    if found.texts is not None:
        document["entities"] = as_json(found.texts.entities)
        document["exact"] = as_json(found.texts.exact)
        document["registers"] = as_json(found.texts.registers)
        document["languages"] = as_json(found.texts.languages)
        document["unlabelled"] = found.unlabelled
        document["unknown"] = found.unknown
        document["texts"] = found.read
        document["texts_per_second"] = round(found.texts_per_second or 0.0, 1)
        mistakes = found.texts.misses
    if found.columns is not None:
        document["categories"] = as_json(found.columns.categories)
        document["confusions"] = [
            {"category": true, "verdict": verdict, "columns": n} for true, verdict, n in found.columns.confusions
        ]
        document["columns"] = found.read
        mistakes = found.columns.misses
    document["misses"] = [{"line": m.line, "type": m.entity, "missed": m.missed} for m in mistakes]
    return document


def scores_shown(found: Evaluation, *, of: str) -> Group:
    """Return an evaluation as tables for people; mistakes are line numbers and types."""
    from rich.console import Group

    from delible.report.quality import misses

    parts: list[Any] = []
    if found.texts is not None:
        parts.append(_scores("type", found.texts.entities))
        for name, scores in (("register", found.texts.registers), ("language", found.texts.languages)):
            parts += ["", _scores(name, scores)] if scores else []
        parts += ["", *misses(found.texts.misses)]
        if found.unlabelled:
            parts.append("not judged, since nobody labelled any: " + _counts(found.unlabelled))
        if found.unknown:
            parts.append("labelled, but not looked for: " + ", ".join(found.unknown))
        parts.append(f"{found.read} texts, {found.texts_per_second or 0:,.0f} a second")
    if found.columns is not None:
        parts += [_scores("category", found.columns.categories), ""]
        for true, verdict, columns in found.columns.confusions[:_MOST_CONFUSIONS]:
            parts.append(f"{columns} x {true or 'nothing personal'} judged {verdict or 'nothing personal'}")
        parts += ["", *misses(found.columns.misses), f"{found.read} columns"]
    return Group(*parts, _looked_for(found.of, of))


_MOST_CONFUSIONS = 20


def _looked_for(detection: Detection, of: str) -> str:
    own = ", ".join(each.recognizer for each in detection.recognizers) or "none of your own"
    countries = ", ".join(detection.countries) or "none"
    model = detection.nlp.model or detection.nlp.engine
    whose = "as this workspace's scans do" if of == "workspace" else "as without a workspace"
    return f"looked for {whose}: model {model}; countries: {countries}; recognizers: {own}"


def _scores(name: str, scores: Mapping[str, Score]) -> Table:
    from rich.table import Table

    from delible.report.quality import HEAD, row

    table = Table(name, *HEAD, box=None, pad_edge=False)
    for each, score in scores.items():
        table.add_row(*row(each, score))
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items())
