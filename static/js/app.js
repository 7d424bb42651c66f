// Keyboard shortcuts, copy buttons, theme, and keeping focus and position when htmx swaps a part.
// Every page works without this file.
"use strict";
(() => {
  const doc = document;
  const root = doc.documentElement;
  root.classList.replace("no-js", "js");
  const $ = (selector, from = doc) => from.querySelector(selector);
  const $$ = (selector, from = doc) => [...from.querySelectorAll(selector)];

  // --- messages: one live region, outside all swapped parts ---
  function say(text, kind = "success") {
    const region = $("#toasts");
    if (!region) return;
    const line = doc.createElement("p");
    line.className = `toast ${kind}`;
    line.textContent = text;
    region.append(line);
    setTimeout(() => line.remove(), 8000);
  }

  // --- copy buttons ---
  doc.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        say(`Copied: ${button.dataset.copy.length > 60 ? button.title.replace("Copy ", "") : button.dataset.copy}`);
      } catch {
        say("The browser did not allow copying. Select the text instead.", "error");
      }
    }
    const opener = event.target.closest("[data-dialog]");
    if (opener) $(`#${opener.dataset.dialog}`).showModal();
    if (event.target.matches("dialog")) event.target.close();
    if (!event.target.closest("details.me")) $("details.me")?.removeAttribute("open");
  });

  // --- theme: applied at once, stored by the server ---
  doc.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form.theme")) {
      if (form.method === "post") setTimeout(() => $$("[type=submit]", form).forEach((b) => (b.disabled = true)), 0);
      return;
    }
    event.preventDefault();
    const button = event.submitter;
    const words = { auto: "system", light: "light", dark: "dark" };
    const next = { auto: "light", light: "dark", dark: "auto" };
    const chosen = button.value;
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", chosen);
    // keepalive: the theme is stored even if the user leaves the page at once.
    const headers = { "X-Requested-With": "fetch" };
    fetch(form.action, { method: "POST", body, redirect: "manual", headers, keepalive: true });
    root.dataset.theme = chosen;
    button.value = next[chosen];
    button.title = `Theme: ${words[chosen]}`;
    button.setAttribute("aria-label", `Theme: ${words[chosen]}. Change it`);
    say(`Theme: ${words[chosen]}`);
  });
  // A page restored from the back/forward cache must not keep its buttons disabled.
  addEventListener("pageshow", () => $$("[type=submit]:disabled").forEach((b) => (b.disabled = false)));

  // --- keys ---
  let chord = 0;
  function rows() {
    return $$("main .grid tbody tr, main .rows > li").filter((row) => $(".rowlink", row));
  }
  function walk(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(doc.activeElement));
    $(".rowlink", all[Math.min(Math.max(at + step, 0), all.length - 1)]).focus();
  }
  doc.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) return void event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || doc.body.dataset.keys !== "on") return;
    if ($("dialog[open]")) return;
    const went = Date.now() - chord < 1200 && $(`[data-key="${CSS.escape(event.key)}"]`);
    chord = event.key === "g" ? Date.now() : 0;
    if (went) return void went.click();
    const does = {
      "/": () => $("#jump")?.focus(),
      "?": () => $("#keys")?.showModal(),
      j: () => walk(1),
      k: () => walk(-1),
      r: () => $("#decide")?.focus(),
    }[event.key];
    if (does) {
      event.preventDefault();
      does();
    }
  });

  // --- htmx: keep focus, selection and open sections during a swap; report errors ---
  let place = null;
  doc.addEventListener("htmx:beforeSwap", () => {
    const held = doc.activeElement;
    place = {
      id: held?.id,
      range: held && "selectionStart" in held && held.type !== "email" ? [held.selectionStart, held.selectionEnd] : null,
      folds: new Map($$("details[id]").map((fold) => [fold.id, fold.open])),
      fields: $$("main :is(input, textarea, select)[id]:not([type=hidden])").filter(
        (field) => field.checked !== field.defaultChecked || (field.type !== "radio" && field.value !== field.defaultValue),
      ),
    };
  });
  doc.addEventListener("htmx:afterSettle", () => {
    if (!place) return;
    place.folds.forEach((open, id) => {
      const fold = doc.getElementById(id);
      if (fold) fold.open = open;
    });
    // Copy text typed in the swapped part to the new part.
    place.fields.forEach((old) => {
      const field = doc.getElementById(old.id);
      if (!field || field === old || field.disabled) return;
      if (["radio", "checkbox"].includes(field.type)) field.checked = old.checked;
      else field.value = old.value;
    });
    const held = place.id && doc.getElementById(place.id);
    if (held && held !== doc.activeElement) {
      held.focus({ preventScroll: true });
      if (place.range?.[0] != null) held.setSelectionRange(...place.range);
    }
    place = null;
  });
  const busy = (on) => (event) => event.detail.target?.setAttribute("aria-busy", on);
  doc.addEventListener("htmx:beforeRequest", busy("true"));
  doc.addEventListener("htmx:afterRequest", busy("false"));
  doc.addEventListener("htmx:responseError", (event) => {
    const id = event.detail.xhr.getResponseHeader("X-Request-Id");
    say(`That did not work${id ? ` (request ${id})` : ""}. Reload the page to see where things stand.`, "error");
  });
  doc.addEventListener("htmx:sendError", () => {
    if (!doc.hidden) say("The server cannot be reached; what you see may be old.", "error");
  });

  // --- a secret in the URL fragment: move it into its field and remove it from the history ---
  const fragment = $$("[data-from-fragment]")[0];
  if (fragment && location.hash.length > 1) {
    fragment.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  }

  // --- scroll a wide lineage graph to its own version ---
  $$(".graphwrap").forEach((wrap) => {
    const own = $(".focus", wrap)?.getBoundingClientRect();
    if (!own) return;
    const frame = wrap.getBoundingClientRect();
    if (own.right > frame.right || own.left < frame.left)
      wrap.scrollLeft += own.left + own.width / 2 - frame.left - frame.width / 2;
  });

  // --- live updates: every 5 s, after five minutes every 15 s, never in a hidden tab ---
  const opened = Date.now();
  let last = opened;
  setInterval(() => {
    const pause = Date.now() - opened > 300000 ? 15000 : 5000;
    if (doc.hidden || Date.now() - last < pause - 500) return;
    last = Date.now();
    $$("[data-live]").forEach((part) => window.htmx?.trigger(part, "live"));
  }, 1000);
})();
