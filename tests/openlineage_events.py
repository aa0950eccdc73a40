"""What an OpenLineage event must be, in three ways, and a consumer that takes nothing else.

The classes of the official client are generated from the official schemas: every object is held against its class,
without a key too many. Facets of delible's own are held against their published schemas. Where the official schemas
themselves are at hand (`DELIBLE_OPENLINEAGE_SPEC`, or the folder beside this repository that has the other data for
trying the software on), events are held against those, too, formats included.
"""

from __future__ import annotations

import enum
import json
import os
import re
import threading
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import attr
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client import generated
from openlineage.client.event_v2 import RunEvent
from openlineage.client.generated.base import DatasetFacet, RunFacet
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource
from referencing.jsonschema import DRAFT202012

from delible.store.lineage_facets import SCHEMAS

SPEC = Path(os.environ.get("DELIBLE_OPENLINEAGE_SPEC", Path(__file__).parents[2] / "shared/data/openlineage-spec"))
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
OWN: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".json"): json.loads(path.read_text())
    for path in sorted((files("delible") / "schemas/facets/1-0-0").iterdir(), key=lambda p: p.name)
}
HAS_SPEC = (SPEC / "OpenLineage.json").exists()
NO_SPEC = f"The official OpenLineage schemas are not at {SPEC}: DELIBLE_OPENLINEAGE_SPEC names their folder."
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_FORMATS = FormatChecker()


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    """Say whether this is a date and time by RFC 3339: jsonschema asks a package for it, and lets all pass without."""
    return not isinstance(value, str) or (value[10:11] in "Tt" and datetime.fromisoformat(value).tzinfo is not None)


@_FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    """Say whether this is a URI by RFC 3986, for the same reason."""
    return not isinstance(value, str) or bool(_URI.fullmatch(value) and urlsplit(value).scheme)


@cache
def registry() -> Registry[Any]:
    """Return our own schemas, and the official ones or stand-ins for the bases of our facets; none by the network."""
    base = {"type": "object", "required": ["_producer", "_schemaURL"]}
    documents: list[dict[str, Any]] = [{"$id": CORE, "$defs": {"RunFacet": base, "DatasetFacet": base}}]
    if HAS_SPEC:
        documents = [json.loads(p.read_text()) for p in (SPEC / "OpenLineage.json", *(SPEC / "facets").glob("*.json"))]

    def offline(uri: str) -> Resource[Any]:
        raise NoSuchResource(ref=uri)

    found = [Resource.from_contents(d, default_specification=DRAFT202012) for d in (*documents, *OWN.values())]
    return Registry(retrieve=offline).with_resources([(r.id() or "", r) for r in found])


def check_schema(body: Any, reference: str) -> None:
    """Hold a document against a schema by its URL."""
    _validator(reference).validate(body)


@cache
def _validator(reference: str) -> Draft202012Validator:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": reference}
    return Draft202012Validator(schema, registry=registry(), format_checker=_FORMATS)


def check_event(event: dict[str, Any]) -> None:
    """Fail unless an event is one by the client's classes, by our schemas, and by the official ones where they are."""
    _check_class(event, RunEvent, "event")
    assert event["schemaURL"] == f"{CORE}#/$defs/RunEvent"
    assert event["producer"].startswith("urn:delible:")
    assert event["eventType"] in ("START", "COMPLETE", "FAIL", "ABORT")
    assert _TIME.fullmatch(event["eventTime"]), event["eventTime"]
    assert UUID(event["run"]["runId"])
    for base, key, facet in facets_of(event):
        _check_facet(key, facet, base)
    if HAS_SPEC:
        check_schema(event, f"{CORE}#/$defs/RunEvent")
        for _, _, facet in facets_of(event):
            check_schema(facet, facet["_schemaURL"])


def undrawn(event: dict[str, Any]) -> set[str]:
    """Return the columns of an event's lineage that no schema in it tells of: Marquez draws none of these."""
    told = {
        (each["namespace"], each["name"], field["name"])
        for each in (*event.get("inputs", ()), *event.get("outputs", ()))
        for field in each["facets"].get("schema", {}).get("fields", ())
    }
    named = set()
    for output in event.get("outputs", ()):
        for column, made in output["facets"].get("columnLineage", {}).get("fields", {}).items():
            named.add((output["namespace"], output["name"], column))
            named |= {(f["namespace"], f["name"], f["field"]) for f in made["inputFields"]}
    return {"/".join(each) for each in named - told}


