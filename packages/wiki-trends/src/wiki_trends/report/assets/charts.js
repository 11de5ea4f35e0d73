// Draws the Vega specification of every `<script type="application/json" data-chart>` into its plot, in the page's colours.
// Vega uses its interpreter instead of `eval`, and loads nothing: all data are in the specification.
(() => {
  "use strict";
  const CATEGORIES = [1, 2, 3, 4, 5, 6, 7, 8];
  const refuse = () => Promise.reject(new Error("charts load nothing"));
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };
  const views = new Map();

  // Colours are CSS variables, so that the theme and the print style change them without drawing again.
  const colour = (name) => `var(--${name})`;

  const config = () => {
    // Vega measures texts, so it needs the name of the font instead of a CSS variable.
    const font = getComputedStyle(document.documentElement).getPropertyValue("--sans").trim();
    const text = { labelColor: colour("muted"), titleColor: colour("muted"), labelFont: font, titleFont: font };
    return {
      background: null,
      font,
      axis: { ...text, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", gridColor: colour("rule"),
        domainColor: colour("rule-strong"), tickColor: colour("rule-strong"), labelPadding: 6, titlePadding: 10 },
      legend: { ...text, labelColor: colour("ink"), labelFontSize: 12.5, symbolSize: 110, columnPadding: 18,
        rowPadding: 4, offset: 18 },
      style: { "guide-label": { font }, "guide-title": { font }, text: { font } },
      range: { category: CATEGORIES.map((number) => colour(`category-${number}`)) },
    };
  };

  // Vega passes the fields under the pointer. They are shown as text, because titles are untrusted.
  const tooltip = (plot) => {
    const tip = document.createElement("div");
    tip.className = "plot-tip";
    tip.hidden = true;
    plot.append(tip);
    return (_, event, __, value) => {
      tip.hidden = value === null || value === undefined || value === "";
      if (tip.hidden) return;
      const list = document.createElement("dl");
      for (const [name, content] of Object.entries(typeof value === "object" ? value : { "": value })) {
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        const isolated = document.createElement("bdi");
        term.textContent = name;
        isolated.textContent = content;
        text.append(isolated);
        list.append(term, text);
      }
      tip.replaceChildren(list);
      const frame = plot.getBoundingClientRect();
      const left = event.clientX - frame.left + 14;
      tip.style.left = `${Math.max(0, Math.min(left, frame.width - tip.offsetWidth))}px`;
      tip.style.top = `${event.clientY - frame.top + 14}px`;
    };
  };

  const draw = async (script) => {
    const plot = document.getElementById(script.dataset.chart);
    views.get(plot)?.finalize();
    plot.replaceChildren();
    const inner = document.createElement("div");
    inner.setAttribute("aria-hidden", "true"); // Screen readers get the plot's label and the table below.
    plot.append(inner);
    try {
      const runtime = vega.parse(JSON.parse(script.textContent), config(), { ast: true });
      const view = new vega.View(runtime, {
        expr: vegaInterpreter, loader, renderer: "svg", container: inner, hover: true, tooltip: tooltip(plot),
        logLevel: vega.Warn,
      });
      views.set(plot, view);
      await view.runAsync();
      const drawing = inner.querySelector("svg");
      drawing?.setAttribute("focusable", "false");
      plot.dataset.drawn = "true";
    } catch (error) {
      const message = document.createElement("p");
      message.className = "plot-failed";
      message.textContent = "This chart could not be drawn; its figures are in the table below.";
      plot.replaceChildren(message);
      console.error(error);
    }
  };

  const drawAll = () => { for (const script of document.querySelectorAll("script[data-chart]")) draw(script); };
  window.wikiTrends = { ...window.wikiTrends, drawCharts: drawAll };
  // Vega measures texts when it draws a chart, so the font must be loaded before.
  document.addEventListener("DOMContentLoaded", () => {
    const font = getComputedStyle(document.documentElement).getPropertyValue("--sans").trim();
    Promise.all(["400", "600"].map((weight) => document.fonts.load(`${weight} 12px ${font}`))).finally(drawAll);
  });
})();
