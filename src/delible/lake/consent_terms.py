"""The functions of `decide.consent_terms` as Spark columns. Instants are microseconds since 1970: no time zone acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from delible.decide.consent_terms import age_limits, limits_of, notice_end
from delible.model.consent_terms import ConsentTerms
from delible.model.duration import Duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000


def micros(instant: Column) -> Column:
    """Return a timestamp as microseconds since 1970."""
    return F.unix_micros(instant.cast("timestamp"))


def limit_after(start: Column, period: Duration | None) -> Column | None:
    """Return when a period that starts at some microsecond has run out: months first, then days, by days in UTC."""
    if period is None:
        return None
    time_of_day = F.pmod(start, F.lit(_DAY))
    day = F.date_add(F.add_months(_day(start), period.months), period.days)
    return F.unix_date(day).cast("bigint") * F.lit(_DAY) + time_of_day


def end_of(terms: ConsentTerms, at: Column) -> Column:
    """Return when what a record gave ends; NULL for never."""
    ends = [micros(F.col("valid_until")), limit_after(at, terms.lasts)]
    for version, notice in terms.notices.items():
        under = F.col("notice_version") == version
        last = notice_end(notice.ends)
        limit = limit_after(at, notice.lasts)
        ends += [None if limit is None else F.when(under, limit)]
        ends += [None if last is None else F.when(under, F.lit((last - _EPOCH) // timedelta(microseconds=1)))]
    known = [end for end in ends if end is not None]
    return F.least(*known) if len(known) > 1 else known[0]


def aged(fact: Column, as_of: datetime) -> Column:
    """Return the least age at an instant, of a struct as `Facts` has it."""
    then, now = _day(fact["at"]), F.lit(as_of.astimezone(UTC).date())
    earlier = (F.month(now) * 100 + F.dayofmonth(now)) < (F.month(then) * 100 + F.dayofmonth(then))
    return -fact["minus_age"] + F.year(now) - F.year(then) - F.when(earlier, 1).otherwise(0)


def place_rules(terms: ConsentTerms) -> tuple[Column, Column]:
    """Return the two ages that count for a person; of an unknown place those of the strictest."""
    parental, opt_in = age_limits(terms, ())
    place = F.col("place")
    return F.coalesce(place["parental_below"], F.lit(parental)), F.coalesce(F.col("ages.opt_in_below"), F.lit(opt_in))


@dataclass(frozen=True)
class Facts:
    """Which facts about people are gathered, each as a struct whose greatest is the one that counts.

    Of several jurisdictions that are told for the same instant each rule's strictest counts: the ages of agreement and
    the regime are therefore gathered apart.
    """

    terms: ConsentTerms

    @classmethod
    def of(cls, terms: ConsentTerms) -> Facts:
        """Return what a purpose's terms ask for."""
        return cls(terms)

    def told(self, own: Column) -> list[Column]:
        """Return the facts of each record, where they are the person's own."""
        if not self.terms.asks_facts:
            return []
        at, place = F.col("at"), F.col("jurisdiction")
        placed = own & place.isNotNull()
        opt_in = _in_place(place, dict.fromkeys(self.terms.opt_out_in, 0), 1)
        parental, alone = (_in_place(place, self._limits(n), limits_of(self.terms.age)[n]) for n in (0, 1))
        return [
            F.when(placed, F.struct(at.alias("at"), opt_in.alias("value"))).alias("regime"),
            F.when(placed, F.struct(at.alias("at"), parental.alias("value"))).alias("parent_age"),
            F.when(placed, F.struct(at.alias("at"), alone.alias("value"))).alias("own_age"),
            F.when(own & F.col("age").isNotNull(), F.struct(at.alias("at"), (-F.col("age")).alias("minus_age"))).alias(
                "age"
            ),
        ]

    def latest(self) -> list[Column]:
        """Return the aggregates: `place`, `ages` and `age`."""
        if not self.terms.asks_facts:
            return []
        regime, parent, own = (F.max(name) for name in ("regime", "parent_age", "own_age"))
        place = F.struct(regime["value"].alias("opt_in"), parent["value"].alias("parental_below"))
        return [
            F.when(regime.isNotNull(), place).alias("place"),
            F.struct(own["value"].alias("opt_in_below")).alias("ages"),
            F.max("age").alias("age"),
        ]

    def _limits(self, which: int) -> dict[str, int]:
        return {j: limits_of(rule)[which] for j, rule in self.terms.ages_in.items()}


def _in_place(place: Column, values: Mapping[str, int], otherwise: int) -> Column:
    """Return what is said of a jurisdiction, or else of its country: `decide.consent_terms.found_in`."""
    exact = [(place == j, value) for j, value in values.items() if "-" in j]
    country = [((place == j) | place.startswith(f"{j}-"), value) for j, value in values.items() if "-" not in j]
    cases = exact + country
    if not cases:
        return F.lit(otherwise)
    first, *rest = cases
    return reduce(lambda chain, case: chain.when(*case), rest, F.when(*first)).otherwise(otherwise)


def _day(at: Column) -> Column:
    return F.date_from_unix_date(F.rint((at - F.pmod(at, F.lit(_DAY))) / F.lit(_DAY)).cast("int"))
