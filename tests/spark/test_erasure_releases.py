"""An erasure names the dataset releases that were cut before and still hold the data subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from delible.cli.erasure import applied_document
from delible.model.terms import Normalise
from delible.verify_certificate import main
from delible.workflows.certificates import certificate_path, read_certificate
from delible.workflows.control import Control
from delible.workflows.erasure import apply_erasure
from delible.workflows.erasure_plan import plan_due_erasures
from small_shop import LOWEST, NOW, ONE_TABLE, approved, email, make_workspace, write_tables
from store_fixtures import released

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.spark
def test_releases_that_hold_an_erased_person_are_on_the_certificate(spark: SparkSession, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "shop", ONE_TABLE)
    write_tables(spark, workspace, ["customers"])
    keys = Control(workspace).keys
    found = keys.ref("customer_id", str(LOWEST), Normalise.EXACT)
    other = keys.ref("email", email(LOWEST + 1), Normalise.LOWER)
    released(workspace, "support", 1, [found, other], NOW)
    released(workspace, "support", 2, [other], NOW)
    request = approved(workspace, tmp_path, {"email": email(LOWEST)})[0]
    planned = plan_due_erasures(workspace, now=NOW, immediate=True)
    done = apply_erasure(workspace, planned.plan, actor="tests", now=NOW, searched=planned.searched)
    control = Control(workspace)
    certificate, path = read_certificate(workspace, request)
    assert certificate.releases == ("support@v1",)
    assert (done.releases, applied_document(done)["releases"]) == (("support@v1",), ["support@v1"])
    certified = [r for r in control.ledger.records() if r.action == "erasure.certify" and r.outcome == "done"]
    assert [r.counts for r in certified] == [{"releases": 1, "releases_unknown": 0}]
    control.ledger.export(tmp_path / "ledger.jsonl")
    assert path == certificate_path(workspace, request)
    key = path.with_name("public-key.pem")
    assert main([str(path), "--key", str(key), "--ledger", str(tmp_path / "ledger.jsonl")]) == 0