def facets_of(event: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every facet with what it is a facet of, and its key."""
    parts = [("run", event["run"]), ("job", event["job"])]
    parts += [("dataset", d) for d in (*event.get("inputs", ()), *event.get("outputs", ()))]
    for base, holder in parts:
        for group in ("facets", "inputFacets", "outputFacets"):
            for key, facet in holder.get(group, {}).items():
                yield base, key, facet


def _check_facet(key: str, facet: dict[str, Any], base: str) -> None:
    url = facet["_schemaURL"]
    if key.startswith("delible_"):
        assert url.startswith(f"{SCHEMAS}:{key}#"), f"{key} names {url}"
        check_schema(facet, url)
        return
    cls = _classes()[url]
    assert not (base == "run" and not issubclass(cls, RunFacet)), f"{key} is no facet of a run"
    assert not (base != "dataset" and issubclass(cls, DatasetFacet)), f"{key} is a facet of a dataset"
    _check_class(facet, cls, key)


@cache
def _classes() -> dict[str, type]:
    modules = [import_module(f"{generated.__name__}.{m.name}") for m in iter_modules(generated.__path__)]
    every = [c for m in modules for c in vars(m).values() if isinstance(c, type) and attr.has(c)]
    return {c._get_schema(): c for c in every if "_get_schema" in vars(c)}


def _check_class(body: Any, cls: type, where: str) -> None:
    assert isinstance(body, dict), f"{where} is no object"
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in attr.fields(cls) if f.name in hints}
    unknown = set(body) - set(fields)
    assert not unknown, f"{where} has keys that {cls.__name__} does not: {sorted(unknown)}"
    for name, field in fields.items():
        if name in body:
            _check_type(body[name], hints[name], f"{where}.{name}")
        else:
            assert field.default is not attr.NOTHING, f"{where} lacks '{name}' of {cls.__name__}"


def _check_type(value: Any, kind: Any, where: str) -> None:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return
    if origin in (types.UnionType, typing.Union):
        options = [a for a in arguments if a is not type(None)]
        assert value is not None, f"{where} is null"
        _check_type(value, options[0], where)
    elif origin is list:
        assert isinstance(value, list), f"{where} is no list"
        for number, each in enumerate(value):
            _check_type(each, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        assert isinstance(value, dict), f"{where} is no object"
        of_facets = isinstance(arguments[1], type) and arguments[1].__name__.endswith("Facet")
        for key, each in value.items() if not of_facets else ():
            _check_type(each, arguments[1], f"{where}.{key}")
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        assert value in {each.value for each in kind}, f"{where} is no {kind.__name__}"
    elif attr.has(kind):
        _check_class(value, kind, where)
    else:
        allowed = (int, float) if kind is float else kind
        assert isinstance(value, allowed), f"{where} is a {type(value).__name__}"
        assert kind is bool or not isinstance(value, bool), f"{where} is a truth value"


Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
"""What a consumer does with an event that has come."""


def taken(request: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    """Answer as Marquez does."""
    request.send_response(201)
    request.send_header("Content-Length", "0")
    request.end_headers()


class Received:
    """A consumer over HTTP: what it received and what was wrong with it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Answer = taken

    @property
    def phases(self) -> list[tuple[str, str]]:
        """Job and event type of all events, in the order in which they came."""
        return [(e["job"]["name"], e["eventType"]) for e in self.events]


@contextmanager
def consumer() -> Iterator[Received]:
    """Run a consumer that holds every event against everything above, and answers 422 to what is none."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.headers.append({k.lower(): v for k, v in self.headers.items()})
            try:
                check_event(body)
            except Exception as error:
                received.problems.append(str(error)[:400])
                self.send_error(422)
                return
            received.events.append(body)
            received.answer(self, body)

        def do_GET(self) -> None:
            received.problems.append(f"GET {self.path}")
            self.send_error(405)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gave up waiting is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
