// Pictures that answer. Each has a module of its own, which comes when the page has its picture.

export function pictures() {
  // On paper nothing answers.
  if (document.body.classList.contains("print")) return;
  for (const figure of document.querySelectorAll("[data-picture]")) {
    import(`./${figure.dataset.picture}.js`).then((module) => module.start(figure));
  }
}
