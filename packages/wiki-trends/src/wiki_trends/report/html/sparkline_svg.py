"""Draw sparklines as inline SVG, which needs no JavaScript and can be printed.

On a day outside the list the line has a gap, because the views are unknown, not zero. Colours come from the style sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from wiki_trends.report.sparkline import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAD = 3


def sparkline_svg(
    views: Sequence[int | None], *, label: str = "", width: int = 120, height: int = 28
) -> Markup:
    """The views of consecutive days, oldest first, as a line with a dot on the highest day.

    Args:
        views: the views on each day; None where the page was outside the list. A point needs two pixels of width: with more
            days, consecutive days are combined to their highest.
        label: the label for screen readers; without one the drawing is hidden from them.
        width: pixels.
        height: pixels.
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
    step = (width - 2 * _PAD) / max(len(views) - 1, 1)

    def position(index: int, count: int) -> tuple[float, float]:
        relative_height = (count - low) / (high - low) if high > low else 0.5
        return round(_PAD + index * step, 1), round(height - _PAD - relative_height * (height - 2 * _PAD), 1)

    points = [None if count is None else position(index, count) for index, count in enumerate(views)]
    top = points[list(views).index(high)]
    assert top is not None
    parts = [Markup('<path class="spark-line" d="{}"/>').format(_path(points))]
    parts += [
        Markup('<circle class="spark-alone" cx="{}" cy="{}" r="1.4"/>').format(*point)
        for point in _isolated_points(points)
    ]
    parts.append(Markup('<circle class="spark-top" cx="{}" cy="{}" r="2.4"/>').format(*top))
    return opening_tag + Markup("").join(parts) + Markup("</svg>")


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    pieces, pen_down = [], False
    for point in points:
        if point is None:
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{point[0]:g} {point[1]:g}")
        pen_down = True
    return "".join(pieces)


def _isolated_points(points: Sequence[tuple[float, float] | None]) -> list[tuple[float, float]]:
    """Points without a neighbour, which a line does not show."""
    padded = [None, *points, None]
    return [
        here
        for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
        if here is not None and before is None and after is None
    ]
