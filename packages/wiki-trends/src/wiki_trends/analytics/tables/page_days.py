"""The surprise of each page on each day, as SQL for DuckDB.

A chart needs each day of a page once. `wiki_trends_scores` cannot provide this. It has one row for each page and window, with the most
surprising day of the window. So it can have the same day several times, or not at all. The formulas are those of the module `surprise`.
"""

from __future__ import annotations

import math

from wiki_trends.analytics.tables.history import IN_WINDOW, REFERENCE_DAYS
from wiki_trends.analytics.tables.surprise import BURST_DAYS, MAD_TO_SIGMA, PRIOR_DAYS, USUAL_NOISE

# The steps that declare the history, the days, and the expected views.
EXPECTED_STEPS = ("step_01_history", "step_02_days", "step_03_expected")

# The columns of the query and their types. The formulas are those of the same columns in `wiki_trends_scores`, without the page history
# and with all published days. A value that needs a reference is null when the day has none.
TYPES = {
    "page": "varchar",
    "date": "date",
    "views": "bigint",
    "usual_views": "double",
    "expected_views": "double",
    "surprise": "double",
    "se": "double",
    "evidence": "double",
    "reference": "varchar",
    "reference_days": "integer",
    "reference_listed": "integer",
}


def page_day_sql(history: str, expected: str) -> str:
    """Return the query of the surprises.

    Args:
        history: the name of the table of `history.history`.
        expected: the name of the table of `surprise.expectations`.
    """
    return f"""
WITH deviation AS (
    SELECT page, day,
           mad(level) OVER (PARTITION BY page ORDER BY day RANGE BETWEEN {REFERENCE_DAYS} PRECEDING AND 1 PRECEDING) AS before,
           mad(level) OVER (PARTITION BY page ORDER BY day RANGE BETWEEN 1 FOLLOWING AND {REFERENCE_DAYS} FOLLOWING) AS after
    FROM {history}
), measured AS (
    -- A reference in the window is the days after the day; any other reference is the days before it.
    SELECT e.*,
           coalesce(CASE WHEN e.reference = '{IN_WINDOW}' THEN d.after ELSE d.before END, 0) * {MAD_TO_SIGMA} AS sigma,
           -- In so short a window, the days after an event are its aftermath, and do not show the noise of the page.
           CASE WHEN e.reference = '{IN_WINDOW}' AND e.reference_days < {BURST_DAYS}
                THEN 0 ELSE e.reference_listed END AS noise_days,
           -- The n of the standard error: the listed days if they are at least half of the reference, else all its days.
           CASE WHEN 2 * e.reference_listed >= e.reference_days AND e.reference_listed > 0
                THEN e.reference_listed ELSE e.reference_days END AS median_days
    FROM {expected} AS e JOIN deviation AS d USING (page, day)
), predicted AS (
    -- exp(-expected) is 1 / (1 + expected_views), the noise of counting few views.
    SELECT *, CASE WHEN reference_days > 0 THEN sqrt(
        ((noise_days * sigma * sigma + {PRIOR_DAYS * USUAL_NOISE**2}) / (noise_days + {PRIOR_DAYS}) + exp(-expected))
        * (1 + {math.pi / 2} / median_days)) END AS se
    FROM measured
)
SELECT page, date, views,
       CASE WHEN reference_days > 0 THEN exp(usual) - 1 END AS usual_views,
       CASE WHEN reference_days > 0 THEN exp(expected) - 1 END AS expected_views,
       CASE WHEN reference_days > 0 THEN surprise END AS surprise,
       se, surprise / se AS evidence, reference, reference_days, reference_listed
FROM predicted ORDER BY date, page
"""  # noqa: S608 - names of steps and constants
