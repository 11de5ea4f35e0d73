// What makes the server's pages live: parts marked `data-live` are fetched again whenever the server says that something has
// changed; a day of the calendar opens beside it; starting a backfill stays on the page. Without it every link and form works.
(() => {
  "use strict";
  const page = { headers: { Accept: "text/html" }, credentials: "same-origin" };
  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
  const say = (text) => { const status = document.getElementById("announce"); if (status) status.textContent = text; };

  // Moments: how long ago, and how long already.
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const tell = () => {
    const now = Date.now();
    for (const node of document.querySelectorAll("time[data-age]")) {
      const seconds = Math.round((new Date(node.dateTime) - now) / 1000);
      const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
      node.textContent = relative.format(Math.trunc(seconds / size), unit);
    }
    for (const node of document.querySelectorAll("time[data-elapsed]")) {
      node.textContent = `${Math.max(0, Math.round((now - new Date(node.dateTime)) / 1000))} s`;
    }
  };

  // Put a fresh part in the place of the old one, where it differs; the focus stays where it was.
  const key = (node) => node?.id || node?.getAttribute?.("href") || "";
  const swap = (old, fresh) => {
    if (old.dataset.was === fresh.outerHTML) return;
    const was = fresh.outerHTML;
    const focused = old.contains(document.activeElement) ? key(document.activeElement) : "";
    const open = [...old.querySelectorAll("details[open]")].length > 0;
    const next = document.importNode(fresh, true);
    next.dataset.was = was;
    old.replaceWith(next);
    if (open) for (const one of next.querySelectorAll("details.confirm")) one.open = true;
    if (focused) [...next.querySelectorAll("a, button, input")].find((node) => key(node) === focused)?.focus();
    window.wikiTrends?.enlivenTables?.(next);
  };
  const remember = () => { for (const part of document.querySelectorAll("[data-live]")) part.dataset.was ??= part.outerHTML; };

  const fetched = async (url) => {
    const answer = await fetch(url, page);
    return answer.ok ? parsed(await answer.text()) : null;
  };
  let busy = false;
  let again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do {
        again = false;
        const fresh = document.querySelector("[data-live]") && await fetched(location.href);
        if (fresh) for (const part of document.querySelectorAll("[data-live]")) {
          if (part.closest("dialog")) continue;
          const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
          if (next) swap(part, next);
          else if (part.dataset.live === "problem") location.reload(); // There is something to show by now.
        }
        if (panel?.open) await fill(panel.dataset.url);
        tell();
      } while (again);
    } catch { /* The server is away; the stream tells when it is back. */ } finally { busy = false; }
  };

  // A day of the calendar, beside the calendar.
  const panel = document.getElementById("panel");
  const fill = async (url) => {
    const part = (await fetched(url))?.querySelector("[data-panel]");
    if (!part) return false;
    const into = panel.querySelector("[data-into]");
    if (into.firstElementChild) swap(into.firstElementChild, part);
    else { const node = document.importNode(part, true); node.dataset.was = part.outerHTML; into.append(node); window.wikiTrends?.enlivenTables?.(node); }
    panel.dataset.url = url;
    tell();
    return true;
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a.day");
    if (!panel || !link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    panel.querySelector("[data-into]").replaceChildren();
    try {
      if (await fill(link.href)) panel.showModal();
      else location.assign(link.href);
    } catch { location.assign(link.href); }
  });
  panel?.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });

  // Starting a backfill without leaving the page.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-start]")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, credentials: "same-origin" });
      const said = await answer.json();
      if (answer.ok) say(`The backfill of ${said.day} was started.`);
      else {
        const note = document.createElement("p");
        note.setAttribute("role", "alert");
        note.textContent = `${said.message} ${said.fix}`;
        form.querySelector("[role=alert]")?.remove();
        form.append(note);
        button.disabled = false;
        return;
      }
      await refresh();
    } catch { form.submit(); }
  });

  // The stream; while the page is hidden nobody needs it.
  let stream;
  const listen = () => {
    if (document.hidden || stream || !document.querySelector("[data-live]")) return;
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) { stream = undefined; setTimeout(listen, 5000); } });
  };
  const stop = () => { stream?.close(); stream = undefined; };
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", listen);
  document.addEventListener("DOMContentLoaded", () => {
    remember();
    tell();
    listen();
    // Whoever signs in comes back to where they were.
    for (const link of document.querySelectorAll("a[data-sign-in]")) {
      if (location.pathname !== new URL(link.href).pathname) link.search = new URLSearchParams({ next: location.pathname + location.search });
    }
  });
  setInterval(tell, 1000);
})();
