"""The subset of the matrix that `make test` runs holds every two values of different factors together."""

from __future__ import annotations

from itertools import combinations, product

from erasure_matrix import FACTORS, every, pairwise


def test_every_pair_of_values_stands_in_some_table() -> None:
    chosen = pairwise()
    assert len(every()) == 288
    assert len(chosen) == len(FACTORS["history"]) * len(FACTORS["layout"])
    for one, other in combinations(FACTORS, 2):
        met = {(getattr(each, one), getattr(each, other)) for each in chosen}
        assert met == set(product(FACTORS[one], FACTORS[other])), (one, other)
