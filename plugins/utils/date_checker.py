"""Check which of the last days are in the lake, and which days must be fetched.

All functions use the settings (`WIKI_TRENDS_…`, `wiki-trends.toml`). They raise `SettingError` or `WindowError` for an invalid
value. If the lake does not answer, they raise `LakeError`, and do not report its days as missing.
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
        days: the number of days; by default, `WIKI_TRENDS_DAYS`.
        end_date: the UTC day (a date or a datetime) that counts as today; the publication lag still applies.
        n_days: another name of `days`.

    Returns:
        `available`, `missing` and `expected` (`YYYY-MM-DD`, newest first), `coverage_pct` and `total_in_bucket`, the
        number of days in the layer.

    Raises:
        WindowError: the number of days or `end_date` is invalid.
        LakeError: the lake does not answer.
    """
    return functions.make_date_report(functions.number_of_days(days, n_days), end_date)


def get_dates_to_fetch(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> list[DateToFetch]:
    """Return the missing days, newest first, each as `{'date': 'YYYY-MM-DD', 'days_ago': n}`.

    The arguments and the errors are those of `find_missing_dates`.
    """
    return functions.list_dates_to_fetch(functions.number_of_days(days, n_days), end_date)


def print_date_report(
    days: int | None = None, end_date: dt.date | None = None, *, n_days: int | None = None
) -> None:
    """Print the available days, the missing days, and the command that fetches the missing days.

    The arguments and the errors are those of `find_missing_dates`.
    """
    functions.print_report(functions.number_of_days(days, n_days), end_date)
