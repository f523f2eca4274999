// The choice of colours. What was chosen before is set in the page's head, before it is drawn.

import { load, save } from "./store.js";

export function theme() {
  const choice = document.getElementById("theme");
  choice.value = load("book-theme") ?? "auto";
  choice.addEventListener("change", () => {
    document.documentElement.dataset.theme = choice.value;
    save("book-theme", choice.value);
  });
}
