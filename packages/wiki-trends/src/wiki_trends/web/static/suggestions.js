// Suggests titles while a visitor types into an input with `data-suggest`, the URL of the list of pages as JSON.
(() => {
  "use strict";
  const SUGGESTIONS = 10;
  const DELAY_MS = 250;
  let timer;
  let latest = 0;
  const suggest = async (input) => {
    const text = input.value.trim();
    if (text.length < 2) return;
    const request = ++latest;
    const query = new URLSearchParams({ q: text, by: "views", limit: SUGGESTIONS });
    try {
      const response = await fetch(`${input.dataset.suggest}?${query}`, { credentials: "same-origin" });
      if (!response.ok || request !== latest) return;
      const { pages } = await response.json();
      input.list.replaceChildren(...pages.map((page) => {
        const option = document.createElement("option");
        option.value = page.page_display;
        return option;
      }));
    } catch { /* The form works without suggestions. */ }
  };
  const schedule = (element) => {
    if (!element?.matches?.("input[data-suggest]")) return;
    clearTimeout(timer);
    timer = setTimeout(suggest, DELAY_MS, element);
  };
  document.addEventListener("input", (event) => schedule(event.target));
  // A visitor can type before this script is loaded.
  schedule(document.activeElement);
})();
