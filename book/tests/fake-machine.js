// A stand-in for `theme/modules/machine.js`: shells that know three words, and a desk that always has
// an answer. So the tests of what a reader sees need no emulator.

const KINDS = ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"];
const encoder = new TextEncoder();

export class Refused extends Error {}
export class NotStarted extends Error {}

export class Machine {
  /** What the tests look at. */
  static all = [];
  made = 1;

  static async start(root, { onProgress }) {
    if (globalThis.fakeMachineFails) throw globalThis.fakeMachineFails;
    for (const part of [0, 1, 2]) {
      onProgress(part * 4_500_000, 9_000_000);
      await new Promise((done) => setTimeout(done, 50));
    }
    const machine = new Machine();
    Machine.all.push(machine);
    globalThis.fakeMachine = machine;
    globalThis.Machine = Machine;
    return machine;
  }

  constructor() {
    this.paused = false;
    this.asked = [];
    this.sent = ["", "", ""];
    this.listeners = [[], [], []];
    this.lines = ["", "", ""];
    this.own = false;
  }

  onOutput(terminal, listener) {
    this.listeners[terminal].push(listener);
  }

  print(terminal, text) {
    for (const listener of this.listeners[terminal]) listener(encoder.encode(text));
  }

  prompt(terminal, status = 0) {
    this.print(terminal, `\x1b]133;A;${status};0\x07# `);
  }

  send(terminal, text) {
    this.sent[terminal] += text;
    for (const letter of text) this.letter(terminal, letter);
  }

  letter(terminal, letter) {
    if (letter === "\x03") return this.print(terminal, "^C\r\n"), this.prompt(terminal, 130);
    if (letter !== "\r") {
      this.lines[terminal] += letter;
      return this.print(terminal, letter);
    }
    const line = this.lines[terminal];
    this.lines[terminal] = "";
    this.print(terminal, "\r\n");
    setTimeout(() => this.command(terminal, line), 30);
  }

  command(terminal, line) {
    if (/^sleep \d+$/.test(line)) return;
    if (line.startsWith("unshare")) this.own = true;
    if (line.startsWith("echo ")) this.print(terminal, `${line.slice(5)}\r\n`);
    this.prompt(terminal, line === "false" ? 1 : 0);
  }

  async ask(question) {
    if (this.gone || this.ended) throw new Refused("the machine has ended");
    this.asked.push(question);
    switch (question.do) {
      case "begin": {
        const named = [...question.session.matchAll(/^\[\S+(?: @(\S+))?\]$/gm)];
        const terminals = [...new Set(named.map((part) => part[1] ?? ""))];
        this.terminals = terminals.length > 0 ? terminals : ["", "host"];
        this.own = false;
        this.terminals.forEach((_, terminal) => this.prompt(terminal));
        return { terminals: this.terminals };
      }
      case "inspect":
        return { process: { pid: 1204, command: "bash" }, seen: inspected(this.own) };
      case "task":
        return { values: { name: "lime", limit: "24 MiB" } };
      case "verify":
        return {
          done: this.own,
          claims: [
            { claim: "There is a cgroup lime", holds: true, found: "/sys/fs/cgroup/lime" },
            { claim: "It is limited to 24 MiB", holds: this.own, found: "memory.max is max" },
          ],
        };
      default:
        return {};
    }
  }

  async fresh() {
    this.gone = true;
    await new Promise((done) => setTimeout(done, 50));
    if (this.ended) throw new Refused("the machine has ended");
    this.gone = false;
    this.made += 1;
    this.lines = ["", "", ""];
  }

  pause() {
    this.paused = true;
  }

  resume() {
    this.paused = false;
  }

  async end() {
    this.ended = true;
  }
}

/** What `coracle inspect --json` says, as far as a page shows it. */
function inspected(own) {
  const namespace = (kind, place) => {
    const moved = own && ["mnt", "pid", "user"].includes(kind);
    return [kind, { inode: 4026531834 + place + (moved ? 300 : 0), device: 4, owner: null }];
  };
  const mount = (target, fs_type, read_only = false) => ({ target, fs_type, read_only });
  return {
    pid: 1204,
    namespaces: { by_kind: Object.fromEntries(KINDS.map(namespace)) },
    status: {
      ns_pids: own ? [1204, 1] : [1204],
      uids: { effective: own ? 1000 : 0 },
      uid_map: [own ? { inside: 0, outside: 1000, count: 1 } : { inside: 0, outside: 0, count: 4294967295 }],
      capabilities: { effective: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_BPF"] },
      no_new_privs: false,
      seccomp: "off",
    },
    hostname: "laptop",
    root: { path: "/", place: { device: 1, inode: own ? 9 : 2, mount: own ? 64 : 27 } },
    mounts: [
      mount("/", "tmpfs"),
      mount("/usr", "tmpfs", true),
      mount("/proc", "proc"),
      mount("/sys", "sysfs", true),
      mount("/sys/fs/cgroup", "cgroup2"),
      mount("/dev", "tmpfs"),
    ],
    mounts_more: 1,
    cgroup: {
      path: own ? "/box" : "/",
      limits: {
        memory: own ? 67108864 : "max",
        memory_used: 2846720,
        cpu_quota: own ? 50000 : "max",
        cpu_period: 100000,
        pids: own ? 20 : "max",
        pids_used: 3,
      },
    },
  };
}
