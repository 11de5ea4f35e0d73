"""Check which of the last days are in the lake, and which must be fetched.

All functions use the settings (`WIKI_TRENDS_…`, `wiki-trends.toml`). They raise `SettingError` or `WindowError` for a
value that cannot be used, and `LakeError` if the lake does not answer; such a lake never counts as empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.compat import functions

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.compat.functions import DateReport, DateToFetch


def find_missing_dates(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> DateReport:
    """Find the last days in the diamond layer.

    Args:
        days: how many; default `WIKI_TRENDS_DAYS`.
        end_date: the UTC day (a date or a datetime) that counts as today; the publication lag still applies.
        n_days: another name of `days`.

    Returns:
        `available`, `missing` and `expected` (`YYYY-MM-DD`, newest first), `coverage_pct` and `total_in_bucket`, the
        number of days in the layer.

    Raises:
        WindowError: the window is impossible.
        LakeError: the lake does not answer.
    """
    return functions.make_date_report(functions.number_of_days(days, n_days), end_date)


def get_dates_to_fetch(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> list[DateToFetch]:
    """The missing days, newest first, each as `{'date': 'YYYY-MM-DD', 'days_ago': n}`.

    Arguments and errors as for `find_missing_dates`.
    """
    return functions.list_dates_to_fetch(functions.number_of_days(days, n_days), end_date)


def print_date_report(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> None:
    """Print the available and the missing days, and how to fetch them.

    Arguments and errors as for `find_missing_dates`.
    """
    functions.print_report(functions.number_of_days(days, n_days), end_date)
