"""Compile charts to Vega, so that the browser does not need Vega-Lite."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VEGA_LITE = "6.4"


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A chart as a Vega-Lite specification, with the data and settings that are added after it is compiled to Vega.

    Attributes:
        spec: the Vega-Lite specification without its rows.
        datasets: the rows of each data source of the specification, by the name of the data source.
        domains: the domain of each time scale, in milliseconds, by the name of the scale. Vega-Lite has no literals for
            times.
        height: a Vega expression for the height; empty to use the height in the specification.
    """

    spec: Mapping[str, Any]
    datasets: Mapping[str, Any]
    domains: Mapping[str, Sequence[int]] = field(default_factory=dict)
    height: str = ""


def chart_spec(
    chart: Any,
    height: int,
    domains: Mapping[str, Sequence[int]] | None = None,
    *,
    height_expression: str = "",
    **datasets: Any,
) -> ChartSpec:
    """Make a `ChartSpec` from an Altair chart that is as wide as its container.

    Args:
        chart: the Altair chart.
        height: the height of the chart, in pixels.
        domains: the attribute `domains` of the `ChartSpec`.
        height_expression: the attribute `height` of the `ChartSpec`, which overrides the height in pixels.
        datasets: the attribute `datasets` of the `ChartSpec`.
    """
    import altair as alt

    autosize = alt.AutoSizeParams(type="fit-x", contains="padding")
    spec: dict[str, Any] = chart.properties(width="container", height=height, autosize=autosize).to_dict()
    # Screen readers use the label of the element around the chart and the table below the chart instead.
    config = {"background": None, "view": {"stroke": None}, "aria": False}
    return ChartSpec(spec | {"config": config}, datasets, domains or {}, height_expression)


def compiled(chart: ChartSpec) -> dict[str, Any]:
    """Compile the chart to Vega, which `assets/charts.js` draws."""
    import vl_convert

    # Add the rows after compiling. The compiler does not need them, and they are most of the data.
    result: dict[str, Any] = vl_convert.vegalite_to_vega(dict(chart.spec), vl_version=_VEGA_LITE)
    for source in result["data"]:
        if source["name"] in chart.datasets:
            source["values"] = chart.datasets[source["name"]]
    # Vega-Lite writes times in domains and axes as expressions, which Vega's interpreter evaluates differently.
    for scale in result.get("scales", ()):
        if scale["name"] in chart.domains:
            scale["domain"] = chart.domains[scale["name"]]
    for axis in result.get("axes", ()):
        if "values" in axis:
            axis["values"] = [_literal(value) for value in axis["values"]]
    if chart.height:
        del result["height"]
        result.setdefault("signals", []).append({"name": "height", "update": chart.height})
    return result


def _literal(value: Any) -> Any:
    """Return the milliseconds in a Vega expression `datetime(…)`, and any other value unchanged."""
    match = re.fullmatch(r"datetime\((-?\d+)\)", value["signal"]) if isinstance(value, dict) else None
    return int(match[1]) if match else value
