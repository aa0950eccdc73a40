"""A recipe that joins tickets with the people who wrote them."""

from __future__ import annotations

from typing import Any

from delible.model.policy import PolicySet

TOWNS = {"towns": {"levels": ["county", "country"], "values": {"Leeds": ["Yorkshire", "UK"], "Essen": ["Ruhr", "DE"]}}}


def policies(**recipe: Any) -> PolicySet:
    def table(name: str, columns: dict[str, Any], *subject: dict[str, str]) -> dict[str, Any]:
        own = {"subject": list(subject)} if subject else {"no_subject": "things"}
        return {
            "table": name,
            "path": f"warehouse/{name}",
            "description": name,
            "purposes": ["training"],
            "columns": columns,
            **own,
        }

    email = {"column": "email", "identifies": "email"}
    return PolicySet.model_validate(
        {
            "controller": {
                "controller": "Fennel & Co",
                "contact": "privacy@fennel.example",
                "subject": "id",
                "identifiers": {"id": {"distinctive": False}, "email": {"normalise": "lower"}},
            },
            "purposes": {"training": {"purpose": "training", "description": "x", "legal_basis": "consent"}},
            "tables": {
                "tickets": table(
                    "tickets",
                    {"id": "user.unique_id", "body": {"category": "user.content.private", "free_text": True}},
                    {"column": "id", "identifies": "id"},
                ),
                "people": table(
                    "people",
                    {
                        "id": "user.unique_id",
                        "email": {"category": "user.contact.email", "reversible": True},
                        "full_name": "user.name",
                        "alias": "user.name.last",
                        "remark": {"category": "user.name", "free_text": True},
                        "town": "user.contact.address.city",
                        "illness": "user.health_and_medical",
                    },
                    {"column": "id", "identifies": "id"},
                    email,
                ),
                "goods": table("goods", {"sku": "system.operations", "kind": "system.operations"}),
            },
            "datasets": {
                "set": {
                    "dataset": "set",
                    "description": "x",
                    "purpose": "training",
                    "source": "tickets",
                    "columns": {"body": {"treatment": "mask"}},
                    **recipe,
                }
            },
        }
    )


def people(**columns: Any) -> dict[str, Any]:
    return {"joins": [{"table": "people", "version": 7, "keys": {"id": "id"}, "columns": columns}]}
