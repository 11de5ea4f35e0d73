"""The published tables, computed again in plain Python from the formulas in `docs/scores.md`."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from statistics import median

EPOCH = dt.date(1970, 1, 1)
DIAMOND = (
    "page", "page_display", "views", "rank", "link", "category", "location_type", "location", "latitude", "longitude",
)  # fmt: skip
TIMESERIES = tuple(name for name in DIAMOND if name != "link")
COMMON = ("page", "page_display", "views", "rank", "category", "location")


def recomputed(dataset, project, window, used, baseline):
    """The rows of each table by name.

    Args:
        dataset: the name of the dataset.
        project: its project.
        window: the first and the last day of the window.
        used: the rows of each available day of the window, by day.
        baseline: the rows of each available day of the baseline, by day.
    """
    days = {**baseline, **used}
    return {
        "wiki_diamond": _rows(days, DIAMOND),
        "wiki_trends_timeseries": _rows(used, TIMESERIES),
        "wiki_trends_common": [row for row in _rows(used, COMMON) if row["page"] in _always_listed(used)],
        "wiki_trends_growth": [_growth(page, used) for page in _always_listed(used)],
        "wiki_trends_categories": _categories(used),
        "wiki_trends_scores": _Scores(dataset, project, window, used, baseline).rows(),
        # No history was requested.
        "wiki_page_history": [],
    }


def _rows(days, names):
    return [
        {**{name: row[name] for name in names}, "date": day} for day, rows in days.items() for row in rows
    ]


def _listed(days):
    """The rows of each page by day."""
    pages = defaultdict(dict)
    for day in sorted(days):
        for row in days[day]:
            pages[row["page"]][day] = row
    return pages


def _always_listed(used):
    return [page for page, rows in _listed(used).items() if len(rows) == len(used)]


def _growth(page, used):
    rows = list(_listed(used)[page].values())
    views = [row["views"] for row in rows]
    change = views[-1] - views[0]
    return {
        "page": page,
        **{name: rows[-1][name] for name in ("page_display", "category", "location")},
        "first_date": min(used),
        "last_date": max(used),
        "first_views": views[0],
        "last_views": views[-1],
        "views_change": change,
        "views_change_pct": change * 100 / views[0] if views[0] else None,
        "first_rank": rows[0]["rank"],
        "last_rank": rows[-1]["rank"],
        "rank_change": rows[0]["rank"] - rows[-1]["rank"],
        "avg_views": sum(views) / len(views),
        "max_views": max(views),
        "min_views": min(views),
        "volatility": max(views) - min(views),
        "days_tracked": len(views),
    }


def _categories(used):
    first, last = min(used), max(used)
    on_first, on_last = ({row["page"] for row in used[day]} for day in (first, last))
    pages, views = defaultdict(set), Counter()
    ends = {first: Counter(), last: Counter()}
    entries, exits = Counter(), Counter()
    for day, rows in used.items():
        for row in rows:
            category = row["category"]
            pages[category].add(row["page"])
            views[category] += row["views"]
            if day in ends:
                ends[day][category] += row["views"]
            entries[category] += day == last and row["page"] not in on_first
            exits[category] += day == first and row["page"] not in on_last
    total = sum(views.values())
    return [
        {
            "category": category,
            "pages": len(pages[category]),
            "views": views[category],
            "share_pct": views[category] * 100 / total if total else 0.0,
            "first_views": ends[first][category],
            "last_views": ends[last][category],
            "views_change_pct": (ends[last][category] - ends[first][category]) * 100 / ends[first][category]
            if ends[first][category]
            else None,
            "entries": entries[category],
            "exits": exits[category],
        }
        for category in pages
    ]


def level(views):
    return math.log(1 + views)


def quantile(days):
    t = math.sqrt(-2 * math.log(0.05 / days))
    above = 2.515517 + 0.802853 * t + 0.010328 * t**2
    below = 1 + 1.432788 * t + 0.189269 * t**2 + 0.001308 * t**3
    return t - above / below


class _Scores:
    def __init__(self, dataset, project, window, used, baseline):
        self.window, self.used, self.baseline = window, used, baseline
        self.days = sorted({**baseline, **used})
        self.listed = _listed({**baseline, **used})
        self.bound = {
            day: min((row["views"] for row in rows), default=0) for day, rows in {**baseline, **used}.items()
        }
        self.shared = {
            "dataset": dataset,
            "project": project,
            "window_start": window[0],
            "window_end": window[1],
            "window_days": (window[1] - window[0]).days + 1,
        }
        self.mean_levels = self._mean_levels()

    def rows(self):
        return [self._row(page) for page in _listed(self.used)]

    def _row(self, page):
        return {
            **self.shared,
            "page": page,
            **self._listing(page),
            **self._surprise(page),
            **self._halves(page),
            **self._momentum(page),
            **self._trend(page),
        }

    def _listing(self, page):
        rows = {day: row for day, row in self.listed[page].items() if day in self.used}
        peak = min(rows, key=lambda day: (-rows[day]["views"], day))
        last = rows[max(rows)]
        before = [day for day in self.listed[page] if day in self.baseline]
        # The number of available days between the page's last listed day in the baseline and its first listed day in the window.
        away = self.days.index(min(rows)) - self.days.index(max(before)) - 1 if before else None
        streak = 0
        while streak < len(self.days) and self.days[-1 - streak] in self.listed[page]:
            streak += 1
        if not self.baseline:
            presence = "unknown"
        elif away is None:
            presence = "new"
        else:
            presence = "returning" if away >= 7 else "regular"
        return {
            **{name: last[name] for name in ("page_display", "category", "location")},
            "days_used": len(self.used),
            "days_listed": len(rows),
            "baseline_days": len(self.baseline),
            "baseline_days_listed": len(before),
            "peak_date": peak,
            "peak_views": rows[peak]["views"],
            "peak_rank": rows[peak]["rank"],
            "best_rank": min(row["rank"] for row in rows.values()),
            "views": sum(row["views"] for row in rows.values()),
            "streak": streak,
            "streak_start": self.days[-streak] if streak else None,
            "days_away": away,
            "presence": presence,
        }

    def _among(self, first, last):
        return [day for day in self.days if first <= day <= last]

    def _levels(self, page, days):
        return [level(self.listed[page][day]["views"]) for day in days if day in self.listed[page]]

    def _reference(self, day):
        """The days that a day is compared with, and the name of the reference."""
        before = self._among(day - dt.timedelta(28), day - dt.timedelta(1))
        if before or day not in self.used:
            return before, "before"
        return self._among(day + dt.timedelta(1), day + dt.timedelta(28)), "window"

    def _usual(self, page, day):
        """The columns from `reference` to `usual_source`. `usual` is the level of the usual views."""
        days, reference = self._reference(day)
        levels = self._levels(page, days)
        week = self._levels(page, self._among(day - dt.timedelta(7), day - dt.timedelta(1)))
        result = {
            "reference": reference,
            "reference_days": len(days),
            "reference_listed": len(levels),
            "median_level": median(levels) if levels else None,
            "recent_level": median(week) if week else None,
        }
        bounds = [self.bound[other] for other in days]
        result["bound_views"] = (
            float(max(self.bound[day], median(bounds))) if bounds else float(self.bound[day])
        )
        if not levels or 2 * len(levels) < len(days):
            usual = level(result["bound_views"])
            source = "bound"
        elif week and result["recent_level"] > result["median_level"]:
            usual, source = result["recent_level"], "week"
        else:
            usual, source = result["median_level"], "median"
        return result | {"usual": usual, "usual_source": source}

    def _expected(self, page, day):
        """The columns of `_usual` and those of the weekday. `expected` is the level of the expected views."""
        usual = self._usual(page, day)
        deviations = []
        for weeks in range(1, 9):
            other = day - dt.timedelta(7 * weeks)
            if other in self.listed[page]:
                past = self._usual(page, other)
                if past["usual_source"] != "bound" and past["reference"] == "before":
                    deviations += [self._levels(page, [other])[0] - past["median_level"]]
        effect = median(deviations) if len(deviations) >= 3 else None
        expected = usual["usual"] + max(effect or 0, 0)
        return usual | {
            "weekday_days": len(deviations),
            "weekday_effect": effect,
            "expected": expected,
            "surprise": self._levels(page, [day])[0] - expected,
        }

    def _surprise(self, page):
        names = (
            "surprise_date", "surprise_views", "reference", "reference_days", "reference_listed", "median_level",
            "recent_level", "bound_views", "usual_source", "mad", "robust_z", "usual_views", "weekday_days",
            "weekday_effect", "expected_views", "surprise", "spread", "confidence", "score", "burst", "shape", "z", "se",
            "evidence", "at_least", "at_most", "magnitude", "after_level",
        )  # fmt: skip
        listed = [day for day in self.listed[page] if day in self.used]
        days = {day: self._expected(page, day) for day in listed}
        eligible = [day for day in days if days[day]["reference_days"]]
        if not eligible:
            return dict.fromkeys((*names, "reference_history", "reference_bounded", "reference_missing"))
        day = max(eligible, key=lambda day: (round(days[day]["surprise"], 12), -day.toordinal()))
        row, views = days[day], self.listed[page][day]["views"]
        past = self._levels(page, self._reference(day)[0])
        mad = median(abs(item - row["median_level"]) for item in past) if past else None
        listed_days, reference_days = row["reference_listed"], row["reference_days"]
        is_aftermath = row["reference"] == "window" and reference_days < 14
        noise_days = 0 if is_aftermath else listed_days
        spread = math.sqrt((noise_days * (1.4826 * (mad or 0)) ** 2 + 14 * 0.2**2) / (noise_days + 14))
        n = listed_days if listed_days and 2 * listed_days >= reference_days else reference_days
        se = math.sqrt((spread**2 + 1 / math.exp(row["expected"])) * (1 + math.pi / 2 / n))
        z, surprise = quantile(len(listed)), row["surprise"]
        noise = max(math.exp(row["expected"] + z * se) - 1, 1)
        burst = round(surprise / se, 9) >= 5 if reference_days >= 14 else None
        after = self._after(page, day)
        return {name: row[name] for name in names if name in row} | {
            "surprise_date": day,
            "surprise_views": views,
            "mad": mad,
            "robust_z": (level(views) - row["median_level"]) / (1.4826 * mad) if mad else None,
            "usual_views": math.exp(row["usual"]) - 1,
            "expected_views": math.exp(row["expected"]) - 1,
            "spread": spread,
            "reference_history": 0,
            "reference_bounded": reference_days - listed_days,
            "reference_missing": 28 - reference_days,
            "confidence": reference_days / 28,
            "score": surprise / spread * reference_days / 28,
            "burst": burst,
            "shape": self._shape(burst, after, row["usual"], level(views)),
            "z": z,
            "se": se,
            "evidence": surprise / se,
            "at_least": math.exp(surprise - z * se),
            "at_most": math.exp(surprise + z * se) if listed_days == reference_days else None,
            "magnitude": views * math.log(views / noise) - (views - noise) if views > noise else 0.0,
            "after_level": after,
        }

    def _after(self, page, day):
        later = [
            other for other in self._among(day + dt.timedelta(1), day + dt.timedelta(3)) if other in self.used
        ]
        levels = [
            level(self.listed[page][other]["views"] if other in self.listed[page] else self.bound[other])
            for other in later
        ]
        return median(levels) if levels else None

    def _shape(self, burst, after, usual, peak):
        if not burst or after is None or peak == usual:
            return None
        return "plateau" if round((after - usual) / (peak - usual), 9) >= 0.5 else "spike"

    def _views(self, page, day):
        return self.listed[page][day]["views"] if day in self.listed[page] else self.bound[day]

    def _halves(self, page):
        used = sorted(self.used)
        half = len(used) // 2
        names = ("first_half_views", "last_half_views", "wikitrends_score")
        if not half:
            return {"half_days": 0, **dict.fromkeys(names)}
        first, last = (sum(self._views(page, day) for day in days) for days in (used[:half], used[-half:]))
        score = abs(last - first) * math.log((last + 1) / (first + 1))
        return {"half_days": half, **dict(zip(names, (first, last, score), strict=True))}

    def _momentum(self, page):
        end = max(self.used)
        days = self._among(end - dt.timedelta(55), end)
        averages = []
        for span in (3, 14):
            weights = [(1 - 2 / (span + 1)) ** (end - day).days for day in days]
            views = [self._views(page, day) for day in days]
            averages.append(sum(w * v for w, v in zip(weights, views, strict=True)) / sum(weights))
        fast, slow = averages
        momentum = fast / slow - 1 if slow else None
        return {
            "ewma_3": fast,
            "ewma_14": slow,
            "momentum": momentum,
            "momentum_label": _label(momentum),
            "ewma_bounded": sum(day not in self.listed[page] for day in days),
            "window_bounded": sum(day not in self.listed[page] for day in self.used),
            "window_history": 0,
        }

    def _mean_levels(self):
        end = max(self.used)
        recent = [
            day
            for day in self._among(end - dt.timedelta(13), end)
            if any(day in rows for rows in self.listed.values())
        ]
        pages = [page for page, rows in self.listed.items() if all(day in rows for day in recent)]
        return (
            {day: sum(self._levels(page, [day])[0] for page in pages) / len(pages) for day in recent}
            if pages
            else {}
        )

    def _trend(self, page):
        names = (
            "trend_days",
            "trend_pct_per_day",
            "trend_t",
            "trend_slope",
            "trend_rho",
            "trend_se",
            "has_trend",
        )
        end = max(self.used)
        days = [day for day in self._among(end - dt.timedelta(13), end) if day in self.listed[page]]
        n = len(days)
        if n < 7:
            return dict.fromkeys(names)
        x = [(day - end).days for day in days]
        y = [self._levels(page, [day])[0] - self.mean_levels.get(day, 0) for day in days]
        mean_x, mean_y = sum(x) / n, sum(y) / n
        cxx = sum((a - mean_x) ** 2 for a in x)
        slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / cxx
        residuals = [b - mean_y - slope * (a - mean_x) for a, b in zip(x, y, strict=True)]
        squares = sum(e * e for e in residuals)
        products = sum(residuals[i] * residuals[i - 1] for i in range(1, n) if x[i] - x[i - 1] == 1)
        rho = min(max((products / (squares + 1e-4) + 2.5 / n) / (1 - 5 / n), 0.0), 0.9)
        variance = max(squares / (n - 2), (squares + 14 * 0.2**2) / (n - 2 + 14))
        se = math.sqrt(variance / cxx * (1 + rho) / (1 - rho))
        pct = (math.exp(slope) - 1) * 100
        values = (n, pct, slope / se, slope, rho, se, round(abs(slope / se), 9) >= MIN_TREND_T)
        return dict(zip(names, values, strict=True))


MIN_TREND_T = 3


def _label(momentum):
    if momentum is None:
        return None
    if momentum >= 0.2:
        return "surging" if momentum >= 1 else "rising"
    return "falling" if momentum <= -0.2 else "steady"
