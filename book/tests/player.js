// Types a session's file into a machine's terminals, and keeps what came of it. What stands in such
// a file: book/README.md. `recorder played` makes a transcript of what is kept here, and compares it
// with the recorded one.

/** How our shells' prompts are marked, with the status of the command before: recorder/src/prompt.rs. */
const PROMPT = /\x1b\]133;A;(\d+);\d*\x07[$#] (?:\x1b\[6n)?/;
const CONTINUED = /\x1b\]133;P;k=s\x07> (?:\x1b\[6n)?/;
/** What draws nothing. */
const INVISIBLE = /\x1b\[[0-9;?<=>]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Z]|[\r\x00-\x08\x0e-\x1a]/g;
/** An emulated machine on a busy computer. */
const LIMIT = 60_000;

const KEYS = { Enter: "\r", Tab: "\t" };

/** The parts of a session's file, each with its terminal's name and its steps. */
export function parts(text) {
  const all = [];
  const first = [];
  for (const [index, line] of text.split("\n").entries()) {
    const begun = /^\[([^ ]+)(?: @(.+))?\]$/.exec(line);
    if (begun) {
      all.push({ name: begun[1], terminal: begun[2] ?? "", steps: [] });
      continue;
    }
    const steps = all.at(-1)?.steps;
    if (!steps || line === "" || line.startsWith("//")) continue;
    const word = /^(key|until|status|quiet): ?(.*)$/.exec(line);
    if (word?.[1] === "key") steps.push({ line: index + 1, key: key(word[2]) });
    else if (word?.[1] === "quiet") steps.push({ line: index + 1, quiet: word[2] });
    else if (word) steps.at(-1)[word[1]] = word[2];
    else if (line.startsWith(">")) steps.at(-1).lines.push(line.slice(2));
    else steps.push({ line: index + 1, prompt: line[0], lines: [line.slice(2)] });
  }
  return all;
}

function key(name) {
  if (name.startsWith("^")) return String.fromCharCode(name.charCodeAt(1) & 31);
  return KEYS[name] ?? name;
}

/** A terminal as its player knows it. */
class Seat {
  heard = "";
  /** Whether its shell waits, and how the command before ended. */
  status = null;
  atPrompt = false;
}

export class Player {
  /**
   * `desk` has `send(terminal, text)` and, for whoever would press a button, `command(part, index)`,
   * which types the part's command of this number with its Enters where there is a button for it.
   */
  constructor(desk) {
    this.desk = desk;
    this.seats = new Map();
    this.waiting = null;
  }

  /** What a terminal printed, of this name. */
  hear(terminal, text) {
    this.seat(terminal).heard += text;
    this.waiting?.();
  }

  seat(terminal) {
    if (!this.seats.has(terminal)) this.seats.set(terminal, new Seat());
    return this.seats.get(terminal);
  }

  /** Plays a part, and gives back what happened, as `recorder played` reads it. */
  async part({ name, terminal, steps }) {
    const seat = this.seat(terminal);
    const events = [];
    let commands = 0;
    for (const [index, step] of steps.entries()) {
      const where = `[${name}], line ${step.line}`;
      if (!seat.atPrompt && !step.key && seat.status === null) await this.prompt(seat, where);
      this.rest(seat, events);
      const keyFollows = Boolean(steps[index + 1]?.key) && !step.until && !step.status;
      if (step.key) {
        seat.atPrompt = false;
        await this.desk.send(terminal, step.key);
      } else if (step.quiet) {
        await this.type(terminal, seat, [step.quiet], where);
        await this.prompt(seat, where);
        this.rest(seat, []);
        continue;
      } else {
        events.push({ prompt: step.prompt, lines: step.lines, at_prompt: seat.atPrompt });
        const pressed = await this.desk.command?.(name, commands);
        commands += 1;
        await this.type(terminal, seat, step.lines, where, pressed);
      }
      if (keyFollows) {
        await this.quiet(seat, 1500);
      } else if (step.until) {
        const until = new RegExp(step.until, "m");
        await this.until(() => until.test(visible(seat.heard)), () => `${where}: ${step.until} did not appear${shown(seat)}`);
        await this.quiet(seat, 300);
      } else {
        await this.prompt(seat, where);
        const expected = step.status ?? (step.lines?.[0] === "exit" || step.key ? undefined : "0");
        if (expected !== undefined && seat.status !== expected) {
          throw new Error(`${where}: it ended with ${seat.status}, not ${expected}${shown(seat)}`);
        }
      }
      this.rest(seat, events);
    }
    return events;
  }

  /** Types lines, unless a button did, and drops their echo. */
  async type(terminal, seat, lines, where, pressed = false) {
    const limit = seat.atPrompt ? LIMIT : 2000;
    const continued = seat.atPrompt && lines.length > 1;
    seat.atPrompt = false;
    // A button types all lines at once: their echo has the prompts for more in it.
    for (const typed of pressed ? [lines.join("\n")] : lines) {
      if (continued && typed !== lines[0] && !pressed) {
        const more = () => `${where}: no further line is asked for${shown(seat)}`;
        await this.until(() => CONTINUED.test(seat.heard), more);
        const { index, 0: mark } = CONTINUED.exec(seat.heard);
        seat.heard = seat.heard.slice(index + mark.length);
      }
      if (!pressed) await this.desk.send(terminal, `${typed}\r`);
      // A program that shows nothing of what is typed is waited for no longer.
      await this.until(() => echo(seat.heard, typed) !== null, null, limit);
      const end = echo(seat.heard, typed);
      if (end !== null) seat.heard = seat.heard.slice(end);
    }
  }

  /** Waits for the shell's prompt. */
  prompt(seat, where) {
    return this.until(
      () => PROMPT.test(seat.heard),
      () => `${where}: there was no prompt${shown(seat)}`,
    ).then(() => {
      seat.status = PROMPT.exec(seat.heard)[1];
    });
  }

  /** Takes what was printed; a prompt in it is none of it. */
  rest(seat, events) {
    let printed = "";
    for (let found; (found = PROMPT.exec(seat.heard)); ) {
      printed += seat.heard.slice(0, found.index);
      seat.heard = seat.heard.slice(found.index + found[0].length);
      seat.status = found[1];
      seat.atPrompt = true;
    }
    printed += seat.heard;
    seat.heard = "";
    if (printed !== "") events.push({ printed });
  }

  /** Waits until it has said nothing for so long. */
  async quiet(seat, milliseconds) {
    for (let before = null; before !== seat.heard; ) {
      before = seat.heard;
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
  }

  /** Waits for something; where it does not come, `message` says so, or nobody minds. */
  async until(done, message, limit = LIMIT) {
    const end = Date.now() + limit;
    while (!done()) {
      const left = end - Date.now();
      if (left <= 0) {
        if (message) throw new Error(message());
        return;
      }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 1000));
        this.waiting = () => (clearTimeout(timer), resolve());
      });
    }
  }
}

function visible(printed) {
  return printed.replace(INVISIBLE, "");
}

/** Where what was typed ends in what was printed, behind its Enter; `null` where it is not there yet. */
function echo(printed, typed) {
  const letters = (text) => visible(text).replace(/[\s>]/g, "");
  for (let end = printed.indexOf("\n"); end >= 0; end = printed.indexOf("\n", end + 1)) {
    if (letters(printed.slice(0, end)) === letters(typed)) return end + 1;
  }
  return null;
}

function shown(seat) {
  const lines = visible(seat.heard).trimEnd().split("\n").slice(-20);
  return lines.join("") === "" ? "; nothing was printed" : `. On the screen:\n  ${lines.join("\n  ")}`;
}
