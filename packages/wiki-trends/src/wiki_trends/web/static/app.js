// Live pages. After each change event of the server, the script fetches the page again and replaces its `data-live` elements.
// A day of the calendar opens in a panel. Backfills start, and days are waived, without leaving the page. Every link and form works without
// this script.
(() => {
  "use strict";
  const pageRequest = { headers: { Accept: "text/html" }, credentials: "same-origin" };
  const parseHtml = (text) => new DOMParser().parseFromString(text, "text/html");
  const announce = (text) => { const status = document.getElementById("announce"); if (status) status.textContent = text; };

  // Show the age of a time, and the seconds since the start of a run.
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const MAX_AGE = 7 * 86400;
  const elapsed = (seconds) => {
    const [minutes, hours, days] = [60, 3600, 86400].map((length) => Math.floor(seconds / length));
    if (!minutes) return `${seconds} s`;
    if (!hours) return `${minutes} min ${seconds % 60} s`;
    return days ? `${days} d ${hours % 24} h` : `${hours} h ${minutes % 60} min`;
  };
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const updateTimes = () => {
    const now = Date.now();
    for (const node of document.querySelectorAll("time[data-age]")) {
      const seconds = Math.round((new Date(node.dateTime) - now) / 1000);
      // Of a time long ago the date says more; it is the text of the page, which is also its title.
      if (node.title && Math.abs(seconds) > MAX_AGE) continue;
      const [unit, unitSeconds] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
      node.textContent = relative.format(Math.trunc(seconds / unitSeconds), unit);
    }
    for (const node of document.querySelectorAll("time[data-elapsed]")) {
      node.textContent = elapsed(Math.max(0, Math.round((now - new Date(node.dateTime)) / 1000)));
    }
  };

  // Calendars. A long calendar is scrolled to its newest day. Only one day is a tab stop; the arrow keys move between the days.
  const DAY_STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  const DENSE_STEPS = { ArrowLeft: -7, ArrowRight: 7, ArrowUp: -1, ArrowDown: 1 };
  const daysOf = (calendar) => [...calendar.querySelectorAll("a.day")].sort((a, b) => (a.href < b.href ? -1 : 1));
  const prepareCalendars = (root) => {
    for (const calendar of root.querySelectorAll("table.calendar")) {
      const days = daysOf(calendar);
      if (!days.length) continue;
      days.forEach((day, at) => { day.tabIndex = at === days.length - 1 ? 0 : -1; });
      const wrap = calendar.closest(".dense");
      if (wrap) { wrap.removeAttribute("tabindex"); wrap.scrollLeft = wrap.scrollWidth; }
    }
  };
  document.addEventListener("keydown", (event) => {
    const day = event.target.closest?.("table.calendar a.day");
    if (!day || event.metaKey || event.ctrlKey || event.altKey) return;
    const calendar = day.closest("table.calendar");
    const days = daysOf(calendar);
    const step = (calendar.closest(".dense") ? DENSE_STEPS : DAY_STEPS)[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? days.length - 1 : step && days.indexOf(day) + step;
    if (to === undefined) return;
    event.preventDefault();
    if (!days[to]) return;
    day.tabIndex = -1;
    days[to].tabIndex = 0;
    days[to].focus();
    if (event.shiftKey) window.wikiTrends.days.extend(day, days[to]);
  });

  // Replace an element if its new version differs, and restore the focus, the scroll positions and the open details.
  // `data-was` keeps the HTML as the server sent it.
  const elementKey = (node) => node.id || node.getAttribute("href") || `${node.closest("details[id]")?.id} ${node.tagName} ${node.textContent}`;
  const swap = (old, fresh) => {
    if (old.dataset.was === fresh.outerHTML) return;
    const was = fresh.outerHTML;
    const focusedKey = old.contains(document.activeElement) ? elementKey(document.activeElement) : "";
    const scrolled = [...old.querySelectorAll(".table-wrap")].map((wrap) => wrap.scrollLeft);
    const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
    const typed = [...old.querySelectorAll("input[id]")].filter((input) => input.value !== input.defaultValue);
    const next = document.importNode(fresh, true);
    next.dataset.was = was;
    old.replaceWith(next);
    prepareCalendars(next);
    next.querySelectorAll(".table-wrap").forEach((wrap, at) => { if (at in scrolled) wrap.scrollLeft = scrolled[at]; });
    for (const details of next.querySelectorAll("details.confirm")) details.open = open.includes(details.id);
    for (const input of next.querySelectorAll("input[id]")) input.value = typed.find((other) => other.id === input.id)?.value ?? input.value;
    const newFocus = focusedKey && [...next.querySelectorAll("a, button, input, summary")].find((node) => elementKey(node) === focusedKey);
    if (newFocus) {
      if (newFocus.matches("table.calendar a.day")) {
        for (const day of newFocus.closest("table").querySelectorAll("a.day")) day.tabIndex = day === newFocus ? 0 : -1;
      }
      newFocus.focus();
    }
    prepareNew(next);
  };
  const prepareNew = (node) => { window.wikiTrends?.activateTables?.(node); window.wikiTrends?.days?.prepare(node); };
  const rememberServerHtml = () => { for (const part of document.querySelectorAll("[data-live]")) part.dataset.was ??= part.outerHTML; };

  const fetchPage = async (url) => {
    const response = await fetch(url, pageRequest);
    return response.ok ? parseHtml(await response.text()) : null;
  };
  let refreshing = false;
  let refreshAgain = false;
  const refresh = async () => {
    if (refreshing) { refreshAgain = true; return; }
    refreshing = true;
    try {
      do {
        refreshAgain = false;
        const fresh = document.querySelector("[data-live]") && await fetchPage(location.href);
        if (fresh) for (const part of document.querySelectorAll("[data-live]")) {
          if (part.closest("dialog")) continue;
          const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
          if (next) swap(part, next);
          else if (part.dataset.live === "problem") location.reload(); // There is data to show now.
        }
        if (panel?.open) await fillPanel(panel.dataset.url);
        updateTimes();
      } while (refreshAgain);
    } catch { /* The server does not answer; the stream reconnects by itself. */ } finally { refreshing = false; }
  };

  // The panel that shows a day of the calendar.
  const panel = document.getElementById("panel");
  const fillPanel = async (url) => {
    const part = (await fetchPage(url))?.querySelector("[data-panel]");
    if (!part) return false;
    const into = panel.querySelector("[data-into]");
    if (into.firstElementChild) swap(into.firstElementChild, part);
    else { const node = document.importNode(part, true); node.dataset.was = part.outerHTML; into.append(node); prepareNew(node); }
    panel.dataset.url = url;
    updateTimes();
    return true;
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a.day, dialog a[data-day]");
    if (!panel || !link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    panel.querySelector("[data-into]").replaceChildren();
    try {
      if (await fillPanel(link.href)) { if (!panel.open) panel.showModal(); }
      else location.assign(link.href);
    } catch { location.assign(link.href); }
  });
  panel?.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });

  // Start backfills or waive a day without leaving the page. `data-done` is the sentence to announce.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-start]")) return;
    event.preventDefault();
    const button = form.querySelector("button:not([type])");
    button.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, credentials: "same-origin", body: new URLSearchParams(new FormData(form)) });
      const result = await response.json();
      if (response.ok) { announce(form.dataset.done); const details = form.closest("details"); if (details) details.open = false; else { button.disabled = false; window.wikiTrends.days.clear(); } }
      else {
        const note = document.createElement("p");
        note.setAttribute("role", "alert");
        note.textContent = `${result.message} ${result.fix}`;
        form.querySelector("[role=alert]")?.remove();
        form.append(note);
        button.disabled = false;
        return;
      }
      await refresh();
    } catch { form.submit(); }
  });

  // Show or hide the notice that live updates have stopped; return whether the notice was shown before.
  const showDisconnected = (isDisconnected) => {
    const notice = document.getElementById("disconnected");
    const wasDisconnected = notice.textContent !== "";
    if (wasDisconnected !== isDisconnected) notice.textContent = isDisconnected ? "Disconnected: this page is not updated. Trying again …" : "";
    return wasDisconnected;
  };

  // The event stream, which is closed while the page is hidden.
  let stream;
  const listen = () => {
    if (document.hidden || stream || !document.querySelector("[data-live]")) return;
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("open", () => { if (showDisconnected(false)) refresh(); });
    stream.addEventListener("error", () => { showDisconnected(true); if (stream.readyState === EventSource.CLOSED) { stream = undefined; setTimeout(listen, 5000); } });
  };
  const stop = () => { stream?.close(); stream = undefined; };
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", listen);
  document.addEventListener("DOMContentLoaded", () => {
    rememberServerHtml();
    updateTimes();
    prepareCalendars(document);
    document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    listen();
    // After signing in, visitors return to this page.
    for (const link of document.querySelectorAll("a[data-sign-in]")) {
      if (location.pathname !== new URL(link.href).pathname) link.search = new URLSearchParams({ next: location.pathname + location.search });
    }
  });
  setInterval(updateTimes, 1000);
})();
