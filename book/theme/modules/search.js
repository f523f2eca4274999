// The search: a dialog. Its index comes in pieces, when something is looked for.

import { address, element, text } from "./texts.js";

export function search() {
  const button = document.querySelector(".search-button");
  let dialog = null;
  const open = () => {
    dialog ??= new Search();
    dialog.open();
  };
  button.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open();
  });
}

class Search {
  constructor() {
    // Not `type="search"`, which takes the Escape key for itself.
    this.input = element("input", { role: "searchbox", "aria-label": text("search-label") });
    this.status = element("p", { role: "status" });
    this.results = element("ol");
    const close = element("button", { type: "button" }, text("close"));
    const form = element("form", { role: "search" }, this.input, close);
    this.dialog = element("dialog", { class: "search", "aria-label": text("search-label") });
    this.dialog.append(form, this.status, this.results);
    document.body.append(this.dialog);
    close.addEventListener("click", () => this.dialog.close());
    form.addEventListener("submit", (event) => event.preventDefault());
    this.input.addEventListener("input", () => this.look());
    // A result on this very page would leave the dialog open above it.
    this.results.addEventListener("click", (event) => {
      if (event.target.closest("a")) this.dialog.close();
    });
  }

  open() {
    this.dialog.showModal();
    this.input.select();
    this.index();
  }

  /** The index, loaded once. */
  index() {
    this.loading ??= import(address("pagefind/pagefind.js")).catch((error) => {
      this.loading = undefined;
      throw error;
    });
    this.loading.catch(() => {});
    return this.loading;
  }

  async look() {
    const words = this.input.value.trim();
    if (words === "") return this.show("", []);
    this.status.textContent = text("searching");
    try {
      const index = await this.index();
      const found = await index.debouncedSearch(words, {}, 150);
      // Something else has been typed meanwhile.
      if (found === null || words !== this.input.value.trim()) return;
      const pages = await Promise.all(found.results.slice(0, 8).map((result) => result.data()));
      if (words !== this.input.value.trim()) return;
      this.show(this.sentence(found.results.length), pages.map(item));
    } catch {
      this.show(text("search-failed"), []);
    }
  }

  sentence(count) {
    if (count === 0) return text("no-results");
    return count === 1 ? text("result") : text("results", { count });
  }

  show(sentence, items) {
    this.status.textContent = sentence;
    this.results.replaceChildren(...items);
  }
}

/** A page that was found, with the section in which the words stand. */
function item(page) {
  const section = page.sub_results[0] ?? page;
  const link = element("a", { href: section.url }, page.meta.title);
  if (section.title && section.title !== page.meta.title) link.append(": ", section.title);
  const excerpt = element("p");
  excerpt.innerHTML = section.excerpt;
  return element("li", {}, link, excerpt);
}
