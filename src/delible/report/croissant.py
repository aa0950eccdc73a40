"""A release as Croissant (MLCommons, JSON-LD) with its vocabulary for responsible AI: names and numbers, no values."""

from __future__ import annotations

import json
import re
from typing import Any

from delible.model.record import Manifest

CROISSANT = "croissant.json"
_CONFORMS = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
_FILES = "rows"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The vocabulary's own context, in full: nothing has to be fetched to read the file."""

_NESTED = re.compile(r"(array<)?(struct|map)<|array<array<")
"""Columns that the record set leaves out: Croissant's reader has no values within values; the Parquet files do."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPES = (
    (r"tinyint|smallint|int|bigint", "sc:Integer"),
    (r"float|double|decimal.*", "sc:Float"),
    (r"boolean", "sc:Boolean"),
    (r"date|timestamp.*", "sc:Date"),
)


def croissant(manifest: Manifest, *, contact: str) -> str:
    """Return a release's `croissant.json`; needs no network to be read, and is read from the release's folder.

    Args:
        manifest: With the rows' files; the document itself is none of them yet.
        contact: Whom to ask: the controller's contact.
    """
    document = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS,
        "name": manifest.dataset,
        "description": manifest.description or manifest.release,
        "version": f"{manifest.version}.0.0",
        "datePublished": manifest.created_at.date().isoformat(),
        "dateCreated": manifest.created_at.date().isoformat(),
        "creator": {"@type": "sc:Organization", "name": contact},
        "license": f"Internal: for the processing purpose {manifest.purpose} only",
        "url": f"urn:delible:dataset:{manifest.dataset}:v{manifest.version}",
        "citeAs": f"{manifest.release} ({manifest.created_at.year})",
        "isLiveDataset": False,
        "distribution": _distribution(manifest),
        "recordSet": [_records(manifest)] if manifest.columns else [],
        **_responsible(manifest),
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _distribution(manifest: Manifest) -> list[dict[str, Any]]:
    files = [f for f in manifest.files if f.path.startswith("data/")]
    whole = {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": _FILES,
        "description": "All rows, one file or more per split.",
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }
    return [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "contentSize": f"{file.bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
        }
        for file in files
    ] + [whole]


def _records(manifest: Manifest) -> dict[str, Any]:
    named = "split" if all(c.name != "split" for c in manifest.columns) else "release_split"
    split = {
        "@type": "cr:Field",
        "@id": f"records/{named}",
        "name": f"records/{named}",
        "description": "train, validation or test; no data subject stands in two.",
        "dataType": ["sc:Text", "cr:Split"],
        "source": {
            "fileSet": {"@id": _FILES},
            "extract": {"fileProperty": "filename"},
            "transform": {"regex": "^([a-z]+)-"},
        },
    }
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"records/{column.name if _PLAIN.fullmatch(column.name) else number}",
            "name": f"records/{column.name}",
            "description": f"{column.treatment}; {column.category or 'no data category'}",
            "dataType": _type(column.type),
            **({"repeated": True} if column.type.startswith("array<") else {}),
            "source": {"fileSet": {"@id": _FILES}, "extract": {"column": column.name}},
        }
        for number, column in enumerate(manifest.columns)
        if _NESTED.match(column.type) is None
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "records",
        "name": "records",
        "description": f"{manifest.rows_out} rows.",
        "field": [*fields, split],
    }


def _type(kind: str) -> str:
    inner = re.fullmatch(r"array<(.*)>", kind)
    kind = inner[1] if inner else kind
    return next((name for form, name in _TYPES if re.fullmatch(form, kind)), "sc:Text")


def _responsible(manifest: Manifest) -> dict[str, Any]:
    """Return what the responsible AI vocabulary asks, as far as a build knows it; what it does not know is left out."""
    basis = manifest.basis.value if manifest.basis is not None else "not recorded"
    left_out = ", ".join(f"{reason} {rows}" for reason, rows in manifest.excluded.items()) or "none"
    treated = [f"{column.name}: {column.treatment}" for column in manifest.columns]
    personal = sorted({c.category for c in manifest.columns if c.category is not None})
    return {
        "rai:dataCollection": (
            f"Cut from {', '.join(f'{name} version {v}' for name, v in sorted(manifest.sources.items()))}, "
            f"with consent and requests as known at {manifest.known_at.isoformat()}."
        ),
        "rai:dataUseCases": [f"The processing purpose {manifest.purpose} (legal basis: {basis}), and no other."],
        "rai:dataPreprocessingProtocol": treated or ["none"],
        "rai:dataLimitations": [
            f"{manifest.rows_out} of {manifest.rows_in} rows; rows left out by reason: {left_out}.",
            "Masks find what detection finds: free text can still hold personal data.",
        ],
        "rai:dataBiases": ["People who did not agree, objected or were erased are missing, and not at random."],
        "rai:personalSensitiveInformation": [
            f"Data categories of the source's columns: {', '.join(personal) or 'none declared'}.",
            "Personal data: what has a pseudonym or a mask is pseudonymised, not anonymous (GDPR Art. 4(5))."
            if manifest.members
            else "By the policies of its sources, its rows are about nobody.",
        ],
        "rai:dataReleaseMaintenancePlan": (
            "Withdrawals, objections and erasures yield a new version without the person (dataset recut); "
            "the version that held them is not to be used any more."
        ),
    }
