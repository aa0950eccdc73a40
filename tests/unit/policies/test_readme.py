"""The README's way to one's own tables: the policy files that it writes are sound, and fit the table that it loads."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from delible.model.terms import Regime, RequestState, Right
from delible.store.workspace import Workspace, open_workspace
from delible.workflows.init import init_workspace
from delible.workflows.policies import check_policies
from delible.workflows.requests import approve_request, submit_requests
from small_shop import NOW

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture
def files() -> dict[str, str]:
    """Return the files that the block writes, by name."""
    _, _, section = README.read_text().partition("## From the demo to your own tables\n")
    block = section.partition("```sh\n")[2].partition("```")[0]
    return dict(re.findall(r"^cat > (\S+) <<'END'[^\n]*\n(.*?)^END$", block, re.MULTILINE | re.DOTALL))


@pytest.fixture
def shop(tmp_path: Path, files: dict[str, str]) -> Workspace:
    init_workspace(tmp_path / "shop", actor="tests", now=NOW)
    rows = list(csv.DictReader(files["people.csv"].splitlines()))
    write_deltalake(str(tmp_path / "shop" / "warehouse" / "people"), pa.Table.from_pylist(rows))
    for name, text in files.items():
        if name.startswith("shop/"):
            (tmp_path / name).write_text(text)
    return open_workspace(tmp_path / "shop")


def test_the_readmes_own_policies_leave_the_one_gap_that_it_names(shop: Workspace, files: dict[str, str]) -> None:
    assert len(files) == 4
    result = check_policies(shop)
    assert result.violations == ()
    assert [gap.code for gap in result.gaps] == ["policy.no_retention"]


def test_the_readmes_own_request_is_taken(shop: Workspace) -> None:
    given = re.search(r"echo '(.*ann@mailbox.*)' \|", README.read_text())
    assert given is not None
    file = shop.root.parent / "person.jsonl"
    file.write_text(json.dumps(json.loads(given[1])))
    [request] = submit_requests(
        shop, right=Right.ERASURE, regime=Regime.GDPR, identifiers=str(file), actor="tests", now=NOW
    )
    assert approve_request(shop, request.id, actor="tests", now=NOW).state is RequestState.SCHEDULED
