"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Printed, everything is open; on the screen it is as it was.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); opened = []; });

  // A link to a finding opens it, and shows it whatever the filters hide.
  const reveal = () => {
    const target = location.hash.length > 1 && $(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.classList.contains("finding")) {
      target.hidden = false;
      target.closest(".group").hidden = false;
      target.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);

  const form = $("filters");
  if (form) {
    const groups = [...document.querySelectorAll(".group")].map((element) => ({
      element,
      items: [...element.querySelectorAll(".finding")].map((item) => ({ element: item, data: item.dataset, text: null })),
    }));
    const fields = ["severity", "policy", "account", "status"].map((name) => [name, $("by-" + name)]);
    const search = $("search");
    const counters = [...document.querySelectorAll("button[data-severity]")];
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = fields.map(([name, field]) => [name, field.value]).filter(([, value]) => value !== "");
      let shown = 0;
      let all = 0;
      for (const group of groups) {
        let any = false;
        for (const item of group.items) {
          all += 1;
          let fits = wanted.every(([name, value]) =>
            name === "status"
              ? item.data.triage === value || item.data.status === value
              : item.data[name] === value);
          if (fits && words.length) {
            item.text ??= (item.data.policy + " " + item.element.textContent).toLowerCase();
            fits = words.every((word) => item.text.includes(word));
          }
          if (item.element.hidden === fits) item.element.hidden = !fits;
          if (fits) { any = true; shown += 1; }
        }
        if (group.element.hidden === any) group.element.hidden = !any;
      }
      $("shown").textContent = shown === all
        ? `All ${all} findings are shown.`
        : `${shown} of ${all} findings are shown.`;
      for (const counter of counters) {
        counter.setAttribute("aria-pressed", String($("by-severity").value === counter.dataset.severity));
      }
    };
    let later = 0;
    search.addEventListener("input", () => { clearTimeout(later); later = setTimeout(apply, 80); });
    fields.forEach(([, field]) => field.addEventListener("change", apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply, 0));
    for (const counter of counters) {
      counter.addEventListener("click", () => {
        const field = $("by-severity");
        field.value = field.value === counter.dataset.severity ? "" : counter.dataset.severity;
        apply();
        $("findings").scrollIntoView();
      });
    }
    addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        search.focus();
      }
      if (event.key === "Escape" && event.target === search) { search.value = ""; apply(); }
    });
    form.hidden = false;
    apply();
  }
  reveal();
})();
