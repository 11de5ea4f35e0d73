// The switch between light and dark. Without a choice the page follows the system. Runs before the page is painted.
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "wiki-trends-theme";
  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; } // A page from disk may be refused its storage.
  };
  const keep = (value) => {
    try { localStorage.setItem(KEY, value); } catch { /* The choice then lasts as long as the page. */ }
  };
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const updateButtons = () => {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-pressed", String(dark()));
    }
  };
  const first = stored();
  if (first === "dark" || first === "light") root.dataset.theme = first;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", updateButtons);
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        root.dataset.theme = dark() ? "light" : "dark";
        keep(root.dataset.theme);
        updateButtons();
      });
    }
    updateButtons();
  });
})();
