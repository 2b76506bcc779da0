// While one types in the search field: what may be meant, in a list below it. Without this the form works as well.
"use strict";
{
  const field = document.querySelector("[data-suggest]");
  const list = document.createElement("ul");
  list.className = "suggestions";
  list.id = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.labels[0].textContent);
  list.hidden = true;
  field.closest(".asked").append(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    field.setAttribute(name, value);
  }
  let chosen = -1, waiting = 0, asked = null;

  const choose = (number) => {
    chosen = number;
    [...list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === number)));
    if (number >= 0) field.setAttribute("aria-activedescendant", list.children[number].id);
    else field.removeAttribute("aria-activedescendant");
  };
  const show = (rows) => {
    list.replaceChildren(...rows.map(([text, kind, address], number) => {
      const row = document.createElement("li"), note = document.createElement("small");
      row.id = `suggestion-${number}`;
      row.setAttribute("role", "option");
      row.dataset.address = address;
      note.textContent = kind;
      row.append(text, " ", note);
      return row;
    }));
    list.hidden = !rows.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(-1);
  };
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const typed = field.value.trim();
    if (!typed) return show([]);
    try {
      const answer = await fetch(`${field.dataset.suggest}${field.dataset.suggest.includes("?") ? "&" : "?"}q=${encodeURIComponent(typed)}`, { signal: asked.signal });
      if (!answer.ok) return show([]);
      const [, texts, kinds, addresses] = await answer.json();
      show(texts.map((text, number) => [text, kinds[number], addresses[number]]));
    } catch (error) {
      if (error.name !== "AbortError") show([]);
    }
  };
  field.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (!event.isComposing) waiting = setTimeout(ask, 200);
  });
  field.addEventListener("compositionend", () => { waiting = setTimeout(ask, 200); });
  field.addEventListener("blur", () => setTimeout(() => show([]), 150));
  field.addEventListener("keydown", (event) => {
    const count = list.children.length;
    if (event.isComposing || !count) return;
    if (event.key === "Escape") show([]);
    else if (event.key === "ArrowDown") choose((chosen + 1) % count);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? count - 1 : chosen - 1);
    else if (event.key === "Enter" && chosen >= 0) location.assign(list.children[chosen].dataset.address);
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => {
    const row = event.target.closest("li");
    if (row) location.assign(row.dataset.address);
    event.preventDefault();
  });
}
