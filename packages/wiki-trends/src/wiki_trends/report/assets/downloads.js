// The data of each chart as JSON and CSV, made from the rows in the page: a report is one file that asks nobody.
(() => {
  "use strict";
  const rowsOf = (id) => {
    const chart = JSON.parse(document.querySelector(`script[data-chart="${id}"]`).textContent);
    return chart.data.find((source) => source.name === "rows").values;
  };

  // The same CSV as that of the dashboard: a title that a spreadsheet would run as a formula gets an apostrophe in front.
  const csv = (rows) => {
    const formula = new RegExp(JSON.parse(document.getElementById("formula-pattern").textContent));
    const field = (value) => {
      if (value === null || value === undefined) return "";
      const text = typeof value === "string" && formula.test(value) ? `'${value}` : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const columns = Object.keys(rows[0] ?? {});
    const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
    return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
  };

  const formats = {
    json: { type: "application/json", text: (rows) => JSON.stringify(rows) },
    csv: { type: "text/csv;charset=utf-8", text: csv },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-download]");
    if (!button) return;
    const { download, of, file } = button.dataset;
    const { type, text } = formats[download];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text(rowsOf(of))], { type }));
    link.download = `${file}.${download}`;
    link.click();
    // The browser reads the data after this task.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const line of document.querySelectorAll("[data-downloads]")) line.hidden = false;
  });
})();
