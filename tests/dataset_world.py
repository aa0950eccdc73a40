"""Tables of a small shop as Arrow, one key ring and a ledger of consents, and what a release of them holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from delible.decide.detection import detection_of
from delible.lake.consent import Question, flags_frame, refs_frame
from delible.lake.dataset import Cut, Grounds, Secrets, cut
from delible.lake.identity import RefKey
from delible.model.policy import PolicySet
from delible.model.terms import Exclusion, Normalise
from delible.plan.dataset import plan_dataset
from delible.store.key_ring import KeyFile, create_keys, parsed_ring
from delible.store.keys import Keys

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T0 = datetime(2026, 1, 1, tzinfo=UTC)
PERSONAL = {"category": "user.contact.email"}
ID = {"category": "user.unique_id"}
KINDS = {"customer_id": Normalise.EXACT, "email": Normalise.LOWER, "phone": Normalise.DIGITS}


def shop(**recipe: Any) -> PolicySet:
    """Return the policies of a small shop; `recipe` changes the dataset."""
    return PolicySet.model_validate(
        {
            "controller": {
                "controller": "Fennel & Co",
                "contact": "privacy@fennel.example",
                "subject": "customer_id",
                "identifiers": {k: {"normalise": how} for k, how in KINDS.items()},
            },
            "purposes": {
                "training": {"purpose": "training", "description": "models", "legal_basis": "consent"},
                "support": {"purpose": "support", "description": "help", "legal_basis": "contract"},
            },
            "tables": {
                "customers": table(
                    "customers", [("customer_id", "customer_id"), ("email", "email"), ("phone", "phone")]
                ),
                "leads": table("leads", [("email", "email"), ("phone", "phone")]),
                "tickets": table("tickets", [("customer_id", "customer_id")], "ticket_id", "subject", "stars", "at"),
                "newsletter": table("newsletter", [("email", "email")], "topic"),
                "cards": {
                    **table("cards", [], "card_id", "expiry"),
                    "subject": [{"column": "card_id", "through": "customer_cards", "matches": "card_id"}],
                },
                "customer_cards": table("customer_cards", [("customer_id", "customer_id")], "card_id"),
            },
            "datasets": {
                "set": {
                    "dataset": "set",
                    "description": "a set",
                    "purpose": "training",
                    "source": "tickets",
                    "columns": {
                        "ticket_id": {"treatment": "pseudonymise"},
                        "customer_id": {"treatment": "drop"},
                        "subject": {"treatment": "keep"},
                        "stars": {"treatment": "generalise", "to": 10},
                        "at": {"treatment": "generalise", "to": "month"},
                    },
                    "split": {"validation": 20, "test": 20},
                    **recipe,
                }
            },
        }
    )


def table(name: str, keys: list[tuple[str, str]], *columns: str) -> dict[str, Any]:
    return {
        "table": name,
        "path": f"warehouse/{name}",
        "description": name,
        "subject": [{"column": c, "identifies": k} for c, k in keys],
        "columns": dict.fromkeys((*(c for c, _ in keys), *columns), PERSONAL),
    }


class World:
    """Tables as Arrow, one key ring, and a ledger of consents by (kind, value)."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        create_keys(folder / "keys.json")
        self.keys = Keys(parsed_ring(KeyFile(folder / "keys.json").read(), "keys"))
        self.tables: dict[str, dict[str, list[Any]]] = {
            "customers": {"customer_id": [], "email": [], "phone": []},
            "leads": {"email": [], "phone": []},
            "customer_cards": {"customer_id": [], "card_id": []},
        }
        self.consents: list[tuple[str, str, str, str, int]] = []
        self.flags: list[tuple[str, str, Exclusion]] = []
        self.limiting: list[tuple[str, str]] = []
        self.types = {"customer_id": pa.int64(), "card_id": pa.int64(), "ticket_id": pa.int64(), "stars": pa.int32()}
        self.partitions = 1

    def ref(self, kind: str, value: str) -> str:
        return self.keys.ref(kind, value, KINDS[kind])

    def read(self, name: str) -> DataFrame:
        columns = self.tables[name]
        types = {"at": pa.timestamp("us", "UTC")} | self.types
        data = {c: pa.array(v, types.get(c, pa.string())) for c, v in columns.items()}
        return self.spark.createDataFrame(pa.table(data)).repartition(self.partitions)

    def records(self) -> DataFrame:
        instant = pa.timestamp("us", "UTC")
        texts = ("ref", "purpose", "status", "legal_basis")
        instants = ("valid_from", "valid_until", "recorded_at")
        schema = pa.schema([(n, pa.string()) for n in texts] + [(n, instant) for n in instants])
        rows = [
            {
                "ref": self.ref(k, v),
                "purpose": p,
                "status": s,
                "legal_basis": "consent",
                "valid_from": at,
                "recorded_at": at,
            }
            for k, v, p, s, day in self.consents
            for at in [T0 + timedelta(days=day)]
        ]
        return self.spark.createDataFrame(pa.Table.from_pylist(rows, schema=schema))

    def refkey(self) -> RefKey:
        return RefKey(self.keys.version, self.keys.pads())

    def cut(self, policies: PolicySet, name: str = "out") -> tuple[Cut, Path]:
        plan = plan_dataset(policies, "set").plan
        now = T0 + timedelta(days=365)
        folder = self.folder / name
        folder.mkdir()
        by = Grounds(
            read=self.read,
            records=self.records(),
            flags=flags_frame(self.spark, [(self.keys.ref(k, v, KINDS[k]), f) for k, v, f in self.flags]),
            question=Question(plan.purpose, plan.basis, now, now),
            secrets=Secrets(
                self.refkey(), self.keys.domain_pads("split"), {d: self.keys.domain_pads(d) for d in plan.domains}
            ),
            limited=refs_frame(self.spark, [self.keys.ref(k, v, KINDS[k]) for k, v in self.limiting]),
        )
        row_index = self.folder / f"{name}-rows"
        return cut(plan, policies, by, detection=detection_of(policies), folder=folder, row_index=row_index), folder


def tickets(world: World, owners: list[int | None]) -> None:
    count = len(owners)
    world.tables["tickets"] = {
        "ticket_id": list(range(count)),
        "customer_id": owners,
        "subject": [f"subject {n}" for n in range(count)],
        "stars": [None if n % 7 == 0 else n - 15 for n in range(count)],
        "at": [T0 + timedelta(days=n) for n in range(count)],
    }


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {p.name.split("-")[0]: pq.read_table(p).to_pylist() for p in sorted((folder / "data").glob("*.parquet"))}
