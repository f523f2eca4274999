// Questions that can be answered. What was answered stays in this browser, until it is reset.

import { forget, load, save } from "./store.js";
import { element, text } from "./texts.js";

export function questions() {
  const blocks = [...document.querySelectorAll(".questions")];
  const all = blocks.flatMap((block) =>
    [...block.querySelectorAll(".question")].map((box) => new Question(box, block.dataset.page)),
  );
  if (all.length === 0) return;
  const progress = new Progress(all);
  blocks.at(-1).append(progress.box);
  for (const question of all) question.onJudged = () => progress.show();
  progress.show();
}

class Question {
  constructor(box, page) {
    this.key = `book-answer/${page}/${box.dataset.id}`;
    this.choices = [...box.querySelectorAll("input")];
    this.reasons = [...box.querySelectorAll(".reasons li")];
    this.details = box.querySelector(".reasons");
    this.verdict = element("div", { class: "verdict", role: "status" });
    this.onJudged = () => {};
    const button = element("button", { type: "button" }, text("answer"));
    button.addEventListener("click", () => this.judge());
    box.querySelector("fieldset").after(button, this.verdict);
    for (const choice of this.choices) {
      choice.addEventListener("change", () => this.say("", []));
    }
    this.restore();
  }

  get chosen() {
    return this.choices.flatMap((choice, place) => (choice.checked ? [place] : []));
  }

  get right() {
    const right = this.reasons.map((reason) => reason.classList.contains("right"));
    return this.choices.every((choice, place) => choice.checked === right[place]);
  }

  /** Whether the answer that was given last is right. */
  get solved() {
    return this.verdict.classList.contains("right");
  }

  judge() {
    if (this.chosen.length === 0) {
      this.say("wrong", [text("choose")]);
      return;
    }
    const why = this.chosen.map((place) => this.reasons[place].querySelector(".why").innerHTML);
    this.say(this.right ? "right" : "wrong", [text(this.right ? "all-right" : "not-right")], why);
    save(this.key, JSON.stringify(this.chosen));
    this.onJudged();
  }

  say(kind, sentences, why = []) {
    this.verdict.className = `verdict ${kind}`;
    const list = element("ul");
    list.innerHTML = why.map((reason) => `<li>${reason}</li>`).join("");
    this.verdict.replaceChildren(...sentences, ...(why.length ? [list] : []));
    if (kind === "") this.onJudged();
  }

  restore() {
    const saved = load(this.key);
    if (!saved) return;
    try {
      const places = JSON.parse(saved);
      this.choices.forEach((choice, place) => (choice.checked = places.includes(place)));
      this.judge();
    } catch {
      forget([this.key]);
    }
  }

  reset() {
    for (const choice of this.choices) choice.checked = false;
    this.details.open = false;
    this.say("", []);
  }
}

class Progress {
  constructor(all) {
    this.all = all;
    this.sentence = element("p", { role: "status" });
    const button = element("button", { type: "button" }, text("forget"));
    button.addEventListener("click", () => {
      forget(all.map((question) => question.key));
      for (const question of all) question.reset();
      this.show();
    });
    this.box = element("div", { class: "progress" }, this.sentence, button);
  }

  show() {
    const right = this.all.filter((question) => question.solved).length;
    this.sentence.textContent = text("progress", { right, all: this.all.length });
  }
}
