// Makes tables sortable and searchable. In `<table data-table id=…>`, headings with `data-sort="text|number"` become buttons;
// the value of a cell is its `data-value`, else its text. A table with `data-rows="ID"` takes its rows from the JSON element
// with that id (`{"columns": […], "rows": [[…], …]}`) and shows a hundred at a time.
(() => {
  "use strict";
  const STEP = 100;
  const fold = (text) => String(text ?? "").normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  // The rows of a table in the document.
  const fromDocument = (body, kinds) =>
    [...body.rows].map((row) => ({
      node: row,
      values: kinds.map((kind, index) => {
        const cell = row.cells[index];
        const raw = cell.dataset.value ?? cell.textContent.trim();
        if (kind !== "number") return raw;
        return raw === "" || Number.isNaN(Number(raw)) ? null : Number(raw);
      }),
      text: fold(row.textContent),
    }));

  const cell = (column, row, data) => {
    const value = row[column.at];
    const node = document.createElement(column.head ? "th" : "td");
    if (column.head) node.scope = "row";
    if (column.class) node.className = column.class;
    if (column.head) {
      const isolated = document.createElement("bdi");
      isolated.textContent = value;
      const base = data.links;
      if (base && /^https?:\/\//.test(base)) {
        const link = document.createElement("a");
        // The data have the title only where it differs from the displayed text.
        const page = row[column.page] || value.replaceAll(" ", "_");
        link.href = base + encodeURIComponent(page).replaceAll("%2F", "/").replaceAll("%3A", ":");
        link.rel = "noopener noreferrer external";
        link.append(isolated);
        node.append(link);
      } else node.append(isolated);
      return node;
    }
    if (value === null || value === undefined) node.textContent = "–";
    else if (column.names) node.textContent = column.names[value];
    else if (typeof value === "number") {
      node.textContent = (column.sign && value > 0 ? "+" : "") +
        value.toLocaleString("en", { minimumFractionDigits: column.digits ?? 0, maximumFractionDigits: column.digits ?? 0 }).replace("-", "\u2212") +
        (column.unit ?? "");
    } else node.textContent = value;
    return node;
  };

  // The rows of a JSON element; their nodes are created when they are shown.
  const fromData = (data) =>
    data.rows.map((row) => ({
      values: data.columns.map((column) => (column.names && !column.byIndex ? column.names[row[column.at]] : row[column.at])),
      text: fold(data.columns.map((column) => (column.search ? (column.names ? column.names[row[column.at]] : row[column.at]) : "")).join(" ")),
      get node() {
        const node = document.createElement("tr");
        node.append(...data.columns.map((column) => cell(column, row, data)));
        return node;
      },
    }));

  const compare = (kind, index, down) => (a, b) => {
    const [x, y] = [a.values[index], b.values[index]];
    const [noX, noY] = [x === null || x === undefined || x === "", y === null || y === undefined || y === ""];
    if (noX || noY) return Number(noX) - Number(noY); // Unknown values come last in both directions.
    const by = kind === "number" ? x - y : order.compare(x, y);
    return down ? -by : by;
  };

  const activate = (table) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const kinds = heads.map((head) => head.dataset.sort ?? "text");
    const source = table.dataset.rows && document.getElementById(table.dataset.rows);
    const rows = source ? fromData(JSON.parse(source.textContent)) : fromDocument(body, kinds);
    const search = document.querySelector(`[data-search-of="${table.id}"]`);
    const filters = [...document.querySelectorAll(`select[data-filter-of="${table.id}"]`)];
    const status = document.getElementById(`${table.id}-status`);
    const more = document.querySelector(`[data-more-of="${table.id}"]`);
    let sorted = rows;
    let shown = source ? STEP : Infinity;

    const show = () => {
      const words = fold(search?.value).split(/\s+/).filter(Boolean);
      const selected = filters.filter((filter) => filter.value !== "").map((filter) => [Number(filter.dataset.column), filter.value]);
      const matching = sorted.filter((row) =>
        words.every((word) => row.text.includes(word)) && selected.every(([column, value]) => row.values[column] === value));
      body.replaceChildren(...matching.slice(0, shown).map((row) => row.node));
      const some = Math.min(shown, matching.length).toLocaleString("en");
      const count = matching.length.toLocaleString("en");
      if (status) status.textContent = matching.length > shown ? `${some} of ${count} rows shown` : `${count} ${matching.length === 1 ? "row" : "rows"}`;
      if (more) more.hidden = matching.length <= shown;
    };

    heads.forEach((head, index) => {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        // By default numbers are sorted largest first, texts from A.
        const down = now ? now === "ascending" : head.dataset.first ? head.dataset.first === "descending" : kinds[index] === "number";
        sortBy(head, index, down);
        shareSort(`${table.id}.${index}.${down ? "down" : "up"}`);
      });
    });
    const sortBy = (head, index, down) => {
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sorted = [...rows].sort(compare(kinds[index], index, down));
        if (source) shown = STEP;
        show();
    };
    const reset = () => { if (source) shown = STEP; show(); };
    search?.addEventListener("input", reset);
    for (const filter of filters) filter.addEventListener("change", reset);
    more?.addEventListener("click", () => { shown += STEP; show(); });
    for (const tools of document.querySelectorAll(`[data-tools-of="${table.id}"]`)) tools.hidden = false;
    const [id, column, direction] = sharedSort().split(".");
    if (id === table.id && heads[column]?.dataset.sort) sortBy(heads[column], Number(column), direction === "down");
    else show();
  };

  // The order of a table in the address (`?sort=table.column.down`), so that the address shares it. A file has no such address.
  const sharedSort = () => new URLSearchParams(location.search).get("sort") ?? "";
  const shareSort = (text) => {
    if (!location.protocol.startsWith("http")) return;
    const url = new URL(location.href);
    url.searchParams.set("sort", text);
    history.replaceState(history.state, "", url);
  };

  // Make a table that overflows its container focusable, so that it can be scrolled by keyboard.
  const updateScrollable = (wrap) => {
    const wide = wrap.scrollWidth > wrap.clientWidth || wrap.scrollHeight > wrap.clientHeight;
    if (wide && !wrap.hasAttribute("tabindex")) {
      wrap.tabIndex = 0;
      wrap.setAttribute("role", "region");
      const caption = wrap.querySelector("caption, th")?.textContent.trim();
      wrap.setAttribute("aria-label", caption ? `Table: ${caption}` : "Table");
      wrap.dataset.scrolls = "";
    } else if (!wide && "scrolls" in wrap.dataset) {
      for (const name of ["tabindex", "role", "aria-label", "data-scrolls"]) wrap.removeAttribute(name);
    }
  };

  const activateAll = (root = document) => { for (const table of root.querySelectorAll("table[data-table]")) activate(table); };
  window.wikiTrends = { ...window.wikiTrends, activateTables: activateAll };
  document.addEventListener("DOMContentLoaded", () => {
    activateAll();
    const observer = new ResizeObserver((entries) => { for (const entry of entries) updateScrollable(entry.target.closest(".table-wrap")); });
    for (const wrap of document.querySelectorAll(".table-wrap")) {
      observer.observe(wrap);
      if (wrap.firstElementChild) observer.observe(wrap.firstElementChild);
    }
  });
})();
