"""Delta tables found and described without Spark."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.store.policies import load_workspace_policies
from delible.store.warehouse import describe_tables, find_tables, layout_of
from delible.store.workspace import create_workspace
from policy_files import SOUND, write_policies

ROWS = pa.table({"id": [1], "email": ["a@test.example"], "who": [{"name": "x", "tags": ["y"]}]})


@pytest.fixture
def workspace(tmp_path):
    workspace = create_workspace(tmp_path / "shop")
    write_policies(workspace.root / "policies")
    return workspace


def found(workspace):
    return find_tables(workspace, load_workspace_policies(workspace))


def test_an_empty_workspace_has_no_tables(workspace):
    assert found(workspace) == {}


def test_tables_of_the_warehouse_with_nested_columns(workspace):
    write_deltalake(workspace.root / "warehouse" / "customers", ROWS)
    write_deltalake(workspace.root / "warehouse" / "zone" / "other", ROWS)
    (workspace.root / "warehouse" / "no_table").mkdir()
    columns = {"id": "long", "email": "string", "who.name": "string", "who.tags": "array"}
    assert found(workspace) == {"warehouse/customers": columns, "warehouse/zone/other": columns}


def test_a_broken_table_is_unknown_not_empty(workspace):
    log = workspace.root / "warehouse" / "customers" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text(json.dumps({"metaData": 5}) + "\n")
    assert found(workspace) == {"warehouse/customers": None}


def test_tables_of_policies_outside_the_warehouse(workspace):
    content = SOUND["tables/customers.yaml"].replace("warehouse/customers", "lake/./customers/")
    write_policies(workspace.root / "policies", {"tables/customers.yaml": content})
    write_deltalake(workspace.root / "lake" / "customers", ROWS)
    assert list(found(workspace)) == ["lake/customers"]


def test_links_are_not_followed(workspace, tmp_path):
    write_deltalake(tmp_path / "outside", ROWS)
    (workspace.root / "warehouse").mkdir()
    (workspace.root / "warehouse" / "linked").symlink_to(tmp_path / "outside")
    assert found(workspace) == {}


def test_properties_partitions_and_clustering_are_read_from_the_log(workspace):
    folder = workspace.root / "warehouse" / "customers"
    write_deltalake(
        folder, ROWS.append_column("day", [["x"]]), partition_by=["day"],
        configuration={"delta.logRetentionDuration": "interval 7 days"},
    )  # fmt: skip
    layout = describe_tables(workspace, load_workspace_policies(workspace))["warehouse/customers"]
    assert layout is not None
    assert (layout.partitions, layout.clustering) == (("day",), ())
    assert layout.property_of("delta.logRetentionDuration") == "interval 7 days"
    assert layout.property_of("delta.deletedFileRetentionDuration") == "interval 1 week"
    assert layout.statistics == ("id", "email", "who.name", "who.tags")


@pytest.mark.parametrize(("removed", "expected"), [(False, ("email", "who.name")), (True, ())])
def test_clustering_is_what_the_newest_commit_says(workspace, removed, expected):
    log = workspace.root / "warehouse" / "customers" / "_delta_log"
    write_deltalake(log.parent, ROWS)
    first = log / "00000000000000000000.json"
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = {
                "minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["clustering", "domainMetadata"],
            }  # fmt: skip
    domain = {"domain": "delta.clustering", "removed": False,
              "configuration": json.dumps({"clusteringColumns": [["email"], ["who", "name"]]})}  # fmt: skip
    lines.append({"domainMetadata": domain})
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    later = {"domainMetadata": {**domain, "removed": removed}} if removed else {"commitInfo": {}}
    (log / "00000000000000000001.json").write_text(json.dumps(later) + "\n")
    layout = describe_tables(workspace, load_workspace_policies(workspace))["warehouse/customers"]
    assert layout is not None
    assert layout.clustering == expected


def test_names_with_dots_and_mapped_clustering_columns_are_spelled_as_policies_spell_them(tmp_path):
    mapped = [
        {"name": "a.b", "type": "string"},
        {"name": "who", "type": {"type": "struct", "fields": [{"name": "id", "type": "long"}]}},
    ]
    for number, field in enumerate((*mapped, mapped[1]["type"]["fields"][0])):
        known = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}
        field |= {"nullable": True, "metadata": known}
    clustering = {"domain": "delta.clustering", "removed": False}
    clustering["configuration"] = json.dumps({"clusteringColumns": [["col-1", "col-2"]]})
    features = {
        "readerFeatures": ["columnMapping"],
        "writerFeatures": ["columnMapping", "clustering", "domainMetadata"],
    }
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {
            "metaData": {
                "id": "t",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": mapped}),
                "partitionColumns": [],
                "configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2"},
            }
        },
        {"domainMetadata": clustering},
    ]
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / f"{0:020}.json").write_text("".join(json.dumps(each) + "\n" for each in actions))
    layout = layout_of(tmp_path)
    assert (layout.columns, layout.clustering) == ({"`a.b`": "string", "who.id": "long"}, ("who.id",))
