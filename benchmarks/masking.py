"""How masking grows with a document: ten times the text and ten times the findings, for each operator.

The figure is the ratio of two times in one run, beside that of detection alone, which every mask does at least twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from delible.detect.anonymise import mask_text
from delible.detect.findings import find
from delible.model.masking import Masking, MaskOperator, MaskRule

SMALL, LARGE = 1_000, 10_000
"""Findings, one in each 100 characters: the large document has 1 MB."""
MOST = 15.0
KEY = b"a key of the benchmark, thirty-two b"


def main() -> int:
    """Measure, print a table and one line of JSON; 1 when a mask grows faster than `MOST`."""
    find(document(1))  # builds the engine
    rows = [measured("detection alone", find)]
    for operator in MaskOperator:
        masking = Masking(default=MaskRule(operator=operator))
        rows.append(measured(operator.value, lambda text, m=masking: mask_text(text, masking=m, key=KEY)))
    print(f"{'operator':<18}{'small':>9}{'large':>9}{'ratio':>7}")
    for row in rows:
        print(f"{row['operator']:<18}{row['small']:>9.2f}{row['large']:>9.2f}{row['ratio']:>7.2f}")
    print(json.dumps({"benchmark": "masking", "findings": [SMALL, LARGE], "results": rows}))
    return int(any(row["ratio"] > MOST for row in rows))


def document(lines: int) -> str:
    """Return a text of 100 characters and one address in each line, all of them different."""
    return "".join(
        f"Line {n} of a long letter, about which ann{n}@fennel.example wrote.".ljust(99) + "\n" for n in range(lines)
    )


def measured(operator: str, work: Callable[[str], object]) -> dict[str, str | float]:
    """Return the processor's seconds for both documents, and their ratio."""
    seconds = []
    for lines in (SMALL, LARGE):
        text = document(lines)
        begun = time.process_time()
        work(text)
        seconds.append(time.process_time() - begun)
    small, large = seconds
    return {"operator": operator, "small": round(small, 3), "large": round(large, 3), "ratio": round(large / small, 2)}


if __name__ == "__main__":
    raise SystemExit(main())
