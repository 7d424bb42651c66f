// Suggests rows in autocomplete fields. Without JavaScript the key is typed.
(() => {
  "use strict";
  const PAUSE = 150;

  document.querySelectorAll("input[data-suggest]").forEach((input, number) => {
    const list = document.createElement("datalist");
    list.id = `suggested-${number}`;
    input.after(list);
    input.setAttribute("list", list.id);
    let timer = 0;
    let searched = "";

    async function offer() {
      const term = input.value.trim();
      if (term === searched && list.options.length) return;
      searched = term;
      let answer;
      try {
        answer = await fetch(`${input.dataset.suggest}&term=${encodeURIComponent(term)}`, { credentials: "same-origin" });
      } catch {
        return; // no network: the key can still be typed
      }
      if (!answer.ok || term !== searched) return;
      const { results } = await answer.json();
      list.replaceChildren(
        ...results.map((row) => {
          const option = document.createElement("option");
          option.value = row.text;
          return option;
        }),
      );
    }

    input.addEventListener("focus", offer);
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(offer, PAUSE);
    });
  });
})();
