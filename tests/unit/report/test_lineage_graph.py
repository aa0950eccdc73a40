"""Lineage as a graph and as a picture: all steps, several versions, hostile names, nothing from outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from delible.model.policy import PolicySet, TablePolicy
from delible.report.lineage import ColumnSource, DatasetPoint, RunLine
from delible.report.lineage_graph import LineageGraph, Registered, column_edges, lineage_graph
from delible.report.lineage_svg import _placed, _ways, lineage_svg
from delible.report.lineage_text import lineage_mermaid, lineage_tree

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'x"><script>alert(1)</script>&\u202e\x07\x0c]]>'


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own picture


def point(name: str, version: int | None = None, place: str | None = None) -> DatasetPoint:
    return DatasetPoint(
        name=name, namespace="file", location=place or f"/w/{name}/{version}", version=str(version) if version else None
    )


def run(
    job: str,
    inputs: list[DatasetPoint],
    output: DatasetPoint,
    *columns: tuple[str, str, str, str],
    outcome: str = "COMPLETE",
) -> RunLine:
    """Return a run; columns are output column, input dataset, input column, treatment."""
    flows = [
        ColumnSource(output=output.name, column=c, source=s, field=f, treatment=t, masking=t != "keep")
        for c, s, f, t in columns
    ]
    return RunLine(
        run="1",
        job=job,
        at="2026-01-01",
        outcome=outcome,
        inputs=tuple(inputs),
        outputs=(output,),
        columns=tuple(flows),
        purpose=None,
    )


def policies() -> PolicySet:
    def table(name: str, columns: dict[str, object], *upstream: str) -> TablePolicy:
        return TablePolicy.model_validate(
            {
                "table": name,
                "path": name,
                "description": name,
                "no_subject": "test",
                "columns": columns,
                "upstream": upstream,
            }
        )

    tables = [
        table("customers", {"email": "user.contact.email", "id": "user.unique_id"}),
        table("profiles", {"mail": {"category": "user.contact.email", "copy_of": "customers.email"}}, "customers"),
    ]
    return PolicySet.model_construct(tables={t.table: t for t in tables})


def build(version: int, *columns: tuple[str, str, str, str]) -> RunLine:
    return run("dataset.build", [point("profiles", 3, "/w/profiles")], point("training", version), *columns)


COLUMNS = (("person", "profiles", "mail", "pseudonymise"), ("gone", "profiles", "mail", "replace"))


def whole(dataset: str = "training") -> LineageGraph:
    runs = [build(1, *COLUMNS)]
    recut = run("dataset.recut", [point("training", 1)], point("training", 2), ("person", "training", "person", "keep"))
    found = lineage_graph(
        [*runs, recut], dataset, policies=policies(), registered=[Registered("training@v2", "model:router")]
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    "dataset", ["customers", "profiles", "training", "training@v2", "model:router", "/w/training/2"]
)
def test_all_steps_from_a_source_table_to_a_model_are_there(dataset: str) -> None:
    graph = whole(dataset)
    ids = [n.id for n in graph.nodes]
    assert ids == ["customers", "profiles", "training@v1", "training@v2", "model:router"]
    assert {n.id: n.kind for n in graph.nodes}["training@v2"] == "release"
    assert [(e.source, e.target, e.by) for e in graph.edges] == [
        ("customers", "profiles", "policy"),
        ("profiles", "training@v1", "dataset.build"),
        ("training@v1", "training@v2", "dataset.recut"),
        ("training@v2", "model:router", "dataset.used"),
    ]


def test_tags_travel_into_versions_of_datasets() -> None:
    columns = {(n.id, c.name): (c.category, c.inherited) for n in whole().nodes for c in n.columns}
    assert columns["training@v1", "person"] == ("user.unique_id.pseudonymous", True)
    assert columns["training@v2", "person"] == ("user.unique_id.pseudonymous", True)
    assert columns["training@v1", "gone"] == (None, False)


def test_what_failed_or_rewrote_a_table_where_it_lies_makes_nothing() -> None:
    place = point("tickets", 1, "/w/tickets")
    runs = [run("erasure.apply", [place], place), run("dataset.build", [place], point("x", 1), outcome="FAIL")]
    assert lineage_graph(runs, "tickets", policies=None) is None
    assert column_edges(runs, None) == []


def test_what_has_nothing_to_do_with_it_is_left_out() -> None:
    other = run("dataset.build", [point("logs", 1)], point("other", 1))
    graph = lineage_graph([build(1), other], "training", policies=policies())
    assert graph is not None
    assert {"logs", "other@v1"}.isdisjoint(n.id for n in graph.nodes)


def test_only_the_newest_versions_are_drawn_and_the_others_counted() -> None:
    graph = lineage_graph([build(v) for v in range(1, 9)], "training", policies=policies())
    assert graph is not None
    assert [n.id for n in graph.nodes if n.kind == "release"] == [f"training@v{v}" for v in range(4, 9)]
    assert graph.left_out == 3
    assert "3 older version(s) not shown" in lineage_tree(graph)


def test_copies_for_people_are_one_node() -> None:
    runs = [run("access.build", [point("customers", 2)], point(f"access_package_R-{n}", 1)) for n in range(20)]
    graph = lineage_graph(runs, "customers", policies=policies())
    assert graph is not None
    [node] = [n for n in graph.nodes if n.kind == "package"]
    assert node.detail == "20 made"


def test_a_circle_of_tables_is_drawn_all_the_same() -> None:
    runs = [run("x", [point("a", 1, "/a")], point("b", 1, "/b")), run("x", [point("b", 1, "/b")], point("a", 1, "/a"))]
    graph = lineage_graph(runs, "a")
    assert graph is not None
    assert parsed(lineage_svg(graph)) is not None
    assert "see above" in lineage_tree(graph)


def test_the_text_is_a_tree_with_what_comes_before_and_behind() -> None:
    text = lineage_tree(whole("training@v1"))
    assert "└─ profiles  (dataset.build, 2 columns, 2 treated)" in text
    assert "   └─ customers  (policy, 1 columns, 0 treated)" in text
    assert "   └─ model:router  (dataset.used)" in text


# ------------------------------------------------------------------------------------------------------------ picture


def hostile() -> LineageGraph:
    columns = [(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
    runs = [run(HOSTILE, [point(HOSTILE, 1, "/a")], point("training", 1, "/b"), *columns)]
    graph = lineage_graph(runs, "training", registered=[Registered("training@v1", f"model:{HOSTILE}")])
    assert graph is not None
    return graph


def test_the_picture_says_itself_aloud() -> None:
    root = parsed(lineage_svg(whole()))
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    named = root.get("aria-labelledby", "").split()
    told = {e.get("id"): "".join(e.itertext()) for e in root.iter() if e.get("id")}
    assert told[named[0]] == "Lineage of training"
    assert "customers is declared to feed profiles: email as mail." in told[named[1]]
    assert "mail as person (pseudonymise)" in told[named[1]]
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))


def test_the_picture_reads_in_light_and_dark() -> None:
    assert "prefers-color-scheme: dark" in lineage_svg(whole())


@pytest.mark.parametrize("graph", [whole(), hostile()], ids=["usual", "hostile"])
def test_the_picture_has_no_script_and_nothing_from_outside(graph: LineageGraph) -> None:
    text = lineage_svg(graph)
    root = parsed(text)
    allowed = {"svg", "title", "desc", "style", "rect", "g", "path", "text", "circle"}
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= allowed
    names = {name for e in root.iter() for name in e.attrib}
    assert not [n for n in names if "href" in n or n.startswith("on") or n == "style"]
    style = "".join(e.text or "" for e in root.iter(f"{SVG}style"))
    assert not re.search(r"url\(|@import|//", style)
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_hostile_names_are_inert_everywhere() -> None:
    graph = hostile()
    for text in (lineage_svg(graph), lineage_mermaid(graph), lineage_tree(graph)):
        assert "<script" not in text or text == lineage_tree(graph)
    assert not {"\u202e", "\x07", "\x0c"} & set(lineage_svg(graph) + lineage_mermaid(graph))
    labels = re.findall(r'"([^"]*)"', lineage_mermaid(graph))
    assert not any(set("<>&[]\\`") & set(label.replace("<br/>", "")) for label in labels)


def test_a_node_of_many_columns_says_how_many_more_there_are() -> None:
    columns = [(f"c{n}", "profiles", "mail", "keep") for n in range(40)]
    graph = lineage_graph([build(1, *columns)], "training", policies=policies())
    assert graph is not None
    assert "and 27 more" in lineage_svg(graph)


def test_mermaid_draws_what_policies_say_as_dots() -> None:
    text = lineage_mermaid(whole())
    assert text.startswith("flowchart LR\n")
    assert '-.->|"policy, 1 columns, 0 treated"|' in text


def test_no_line_goes_behind_a_box_that_it_has_nothing_to_do_with() -> None:
    """From far back into a dataset: behind the ledger's box it would look as if the ledger came from there."""
    runs = [
        run("x", [point("raw", 1, "/w/raw")], point("orders", 1, "/w/orders")),
        run(
            "dataset.build",
            [point("orders", 1, "/w/orders"), point("raw", 1, "/w/raw"), point("consents", None, "/w/consents")],
            point("training", 1),
            ("a", "raw", "a", "keep"),
        ),
    ]
    graph = lineage_graph(runs, "training")
    assert graph is not None
    boxes = _placed(graph)
    through = [w for w in _ways(graph, boxes) if w.told.startswith(("raw to training", "raw.a to training"))]
    assert through
    middle = [b for b in boxes.values() if b.node.id in ("orders", "consents")]
    assert len({b.x for b in middle}) == 1
    for way in through:
        (lane,) = (int(h) for h in re.findall(r" (\d+)H", way.path))
        assert not [b.node.id for b in middle if b.y <= lane <= b.y + b.height]


def test_the_consent_ledger_is_called_so_whatever_wrote_it() -> None:
    ledger = point("consents", None, "/w/consents")
    runs = [run("consent.import", [], ledger), run("dataset.build", [ledger], point("training", 1))]
    graph = lineage_graph(runs, "training")
    assert graph is not None
    assert {n.id: n.kind for n in graph.nodes} == {"consents": "ledger", "training@v1": "release"}


def test_a_retired_release_is_told_from_one_that_is_there() -> None:
    built = run("dataset.build", [point("customers", 1)], point("training", 1))
    graph = lineage_graph([built, run("dataset.retire", [], point("training", 1))], "customers")
    assert graph is not None
    assert {n.id: n.detail for n in graph.nodes}["training@v1"] == "retired"
    assert "training@v1 (retired)" in lineage_tree(graph)
    assert "retired" in lineage_svg(graph)
    before = lineage_graph([built], "customers")
    assert before is not None
    assert "retired" not in lineage_tree(before)
