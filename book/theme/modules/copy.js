// Buttons that copy: a block of code, or what was typed in a session without its prompts.

import { element, text } from "./texts.js";

/** A button that copies what `content` gives, and says so. */
export function copyButton(label, content) {
  const button = element("button", { type: "button", class: "copy" }, label);
  const said = element("span", { class: "hidden", role: "status" });
  button.addEventListener("click", async () => {
    await write(content());
    button.textContent = said.textContent = text("copied");
    setTimeout(() => {
      button.textContent = label;
      said.textContent = "";
    }, 2000);
  });
  const both = document.createDocumentFragment();
  both.append(button, said);
  return both;
}

/** Browsers give the clipboard only to pages that came over HTTPS or from this machine. */
async function write(content) {
  if (navigator.clipboard) return navigator.clipboard.writeText(content);
  const area = element("textarea", { class: "hidden" });
  area.value = content;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function copyButtons() {
  for (const block of document.querySelectorAll(".code, .not-run")) {
    const code = block.querySelector("pre");
    const place = block.querySelector("figcaption") ?? block;
    place.append(copyButton(text("copy"), () => code.textContent));
  }
}
