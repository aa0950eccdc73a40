"""Which model finds people and places in free text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, StringConstraints, model_validator

from delible.model.base import Frozen

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 _-]{0,63}$")]

PEOPLE = ("PERSON", "PER", "PATIENT", "STAFF", "HCW")
PLACES = ("LOCATION", "LOC", "GPE", "FAC")
"""What models call people and places, unless the configuration says otherwise."""


class NlpModel(Frozen):
    """The model that reads free text beside the patterns.

    Args:
        engine: `shipped` is the one that the package carries; `none` looks for patterns only, by explicit choice.
        model: For the other engines, an installed spaCy package, a model's name in the local cache, or its folder.
        people, places: The labels of that model that stand for people and for places; the usual ones when not given.
    """

    engine: Literal["shipped", "none", "spacy", "transformers", "gliner"] = "shipped"
    model: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,1000}$")] | None = None
    people: tuple[Label, ...] = ()
    places: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _names_a_model(self) -> NlpModel:
        own = self.engine in ("shipped", "none")
        if own and (self.model or self.people or self.places):
            raise ValueError(f"engine '{self.engine}' takes no model and no labels")
        if not own and self.model is None:
            raise ValueError(f"engine '{self.engine}' needs a 'model'")
        return self

    @property
    def labels(self) -> dict[str, str]:
        """The entity type of each of the model's labels."""
        people, places = self.people or PEOPLE, self.places or PLACES
        return dict.fromkeys(people, "PERSON") | dict.fromkeys(places, "LOCATION")


SHIPPED = NlpModel()
NO_MODEL = NlpModel(engine="none")


def _engine_alone(given: Any) -> Any:
    return {"engine": given} if isinstance(given, str) else given


NlpEntry = Annotated[NlpModel, BeforeValidator(_engine_alone)]
"""A model; a bare word is short for an engine that needs no more."""


class DetectionSettings(Frozen):
    """How personal data is looked for on this installation: the key `detection` of `delible.yaml`."""

    nlp: NlpEntry = SHIPPED
