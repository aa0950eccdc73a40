"""How long `dataset members` takes for one of 10M data subjects, and `dataset impact` for 10,000 withdrawals.

The impact is asked over several such releases in one pass.
The index is written as a build writes it: sorted by reference, two references a person. Whole commands are timed, their
start-up included; the yardstick is `python -c "import deltalake"`. For the impact it is reading both columns of the
same indexes with pyarrow.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from startup import DELIBLE, YARDSTICK, prepared

from delible.decide.impact import asked_of
from delible.model.consent import ConsentRecord
from delible.model.record import Manifest
from delible.model.subject import SubjectRef
from delible.model.terms import ConsentStatus, LegalBasis, Normalise
from delible.store.consents import Consents
from delible.store.keys import load_keys
from delible.store.manifests import Manifests
from delible.store.policies import load_workspace_policies
from delible.store.releases import INDEX, release_file, seal, write_blocks
from delible.store.workspace import Workspace, open_workspace

MOST_SECONDS = 1.0
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROW_GROUP = 1 << 15
PURPOSE = "model_training"
_processor: list[float] = []


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when `members` takes a second or more."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=10_000_000, help="data subjects of a release")
    options.add_argument("--releases", type=int, default=3, help="releases that the withdrawals reach")
    options.add_argument("--withdrawals", type=int, default=10_000)
    options.add_argument("--runs", type=int, default=7)
    options.add_argument("--merged", action="store_true", help="merge the consent ledger's files before the impact")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = prepared(Path(folder))
        workspace = open_workspace(root)
        chosen = fill(workspace, given.people, given.releases, given.withdrawals)
        ask = ["dataset", "members", "bench@v1", "--identifiers", "people.jsonl", "--json"]
        members, base = in_turns(ask, root, given.runs)
        withdraw(workspace, chosen)
        if given.merged:
            DeltaTable(Consents(workspace).location).optimize.compact()
        impact, _ = in_turns(["dataset", "impact", "--consents-since", "2020-01-01", "--json"], root, 1)
        reading = read_all(workspace, given.releases)
    result = {
        "people": given.people,
        "references": 2 * given.people,
        "members": round(members, 3),
        "members_processor": round(statistics.median(_processor), 3),
        "members_ratio": round(members / base, 2),
        "withdrawals": given.withdrawals,
        "merged": given.merged,
        "releases": given.releases,
        "impact": round(impact, 2),
        "impact_ratio": round(impact / reading, 2),
    }
    print(
        f"members of {given.people:,}: {members:.3f} s, {members / base:.1f} times `import deltalake`; "
        f"{result['members_processor']:.3f} s of processor time"
    )
    print(
        f"impact of {given.withdrawals:,} withdrawals over {given.releases} releases: {impact:.1f} s, "
        f"{impact / reading:.1f} times reading their indexes"
    )
    print(json.dumps({"benchmark": "dataset_members", **result}))
    return int(members >= MOST_SECONDS)


def fill(workspace: Workspace, people: int, releases: int, withdrawals: int) -> list[SubjectRef]:
    """Register releases with one index under several names, and return who will withdraw."""
    keys = load_keys(workspace)
    own = keys.ref("email", "ann.bench@people.example", Normalise.LOWER)
    random = np.random.default_rng(7)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    letters = digits[random.integers(0, 16, (2 * people, 64), np.uint8)]
    prefix = np.broadcast_to(np.frombuffer(f"v{keys.version}.".encode(), np.uint8), (2 * people, 3))
    raw = np.ascontiguousarray(np.concatenate([prefix, letters], axis=1))
    del letters
    width = raw.shape[1]
    refs = pa.array(raw.view(f"S{width}").reshape(-1)).cast(pa.large_string())
    # Every second reference is a person's own, and the one before leads to it.
    subjects = refs.take(pa.array(np.arange(2 * people) | 1))
    table = pa.table({"ref": refs, "subject": subjects}).sort_by("ref")
    chosen = [SubjectRef(x) for x in refs[: 2 * withdrawals : 2].to_pylist()]
    position = pc.sum(pc.less(table["ref"], own)).as_py()
    one = pa.table({"ref": [own], "subject": [own]}, table.schema)
    table = pa.concat_tables([table[:position], one, table[position:]])
    first = workspace.path(f"releases/bench/v1/{INDEX}")
    Consents(workspace).append([record(ref, ConsentStatus.GIVEN, NOW - timedelta(days=1)) for ref in chosen])
    asked = asked_of(load_workspace_policies(workspace).purposes[PURPOSE])
    for version in range(1, releases + 1):
        manifest = Manifest(
            dataset="bench",
            version=version,
            purpose=PURPOSE,
            recipe_fingerprint="0" * 64,
            policy_fingerprint="0" * 64,
            purpose_fingerprint=asked,
            sources={"tickets": 1},
            known_at=NOW,
            created_at=NOW,
            rows_in=people,
            rows_out=people,
            excluded={},
            members=people,
            files=(),
            path=f"releases/bench/v{version}",
            consents_version=Consents(workspace).version(),
            key_id=keys.key_id,
        )
        path = workspace.path(manifest.path)
        path.mkdir(parents=True)
        if version == 1:
            plain = table.cast(pa.schema([("ref", pa.string()), ("subject", pa.string())]))
            pq.write_table(plain, first, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=False)
        else:
            os.link(first, path / INDEX)
        files = (release_file(path / INDEX, path), release_file(write_blocks(path), path))
        manifest = manifest.model_copy(update={"files": files})
        seal(path, manifest, keys)
        Manifests(workspace).put(manifest)
    return chosen


def withdraw(workspace: Workspace, refs: list[SubjectRef]) -> None:
    """Record that everybody withdraws after the releases were cut."""
    Consents(workspace).append([record(ref, ConsentStatus.WITHDRAWN, NOW + timedelta(days=1)) for ref in refs])


def record(ref: SubjectRef, status: ConsentStatus, at: datetime) -> ConsentRecord:
    return ConsentRecord(
        ref=ref,
        kind="email",
        purpose=PURPOSE,
        status=status,
        legal_basis=LegalBasis.CONSENT,
        notice_version="1",
        valid_from=at,
        recorded_at=at,
        source="benchmark",
    )


def read_all(workspace: Workspace, releases: int) -> float:
    """Return the seconds that reading both columns of all indexes takes."""
    start = time.perf_counter()
    for version in range(1, releases + 1):
        with pq.ParquetFile(workspace.path(f"releases/bench/v{version}/{INDEX}")) as file:
            for _ in file.iter_batches(1 << 18):
                pass
    return time.perf_counter() - start


def in_turns(command: list[str], folder: Path, runs: int) -> tuple[float, float]:
    """Return the medians of a command and of the yardstick; with several runs the first of each is not counted."""
    times, yardstick = [], []
    for _ in range(runs + 1 if runs > 1 else 1):
        yardstick.append(seconds(YARDSTICK, folder))
        times.append(seconds([*DELIBLE, *command], folder))
    skip = int(runs > 1)
    return statistics.median(times[skip:]), statistics.median(yardstick[skip:])


def processor() -> float:
    """Return the processor time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    env = os.environ | {"DELIBLE_ACTOR": "benchmark"}
    worked = processor()
    answer = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if "members" in command:
        _processor.append(processor() - worked)
    if answer.returncode:
        raise SystemExit(f"{' '.join(command[1:])} ended with {answer.returncode}: {answer.stderr}")
    if "impact" in command:
        reached = json.loads(answer.stdout)["impact"]
        print(*(f"{each['release']}: {each['people']:,} data subjects" for each in reached), sep="\n")
    return taken


if __name__ == "__main__":
    sys.exit(main())
