"""Whether the scanner finds what plain Presidio finds, text by text: type, start, end and score.

Half of the values are those of a twelve-column table; the other half look like what is looked for, joined and damaged,
with spellings on which engines for regular expressions differ. Tickets are running text. Ends with 1, and shows the
seed and number of a text, when one differs. Nothing may reach for the network meanwhile. `make equal` compares
1,000,000 values and 50,000 tickets, with the model, for hours; without arguments it is a hundredth of that.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any, NoReturn

from delible.detect.database import prepared
from delible.detect.engine import Engine
from delible.model.detection import Detection
from delible.model.nlp_model import NO_MODEL, SHIPPED

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from mixed_texts import Mixed

BATCH = 1_000
SHOWN = 10


def refused(*_: Any, **__: Any) -> NoReturn:
    """Stand in the place of everything that opens a connection."""
    raise RuntimeError("a recognizer asked for the network")


def offline() -> None:
    """Let this process reach no network, whatever is imported from now on."""
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, refused)
    socket.create_connection = socket.getaddrinfo = refused


def main() -> int:
    """Compare, and print one line of JSON."""
    offline()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--values", type=int, default=10_000, help="mixed values (default: 10,000)")
    options.add_argument("--tickets", type=int, default=500, help="tickets (default: 500)")
    options.add_argument("--countries", default="", help="ISO codes: whose identifiers are looked for")
    options.add_argument("--model", action="store_true", help="people and places, too")
    options.add_argument("--seed", type=int, default=1, help="each batch of 1,000 texts counts one further")
    options.add_argument("--no-hyperscan", action="store_true", help="the gate without native code")
    chosen = options.parse_args()
    countries = tuple(filter(None, chosen.countries.upper().split(",")))
    engine = Engine(Detection(countries, nlp=SHIPPED if chosen.model else NO_MODEL))
    engine.use(b"" if chosen.no_hyperscan else prepared(engine.expressions))
    counts = {"texts": 0, "findings": 0, "differing": 0}
    for number_of_batch, (seed, texts) in enumerate(batches(chosen.values, chosen.tickets, chosen.seed), 1):
        ours = dict(engine.analyze_all(texts))
        for number, (text, plain) in enumerate(engine.analyze_each(texts)):
            counts["texts"] += 1
            counts["findings"] += len(plain)
            if plain != ours[text]:
                counts["differing"] += 1
                if counts["differing"] <= SHOWN:
                    print(f"differs: seed {seed}, text {number}: {plain} != {ours[text]}", flush=True)
        if number_of_batch % SHOWN == 0:
            print(f"{counts} after {process_time():.0f} s", file=sys.stderr, flush=True)
    print(json.dumps({"benchmark": "equal_findings", **vars(chosen), **counts}))
    return int(counts["differing"] > 0)


def batches(values: int, tickets: int, seed: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the seed and the texts of each batch."""
    while values > 0 or tickets > 0:
        mixed = Mixed(seed)
        if values > 0:
            texts = mixed.columns(BATCH // 24 + 1)[: BATCH // 2] + [mixed.text() for _ in range(BATCH // 2)]
            yield seed, texts[:values]
            values -= BATCH
        if tickets > 0:
            yield seed, [mixed.ticket() for _ in range(min(tickets, BATCH // 10))]
            tickets -= BATCH // 10
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
