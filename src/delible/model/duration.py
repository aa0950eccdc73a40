"""Calendar durations as ISO 8601 writes them."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

_ISO = re.compile(r"^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,6})D)?$")


class Duration(str):
    """`P2Y6M10D`: years, months, weeks and days. Months are calendar months, as the law counts them."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate like a string with a pattern, so that the exported JSON Schema carries the pattern."""
        return core_schema.no_info_after_validator_function(cls._checked, core_schema.str_schema(pattern=_ISO.pattern))

    @classmethod
    def _checked(cls, text: str) -> Duration:
        if not any(Duration(text)._parts()):
            raise ValueError("a period must be longer than nothing")
        return cls(text)

    def _parts(self) -> tuple[int, int, int, int]:
        match = _ISO.match(self)
        if match is None:
            return (0, 0, 0, 0)
        years, months, weeks, days = (int(g or 0) for g in match.groups())
        return years, months, weeks, days

    @property
    def months(self) -> int:
        """Years and months, in months."""
        years, months, _, _ = self._parts()
        return 12 * years + months

    @property
    def days(self) -> int:
        """Weeks and days, in days."""
        _, _, weeks, days = self._parts()
        return 7 * weeks + days


def add_months(at: datetime, months: int) -> datetime:
    """Return the same day `months` later, or that month's last day where it has no such day.

    Regulation (EEC) 1182/71 Art. 3(2)(c): a period in months ends with the same date, and where that month lacks it,
    with its last day.
    """
    index = at.year * 12 + at.month - 1 + months
    year, month = divmod(index, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)


def after(at: datetime, period: Duration) -> datetime:
    """Return the instant at which a period that starts at `at` has run out: months first, then days."""
    return add_months(at, period.months) + timedelta(days=period.days)
