// The picture of the eight namespaces answers: choose one, and see what a process on the host and
// one in a container find there. What they find was recorded: the session `namespace-explorer` has
// two parts for each namespace, `uts-host` and `uts-box`.

import { address, element, text } from "./texts.js";

const SIDES = ["host", "box"];

/** Adds the buttons, and what they show, to the figure. */
export function start(figure) {
  new Explorer(figure);
}

class Explorer {
  constructor(figure) {
    this.groups = [...figure.querySelectorAll("[data-namespace]")];
    this.buttons = this.groups.map((group) => this.button(group.dataset.namespace));
    const label = text("namespaces-choose");
    const choices = element("div", { class: "choices", role: "group", "aria-label": label }, ...this.buttons);
    this.seen = element("div", { class: "seen", role: "status" }, element("p", {}, label));
    const caption = figure.querySelector("figcaption");
    const explorer = element("div", { class: "namespace-explorer" }, choices, this.seen);
    caption ? caption.before(explorer) : figure.append(explorer);
    // With a mouse the picture itself is the quickest way. Keys and screen readers have the buttons.
    for (const group of this.groups) {
      group.addEventListener("click", () => this.choose(group.dataset.namespace));
    }
  }

  button(name) {
    const button = element("button", { type: "button", "aria-pressed": "false" }, name);
    button.addEventListener("click", () => this.choose(name));
    return button;
  }

  async choose(name) {
    this.chosen = name;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.textContent === name));
    }
    for (const group of this.groups) {
      group.classList.toggle("chosen", group.dataset.namespace === name);
    }
    let shown;
    try {
      const transcripts = await Promise.all(SIDES.map((side) => recorded(name, side)));
      shown = [
        element("p", {}, `${text(`namespace-${name}`)} ${verdict(transcripts)}`),
        element("div", { class: "sides" }, ...SIDES.map((side, i) => column(side, transcripts[i]))),
      ];
    } catch {
      shown = [element("p", {}, text("namespaces-failed"))];
    }
    // Another one may have been chosen while this one was on its way.
    if (this.chosen === name) this.seen.replaceChildren(...shown);
  }
}

/** What was typed and printed in one part of the session. */
async function recorded(name, side) {
  const answer = await fetch(address(`recordings/namespace-explorer/${name}-${side}.txt`));
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.text()).trimEnd();
}

/** Both transcripts begin with the namespace's number. */
function verdict(transcripts) {
  const [host, box] = transcripts.map((transcript) => /\[\d+\]/.exec(transcript)?.[0]);
  return text(host === box ? "namespaces-same" : "namespaces-own");
}

function column(side, transcript) {
  const label = text(`namespaces-${side}`);
  const pre = element("pre", { tabindex: "0", role: "group", "aria-label": label });
  for (const line of transcript.split("\n")) {
    pre.append(/^[$#] /.test(line) ? element("b", {}, line) : line, "\n");
  }
  return element("div", { class: side }, element("strong", {}, label), pre);
}
