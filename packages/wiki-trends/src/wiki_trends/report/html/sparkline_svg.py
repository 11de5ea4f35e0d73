"""Draw sparklines as inline SVG, which needs no JavaScript and can be printed.

A line shows the views of the window. Up to 31 points also have dots. If the page was not listed on a day, its views are unknown, not zero. On such a day, the line has a gap,
and there is a grey mark at the lower edge. Colours come from the style sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from wiki_trends.report.sparkline import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARGIN_PIXELS = 3
# A sparkline of more points than this has no dots, because the dots would overlap.
_MAX_POINTS_WITH_DOTS = 31


def sparkline_svg(
    views: Sequence[int | None], *, label: str = "", width: int = 120, height: int = 28
) -> Markup:
    """Draw the views of consecutive days as a line, with a dot on the day with the most views.

    A point needs two pixels of width. If there is not enough width for all days, a point stands for several consecutive days, and shows the
    highest of them.

    Args:
        views: the views on each day, oldest first; None on a day on which the page was not listed.
        label: the label for screen readers, which ignore a sparkline without a label.
        width: the width of the image, in pixels.
        height: the height of the image, in pixels.
    """
    views = fitted(views, max(width // 2, 1))
    counts = [count for count in views if count is not None]
    accessibility = (
        Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    )
    opening_tag = Markup(
        '<svg class="spark" {} viewBox="0 0 {} {}" width="{}" height="{}" focusable="false">'
    ).format(accessibility, width, height, width, height)
    if not counts:
        return opening_tag + Markup("</svg>")
    low, high = min(counts), max(counts)
    step = (width - 2 * _MARGIN_PIXELS) / max(len(views) - 1, 1)

    def position(index: int, count: int) -> tuple[float, float]:
        relative_height = (count - low) / (high - low) if high > low else 0.5
        x = _MARGIN_PIXELS + index * step
        y = height - _MARGIN_PIXELS - relative_height * (height - 2 * _MARGIN_PIXELS)
        return round(x, 1), round(y, 1)

    points = [None if count is None else position(index, count) for index, count in enumerate(views)]
    highest_point = points[list(views).index(high)]
    assert highest_point is not None
    parts = [Markup('<path class="spark-line" d="{}"/>').format(_path(points))]
    # In a path, `h0` draws a line of length 0. With round line ends, it appears as a dot.
    unlisted = [_MARGIN_PIXELS + index * step for index, point in enumerate(points) if point is None]
    if unlisted:
        marks = "".join(f"M{round(x, 1):g} {height - 1}h0" for x in unlisted)
        parts.append(Markup('<path class="spark-out" d="{}"/>').format(marks))
    if len(points) <= _MAX_POINTS_WITH_DOTS:
        dots = "".join(f"M{point[0]:g} {point[1]:g}h0" for point in points if point is not None)
        parts.append(Markup('<path class="spark-day" d="{}"/>').format(dots))
    parts += [
        Markup('<circle class="spark-alone" cx="{}" cy="{}" r="1.4"/>').format(*point)
        for point in _isolated_points(points)
    ]
    parts.append(Markup('<circle class="spark-top" cx="{}" cy="{}" r="2.4"/>').format(*highest_point))
    return opening_tag + Markup("").join(parts) + Markup("</svg>")


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    commands, continues_line = [], False
    for point in points:
        if point is None:
            continues_line = False
            continue
        commands.append(f"{'L' if continues_line else 'M'}{point[0]:g} {point[1]:g}")
        continues_line = True
    return "".join(commands)


def _isolated_points(points: Sequence[tuple[float, float] | None]) -> list[tuple[float, float]]:
    """Return the points with gaps on both sides, which need dots, because a line needs two points."""
    padded = [None, *points, None]
    return [
        point
        for previous, point, following in zip(padded, padded[1:], padded[2:], strict=False)
        if point is not None and previous is None and following is None
    ]
