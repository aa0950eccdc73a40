"""`delible policy` as a process would see it: one JSON document, exit codes, nothing changed, no JVM."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.cli.main import main
from delible.store.workspace import create_workspace
from policy_files import TABLE, write_policies


@pytest.fixture
def shop(tmp_path):
    workspace = create_workspace(tmp_path / "shop")
    write_policies(workspace.root / "policies")
    return workspace.root


def run(capsys, shop, *words):
    code = main(["policy", *words, "--workspace", str(shop)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_check_prints_gaps_and_ends_with_0(capsys, shop):
    rows = pa.table(
        {"id": [1], "email": ["a@test.example"], "made_at": pa.array([None], pa.timestamp("us", "UTC")), "x": [1]}
    )
    write_deltalake(shop / "warehouse" / "customers", rows)
    write_deltalake(shop / "warehouse" / "orders", rows)
    code, out, _ = run(capsys, shop, "check", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["status"] == "ok"
    assert document["violations"] == []
    assert [(g["code"], g["where"]) for g in document["gaps"]] == [
        ("policy.no_job_cadence", "policies/controller.yaml:1"),
        ("policy.column_unmapped", "policies/tables/customers.yaml:10"),
        ("policy.table_unmapped", "tables"),
    ]
    assert len(document["fingerprint"]) == 64


def test_check_ends_with_3_at_a_violation(capsys, shop):
    write_policies(shop / "policies", {"tables/customers.yaml": TABLE.replace("[support]", "[other]")})
    code, out, err = run(capsys, shop, "check", "--json")
    document = json.loads(out)
    assert code == 3
    assert document["status"] == "error"
    assert document["errors"] == [{k: v for k, v in f.items() if k != "severity"} for f in document["violations"]]
    assert document["violations"][0]["where"] == "policies/tables/customers.yaml:4"
    code, out, err = run(capsys, shop, "check")
    assert code == 3
    assert "gaps: 1, violations: 1" in out
    assert "policies/tables/customers.yaml:4: there is no purpose 'other'" in err


def test_check_ends_with_2_when_files_do_not_load(capsys, shop):
    write_policies(shop / "policies", {"tables/customers.yaml": TABLE + "x: 1\n", "purposes/support.yaml": "a: 1\n"})
    code, out, _ = run(capsys, shop, "check", "--json")
    document = json.loads(out)
    assert code == 2
    assert [e["code"] for e in document["errors"]] == [
        *["policy.missing_key"] * 2, "policy.unknown_key", "policy.unknown_key"
    ]  # fmt: skip


def test_locations_of_the_workspace_decide_on_paths(capsys, shop, tmp_path):
    outside = TABLE.replace("warehouse/customers", "s3://bucket/customers")
    write_policies(shop / "policies", {"tables/customers.yaml": outside})
    code, out, _ = run(capsys, shop, "check", "--json")
    assert code == 2
    assert json.loads(out)["errors"][0]["code"] == "policy.path"
    assert json.loads(out)["errors"][0]["where"] == "policies/tables/customers.yaml:2"
    (shop / "delible.yaml").write_text("locations: ['s3://bucket']\n")
    assert run(capsys, shop, "check")[0] == 0


def test_explain(capsys, shop):
    code, out, _ = run(capsys, shop, "explain", "customers")
    assert code == 0
    assert "customers.id → customer_id" in out
    code, out, _ = run(capsys, shop, "explain", "customers", "--json")
    assert json.loads(out)["columns"][1]["category"] == "user.contact.email"
    code, out, _ = run(capsys, shop, "explain", "custom", "--json")
    assert (code, json.loads(out)["errors"][0]["code"]) == (2, "policy.unknown_table")


def test_schema(capsys, shop, tmp_path):
    code, out, _ = run(capsys, shop, "schema", "--json")
    assert code == 0
    assert {"controller", "tables", "datasets"} <= set(json.loads(out)["schemas"])
    code, out, _ = run(capsys, shop, "schema", "--out", str(tmp_path / "schemas"))
    assert code == 0
    assert json.loads((tmp_path / "schemas" / "tables.json").read_text())["title"] == "TablePolicy"
    (tmp_path / "file").touch()
    assert run(capsys, shop, "schema", "--out", str(tmp_path / "file"))[0] == 2


def test_check_changes_nothing_and_needs_neither_jvm_nor_presidio(shop):
    before = sorted((p, p.stat().st_mtime_ns) for p in shop.rglob("*"))
    program = (
        "import sys; from delible.cli.main import main; main(['policy', 'check', '--workspace', sys.argv[1]]);"
        "heavy = {'pyspark', 'py4j', 'presidio_analyzer', 'spacy', 'pandas', 'openlineage'} & set(sys.modules);"
        "sys.exit(9 if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(shop)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted((p, p.stat().st_mtime_ns) for p in shop.rglob("*")) == before
