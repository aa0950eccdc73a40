"""Write the labelled corpus, texts.jsonl and columns.jsonl, from what people wrote in texts/ and columns.txt.

In texts/, a line is a text. `[[E|ann@fennel.example]]` labels a span; `{{email}}` draws an identifier with its label. A
line that draws is drawn several times. `# register:` and `# language:` hold for the lines below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from identifiers import draw

HERE = Path(__file__).parent
DRAWS = 4
TYPES = {
    "E": "EMAIL_ADDRESS", "P": "PHONE_NUMBER", "C": "CREDIT_CARD", "I": "IBAN_CODE", "IP": "IP_ADDRESS", "S": "US_SSN",
    "M": "MAC_ADDRESS", "D": "DATE_TIME", "N": "PERSON", "L": "LOCATION",
}  # fmt: skip
_MARK = re.compile(r"\[\[([A-Z]+)\|(.*?)\]\]|\{\{([a-z0-9]+(?::\w+)*)\}\}", re.DOTALL)
_ESCAPE = re.compile(r"\\(n|u[0-9a-f]{4})")


def texts() -> Iterator[dict[str, Any]]:
    """Yield the lines of texts.jsonl."""
    for path in sorted((HERE / "texts").glob("*.txt")):
        head: dict[str, str] = {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("# "):
                key, _, value = line[2:].partition(": ")
                head[key] = value
                continue
            for time in range(DRAWS if "{{" in line else 1):
                text, spans = labelled(line, Random(f"{path.stem}:{number}:{time}"))
                yield {"text": text, "spans": spans, **head, "origin": f"{path.stem}:{number}"}


def labelled(line: str, r: Random) -> tuple[str, list[dict[str, Any]]]:
    """Return a line's text and its labelled spans."""
    line = _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else chr(int(m[1][1:], 16)), line)
    parts: list[str] = []
    spans: list[dict[str, Any]] = []
    end = length = 0
    for match in _MARK.finditer(line):
        entity, text = (TYPES[match[1]], match[2]) if match[1] else draw(r, match[3])
        parts += [line[end : match.start()], text]
        start = length + match.start() - end
        end, length = match.end(), start + len(text)
        if entity is not None:
            spans.append({"start": start, "end": length, "type": entity})
    return "".join([*parts, line[end:]]), spans


def columns() -> Iterator[dict[str, Any]]:
    """Yield the lines of columns.jsonl: `table.column | type | category or - | values, or draws`."""
    for number, line in enumerate((HERE / "columns.txt").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        name, kind, category, written = (part.strip() for part in line.split("|", 3))
        r = Random(f"columns:{number}")
        table, _, column = name.partition(".")
        values = list(dict.fromkeys(_values(written, r)))
        yield {
            "table": table, "column": column, "kind": kind, "category": None if category == "-" else category,
            "values": values,
        }  # fmt: skip


def _values(written: str, r: Random) -> Iterator[str]:
    """Yield values: `a; b; c` as they stand, `40 x {{email}}` drawn, `40 x ##-AA` with digits and letters drawn."""
    for part in written.split("; "):
        times, pattern = re.fullmatch(r"(?:(\d+) x )?(.*)", part).groups()  # type: ignore[union-attr] # always matches
        for _ in range(int(times or 1)):
            text = re.sub(r"\((\w[^()]*/[^()]*)\)", lambda m: r.choice(m[1].split("/")), pattern) if times else pattern
            text = labelled(text, r)[0]
            yield re.sub(r"[#%]", lambda m: str(r.randint(m[0] == "%", 9)), text) if times else text


def main() -> None:
    """Write both files."""
    for name, rows in (("texts", texts()), ("columns", columns())):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
