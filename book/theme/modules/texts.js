// What the modules say, in the page's language: the template puts it there.

const texts = JSON.parse(document.body.dataset.texts);

/** A text, with its `{…}` filled in. */
export function text(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** The address of something in the book, seen from this page. */
export function address(path) {
  return new URL(document.body.dataset.root + path, document.baseURI).href;
}

/** An element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
