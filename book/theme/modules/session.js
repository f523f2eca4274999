// A session: copied by its commands, and played. The player comes only when it is asked for.

import { copyButton } from "./copy.js";
import { address, element, text } from "./texts.js";

export function sessions() {
  for (const session of document.querySelectorAll(".session")) {
    const buttons = element("span", { class: "buttons" });
    if (session.dataset.cast) buttons.append(playButton(session));
    const commands = () => commandsOf(session).join("\n");
    if (commands() !== "") buttons.append(copyButton(text("copy-commands"), commands));
    session.querySelector("figcaption").append(buttons);
  }
}

function commandsOf(session) {
  return [...session.querySelectorAll(".command, .continued")].map((line) => line.textContent);
}

function playButton(session) {
  const button = element("button", { type: "button", class: "play" }, "▶ ", text("play"));
  const transcript = session.querySelector(".scroll");
  let player = null;
  button.addEventListener("click", async () => {
    if (player) {
      player.dispose();
      player.box.remove();
      player = null;
    } else {
      player = await start(session, transcript);
    }
    transcript.hidden = player !== null;
    button.replaceChildren(...(player ? [text("stop")] : ["▶ ", text("play")]));
  });
  return button;
}

async function start(session, transcript) {
  session.querySelector(".failed")?.remove();
  const box = element("div", { class: "player" });
  try {
    const { create } = await load();
    transcript.after(box);
    // Keys stay the page's own until the player is clicked into.
    const player = create(address(session.dataset.cast), box, {
      autoPlay: true,
      controls: true,
      fit: "width",
      idleTimeLimit: 1.5,
      terminalFontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
      theme: "asciinema",
    });
    return { box, dispose: () => player.dispose() };
  } catch {
    box.remove();
    const failed = element("p", { class: "failed", role: "alert" }, text("player-failed"));
    session.append(failed);
    return null;
  }
}

/** The player and its style, once. */
let loaded;
function load() {
  loaded ??= new Promise((resolve, reject) => {
    const style = { rel: "stylesheet", href: address("player/asciinema-player.css") };
    document.head.append(element("link", style));
    const script = element("script", { src: address("player/asciinema-player.min.js") });
    script.addEventListener("load", () => resolve(window.AsciinemaPlayer));
    script.addEventListener("error", () => {
      loaded = undefined;
      reject(new Error(script.src));
    });
    document.head.append(script);
  });
  return loaded;
}
