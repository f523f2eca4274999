// A task: the guest makes its values up, and looks at the kernel whether it was done.

import { element, text } from "./texts.js";

export class Task {
  /** `ask` asks the desk of the machine, which knows the task by its name. */
  constructor(box, ask) {
    Object.assign(this, { box, ask });
    this.button = element("button", { type: "button", class: "live-check" }, text("live-check"));
    this.button.addEventListener("click", () => this.check());
    this.said = element("p", { class: "live-said", role: "status" });
    this.claims = element("ul", { class: "live-claims" });
    this.parts = [this.button, this.said, this.claims];
    box.querySelector(".live-buttons").append(this.button);
    box.append(this.said, this.claims);
  }

  /** Fills in what was made up. */
  async begin() {
    const begun = await this.ask("task").catch((error) => this.refused(error));
    if (!begun) return;
    const { values } = begun;
    for (const place of this.box.querySelectorAll("[data-value]")) {
      place.textContent = values[place.dataset.value] ?? place.dataset.value;
    }
    this.box.dataset.state = "begun";
    this.said.textContent = text("live-task-begun");
  }

  async check() {
    this.button.setAttribute("aria-busy", "true");
    try {
      const { done, claims } = await this.ask("verify");
      const held = claims.filter((claim) => claim.holds).length;
      this.box.dataset.state = done ? "done" : "begun";
      this.said.textContent = done
        ? text("live-task-done")
        : text("live-task-not", { held, all: claims.length });
      this.claims.replaceChildren(...claims.map(item));
    } catch (error) {
      this.refused(error);
    }
    this.button.removeAttribute("aria-busy");
  }

  /** Says what the machine could not do. */
  refused(error) {
    this.said.textContent = text("live-refused", { why: error.message });
  }

  /** Other shells have come: it can't be gone on with. */
  end() {
    for (const part of this.parts) part.remove();
    for (const place of this.box.querySelectorAll("[data-value]")) {
      place.textContent = place.dataset.value;
    }
    delete this.box.dataset.state;
  }
}

/** What is claimed, whether it holds, and what was found. */
function item({ claim, holds, found }) {
  const mark = element("span", { "aria-hidden": "true" }, holds ? "✓ " : "✗ ");
  const verdict = element("span", { class: "hidden" }, `${text(holds ? "live-holds" : "live-fails")} `);
  const seen = found ? [element("span", { class: "found" }, ` ${text("live-found", { found })}`)] : [];
  return element("li", { class: holds ? "holds" : "fails" }, mark, verdict, claim, ...seen);
}
