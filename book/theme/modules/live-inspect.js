// What the kernel says of the process in front of a terminal, beside the terminals: its namespaces,
// root, cgroup, user. The desk asks `coracle inspect`; here it is only laid out.

import { element, text } from "./texts.js";

const KINDS = ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"];
/** So many capabilities are named. */
const CAPABILITIES = 5;

export class Inspect {
  constructor() {
    this.process = element("p", { class: "live-process" }, text("live-inspect-none"));
    this.rows = new Map(KINDS.map((kind) => [kind, new Row(kind)]));
    const head = ["kind", "number", "whose"].map((name) =>
      element("th", { scope: "col" }, text(`live-inspect-${name}`)),
    );
    const table = element(
      "table",
      {},
      element("caption", {}, text("live-inspect-namespaces")),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...[...this.rows.values()].map((row) => row.element)),
    );
    this.facts = element("dl");
    this.said = element("p", { class: "hidden", role: "status" });
    const both = element("div", { class: "live-facts" }, table, this.facts);
    const summary = element("summary", {}, text("live-inspect"));
    this.element = element("details", { class: "live-inspect", open: "" }, summary, this.process, both, this.said);
    this.begin(null);
  }

  get open() {
    return this.element.open;
  }

  /** What stands for the host is what a session's shell has before anything was done. */
  begin(answer) {
    this.host = answer?.seen ?? null;
    this.known = null;
  }

  /** The answer, of the process in front of the terminal that is called so. */
  show(answer, terminal) {
    const process = answer.seen;
    const names = [answer.process.command].flat().join(" ");
    this.process.replaceChildren(
      ...sentence("live-inspect-process", {
        terminal,
        command: element("code", {}, names),
        pid: answer.process.pid,
      }),
    );
    const known = new Map();
    for (const [kind, row] of this.rows) {
      const own = row.show(process.namespaces.by_kind[kind], this.host?.namespaces.by_kind[kind]);
      known.set(text("live-inspect-namespace", { kind }), own);
    }
    const facts = describe(process, this.host);
    this.facts.replaceChildren(
      ...facts.flatMap(([name, ...values]) => [
        element("dt", {}, text(`live-inspect-${name}`)),
        ...values.map((value) => element("dd", {}, ...[value].flat())),
      ]),
    );
    for (const limit of limits(process)) known.set(limit.name, limit.most);
    this.tell(known);
  }

  /** Says what has changed, but not what is used from moment to moment. */
  tell(known) {
    const before = this.known;
    this.known = known;
    if (!before) return;
    const changed = [...known].filter(([name, value]) => before.get(name) !== value);
    if (changed.length === 0) return;
    this.said.textContent = changed.map(([name, value]) => `${name}: ${value}`).join(". ");
  }
}

/** A namespace: its number, and whether it is the host's. */
class Row {
  constructor(kind) {
    this.number = element("td", { class: "mono" }, "–");
    this.whose = element("td", {}, "–");
    const name = element("th", { scope: "row" }, kind);
    this.element = element("tr", { "data-namespace": kind }, name, this.number, this.whose);
  }

  show(namespace, host) {
    const same = namespace?.inode === host?.inode;
    const whose = namespace && host ? text(same ? "live-inspect-same" : "live-inspect-own") : "–";
    this.number.textContent = namespace?.inode ?? "–";
    this.whose.textContent = whose;
    this.element.classList.toggle("own", Boolean(namespace && host && !same));
    return whose;
  }
}

/** What there is to say besides namespaces: a name, and one or more values, each of text and elements. */
function describe(process, host) {
  const { status } = process;
  const facts = [];
  const inside = status.ns_pids.slice(1);
  if (inside.length > 0) facts.push(["pids", status.ns_pids.join(" → ")]);
  facts.push(["hostname", process.hostname ?? "–"]);
  const place = process.root?.place;
  const other = host?.root?.place;
  const ownRoot = place && other && (place.inode !== other.inode || place.mount !== other.mount);
  facts.push(["root", text(ownRoot ? "live-inspect-root-own" : "live-inspect-root-same")]);
  const named = process.mounts.map((mount) => [
    element("code", {}, mount.target),
    ` ${mount.fs_type}${mount.read_only ? `, ${text("live-inspect-read-only")}` : ""}`,
  ]);
  if (process.mounts_more > 0) named.push(text("live-inspect-more", { count: process.mounts_more }));
  if (named.length > 0) facts.push(["mounts", ...named]);
  const held = limits(process).map(({ name, used, most }) =>
    used === null ? `${name}: ${most}` : `${name}: ${text("live-inspect-of", { used, most })}`,
  );
  facts.push(["cgroup", element("code", {}, process.cgroup?.path ?? "–"), ...held]);
  facts.push(["user", user(status)], ["capabilities", capabilities(status.capabilities)]);
  facts.push(["guards", guards(status)]);
  return facts;
}

/** What the cgroup holds it to. */
function limits(process) {
  const limits = process.cgroup?.limits;
  if (!limits) return [];
  const found = [];
  const add = (name, used, most) => {
    if (most === null) return;
    found.push({ name: text(`live-inspect-${name}`), used, most });
  };
  add("memory", limits.memory_used && size(limits.memory_used), limit(limits.memory, size));
  add("pids-limit", limits.pids_used, limit(limits.pids, String));
  add("cpu", null, limit(limits.cpu_quota, (quota) => (quota / (limits.cpu_period || 100_000)).toFixed(2)));
  return found;
}

function limit(value, write) {
  if (value === null || value === undefined) return null;
  return value === "max" ? text("live-inspect-unlimited") : write(value);
}

function size(bytes) {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

function user(status) {
  const uid = status.uids.effective;
  const range = status.uid_map.find(({ outside, count }) => uid >= outside && uid < outside + count);
  const mapped = range && range.inside !== range.outside;
  return mapped
    ? text("live-inspect-mapped", { inside: uid - range.outside + range.inside, outside: uid })
    : text("live-inspect-uid", { uid });
}

function capabilities({ effective }) {
  if (effective.length === 0) return text("live-inspect-no-capabilities");
  const names = effective.map((name) => name.replace(/^CAP_/, "").toLowerCase());
  if (names.length <= CAPABILITIES) return names.join(", ");
  return text("live-inspect-count", { count: names.length });
}

function guards(status) {
  const yes = (is) => text(is ? "live-inspect-on" : "live-inspect-off");
  return `no_new_privs ${yes(status.no_new_privs)}, seccomp ${yes(status.seccomp !== "off")}`;
}

/** A text with elements in the place of its `{…}`. */
function sentence(name, values) {
  return text(name, Object.fromEntries(Object.keys(values).map((key) => [key, `\0${key}\0`])))
    .split("\0")
    .map((piece, place) => (place % 2 ? values[piece] : piece));
}
