"""Drafts from real tables: what Spark measures is what is there, `policy check` takes it, and no value is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.cli.main import main
from delible.lake import profile as profile_module
from delible.lake.facts import read
from delible.lake.profile import inclusions, profiles, sketches
from delible.model.profile import At
from delible.store.tags import Tags
from delible.store.workspace import Workspace, create_workspace, open_workspace
from measured import lakehouse, tags
from policy_files import CONTROLLER, write_policies
from strange_lakehouse import CATEGORIES, tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USED = ("customers", "staff", "orders", "order_items", "tickets")
PADS = (b"\x36" * 64, b"\x5c" * 64)
KEPT = "# as people wrote it\n" + CONTROLLER


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = create_workspace(tmp_path_factory.mktemp("strange") / "shop")
    write_policies(made.root / "policies", {"controller.yaml": KEPT})
    world = {name: tables()[name] for name in USED}
    for name, columns in world.items():
        write_deltalake(made.root / "warehouse" / name, pa.table(columns))
    seen = lakehouse(world, {c: k for c, k in CATEGORIES.items() if c.split(".")[0] in USED})
    for name in USED[1:]:  # customers are scanned by the draft itself
        Tags(made).put(list(tags(seen, name).values()))
    return made


def test_spark_measures_what_is_there(shop: Workspace, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = lakehouse({name: tables()[name] for name in ("customers", "orders")}, {}).profiles
    frames = {name: read(spark, str(shop.root / "warehouse" / name)) for name in ("customers", "orders")}
    found = {p.at: p for name, frame in frames.items() for p in profiles(frame, table=name, pads=PADS)}
    told = ("form", "rows", "filled", "unique", "longest", "low", "high")
    for at, profile in exact.items():
        assert [getattr(found[at], x) for x in told if x != "longest" or profile.form != "time"] == [
            getattr(profile, x) for x in told if x != "longest" or profile.form != "time"
        ]
        assert found[at].distinct == pytest.approx(profile.distinct, rel=0.08)
    monkeypatch.setattr(profile_module, "SAMPLE", 64)
    source, target = found[At("orders", "customer_id")], At("customers", "id")
    sketch = sketches(frames["orders"], [source], pads=PADS)[source.at]
    assert 30 < len(sketch) < 120
    half = frames["customers"].where("id <= 300")
    whole, some = (
        inclusions(frame, [(source, target.column, sketch)], pads=PADS)[0] for frame in (frames["customers"], half)
    )
    assert (whole.share, whole.probes_found) == (1.0, whole.probes)
    assert some.share == pytest.approx(0.5, abs=0.2)


def run(capsys: pytest.CaptureFixture[str], shop: Workspace, *words: str) -> tuple[int, dict]:
    code = main(["policy", *words, "--workspace", str(shop.root), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_draft_of_a_strange_lakehouse(
    shop: Workspace, spark: SparkSession, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    again = tmp_path / "policies"
    code, elsewhere = run(capsys, shop, "draft", "--out", str(again))
    assert (code, elsewhere["kinds"]) == (0, ["staff_id"])
    code, document = run(capsys, shop, "draft")
    assert code == 0
    assert {d["table"] for d in document["drafts"]} == set(USED)
    for made in document["drafts"]:
        text = Path(made["file"]).read_text()
        assert text == (again / "tables" / Path(made["file"]).name).read_text()
        assert not re.search(r"pond\.example|firm\.example|Kim \d|Lee \d|\+44|is broken", text + json.dumps(made))
    controller = (shop.root / "policies" / "controller.yaml").read_text()
    assert controller.startswith(KEPT)
    assert "staff_id:" in controller.removeprefix(KEPT)
    code, checked = run(capsys, shop, "check")
    assert (code, checked["violations"]) == (0, [])
    gaps = {(g["code"], (g["where"] or "").rpartition("/")[2].partition(".")[0]) for g in checked["gaps"]}
    for name in ("customers", "orders"):
        assert {("policy.no_purpose", name), ("policy.no_retention", name), ("policy.not_yet_said", name)} <= gaps
    policies = {name: (shop.root / f"policies/tables/{name}.yaml").read_text() for name in USED}
    assert "email:\n    category: user.contact.email" in policies["customers"]
    assert "through: orders" in policies["order_items"]
    assert re.search(r"# open: owner_id: \d of \d candidate links: in customers\.id to 100%", policies["tickets"])
    code, kept = run(capsys, shop, "draft")
    assert (code, kept["drafts"]) == (0, [])
    assert open_workspace(shop.root)
