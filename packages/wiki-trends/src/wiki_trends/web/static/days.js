// Chooses a range of days in the calendar, by dragging or with Shift and the arrow keys, and copies texts to the clipboard.
(() => {
  "use strict";
  const DAY_MS = 86400000;
  const isoOf = (day) => new URL(day.href).searchParams.get("day");
  const isNextDay = (first, second) => Date.parse(second) - Date.parse(first) === DAY_MS;

  // The chosen range as ISO days, which survives the replacement of the calendar; `anchor` is the day where it began.
  let anchor = "";
  let range = null;
  let isDragging = false;
  const form = () => document.getElementById("fill-range");
  const calendarDays = () => [...document.querySelectorAll("main table.calendar a.day")];

  // Runs of consecutive due days, each with its label: "Friday 7 November 2025 to Sunday 9 November 2025".
  const dueTexts = (days, due) => {
    const runs = [];
    for (const day of days.filter((node) => due.has(isoOf(node)))) {
      const run = runs.at(-1);
      if (run && isNextDay(isoOf(run.at(-1)), isoOf(day))) run.push(day);
      else runs.push([day]);
    }
    const label = (day) => day.querySelector(".visually-hidden").textContent.split(",")[0];
    return runs.map((run) => (run.length > 1 ? `${label(run[0])} to ${label(run.at(-1))}` : label(run[0])));
  };

  const show = () => {
    const panel = form();
    if (!panel) return;
    const all = calendarDays();
    for (const day of all) {
      const isChosen = range !== null && isoOf(day) >= range[0] && isoOf(day) <= range[1];
      day.classList.toggle("selected", isChosen);
      if (isChosen) day.setAttribute("aria-current", "true"); else day.removeAttribute("aria-current");
    }
    panel.hidden = range === null;
    if (range === null) return;
    const [start, end] = range;
    const days = all.filter((day) => day.classList.contains("selected")).sort((a, b) => (isoOf(a) < isoOf(b) ? -1 : 1));
    const due = new Set((document.querySelector("[data-due]")?.dataset.due ?? "").split(" ").filter(Boolean));
    const count = days.filter((day) => due.has(isoOf(day))).length;
    const url = new URL(panel.action);
    url.search = new URLSearchParams({ start, end });
    panel.action = url.href;
    const names = dueTexts(days, due).join("; ");
    document.getElementById("fill-range-days").textContent =
      `${days.length} ${days.length === 1 ? "day" : "days"} chosen. ` + (count ? `This runs the pipeline for ${count} due ${count === 1 ? "day" : "days"}: ${names}.` : "None of them is due.");
    panel.dataset.done = `${count} ${count === 1 ? "backfill" : "backfills"} started.`;
    const command = `wiki-trends backfill --start ${start} --end ${end}`;
    document.getElementById("fill-range-command").textContent = command;
    panel.querySelector("[data-copy]").dataset.copy = command;
    panel.querySelector(".command").hidden = panel.querySelector("[data-submit]").hidden = count === 0;
  };
  const choose = (first, second) => { range = first <= second ? [first, second] : [second, first]; show(); };
  const clear = () => { anchor = ""; range = null; show(); };

  const dayAt = (event) => event.target.closest?.("main table.calendar a.day");
  document.addEventListener("pointerdown", (event) => {
    const day = dayAt(event);
    // A finger scrolls the calendar; the fields From and To choose a range there.
    if (!day || !form() || event.button || event.pointerType === "touch") return;
    if (event.shiftKey && anchor) return;
    anchor = isoOf(day);
    isDragging = true;
  });
  document.addEventListener("pointerover", (event) => {
    const day = isDragging && dayAt(event);
    if (day && (range !== null || isoOf(day) !== anchor)) choose(anchor, isoOf(day));
  });
  document.addEventListener("pointerup", () => { isDragging = false; });
  document.addEventListener("dragstart", (event) => { if (dayAt(event)) event.preventDefault(); });
  // The click at the end of a drag, and a click with Shift, choose days instead of opening one.
  document.addEventListener("click", (event) => {
    const day = dayAt(event);
    if (!day || !form()) return;
    if (event.shiftKey) { event.preventDefault(); choose(anchor || isoOf(day), isoOf(day)); }
    else if (range !== null && range[0] !== range[1] && range.includes(isoOf(day)) && anchor !== isoOf(day)) event.preventDefault();
    else clear();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && range !== null && !document.querySelector("dialog[open]")) clear();
  });

  // A calendar day got the focus by Shift and an arrow key; `from` had the focus before.
  const extend = (from, to) => {
    if (!form()) return;
    if (range === null) anchor = isoOf(from);
    choose(anchor, isoOf(to));
  };

  // Copying. Without a secure context, browsers offer only the old command.
  const copy = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* Not allowed here; the old command may be. */ }
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  };
  document.addEventListener("click", async (event) => {
    if (event.target.closest?.("[data-clear-range]")) { clear(); return; }
    const button = event.target.closest?.("[data-copy], [data-copy-link]");
    if (!button) return;
    const text = "copyLink" in button.dataset ? location.href : button.dataset.copy;
    const label = button.dataset.label ??= button.textContent;
    button.textContent = await copy(text) ? "Copied" : "Cannot copy";
    document.getElementById("announce").textContent = button.textContent;
    button.focus();
    setTimeout(() => { button.textContent = label; }, 2000);
  });
  const prepare = (root) => {
    for (const button of root.querySelectorAll("[data-copy], [data-copy-link]")) button.hidden = false;
    show();
  };
  window.wikiTrends = { ...window.wikiTrends, days: { prepare, extend, clear } };
  document.addEventListener("DOMContentLoaded", () => prepare(document));
})();
