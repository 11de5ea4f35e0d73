"""Which of the last days are in the lake, and which have to be fetched.

All functions obey the settings (`WIKI_TRENDS_…`, `wiki-trends.toml`). They raise `SettingError` or `WindowError` for a
value that cannot be used, and `LakeError` when the lake does not answer: it never looks empty then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.compat import functions as documented

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.compat.functions import DateToFetch, Found


def find_missing_dates(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> Found:
    """Look for the last days in the diamond layer.

    Args:
        days: how many; default `WIKI_TRENDS_DAYS`.
        end_date: the UTC day (a date or a datetime) that counts as today; the publication lag still applies.
        n_days: another name of `days`.

    Returns:
        `available`, `missing` and `expected` (`YYYY-MM-DD`, newest first), `coverage_pct` and `total_in_bucket`, the
        number of days in the whole layer.

    Raises:
        WindowError: the window cannot be.
        LakeError: the lake does not answer.
    """
    return documented.find(documented.days_given(days, n_days), end_date)


def get_dates_to_fetch(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> list[DateToFetch]:
    """The missing days, newest first, each as `{'date': 'YYYY-MM-DD', 'days_ago': n}`.

    Args and errors as of `find_missing_dates`.
    """
    return documented.to_fetch(documented.days_given(days, n_days), end_date)


def print_date_report(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> None:
    """Print what is there, what is missing, and what to do about it.

    Args and errors as of `find_missing_dates`.
    """
    documented.print_report(documented.days_given(days, n_days), end_date)
