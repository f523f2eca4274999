// The machine in the page, without a page: sessions begin, and the kernel does what the chapters say.

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { Machine } from "../theme/modules/machine.js";

/** What scripts/browser-vm made. */
const folder = process.env.MACHINE ?? "target/book/machine";

/** Milliseconds that a command may take: the machine is emulated, and computers are busy. */
const PATIENCE = 180_000;

const PROMPT = /\x1b\]133;A;(\d+);\d*\x07[$#] $/;
const INVISIBLE = /\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r/g;

let machine;
let printed;

before(async () => {
  machine = await Machine.start(pathToFileURL(`${resolve(folder)}/`));
  for (const terminal of [0, 1, 2]) {
    machine.onOutput(terminal, (bytes) => (printed[terminal] += Buffer.from(bytes).toString()));
  }
});

after(() => machine?.end());

async function begin(head) {
  printed = ["", "", ""];
  const answer = await machine.ask({ do: "begin", session: `# title: A test\n${head}\n` });
  await prompt(0);
  return answer;
}

async function prompt(terminal) {
  const end = Date.now() + PATIENCE;
  while (!PROMPT.test(printed[terminal])) {
    assert.ok(Date.now() < end, `no prompt: ${printed[terminal].slice(-500)}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** Types a line; what is printed until the next prompt, and how the command ended. */
async function type(line, terminal = 0) {
  await prompt(terminal);
  printed[terminal] = "";
  machine.send(terminal, `${line}\r`);
  await prompt(terminal);
  const status = Number(PROMPT.exec(printed[terminal])[1]);
  const lines = printed[terminal].replace(INVISIBLE, "").split("\n").slice(1, -1);
  return { text: lines.join("\n"), status };
}

test("a session is a shell with a name, a user and a clock", async () => {
  const answer = await begin("# as: student\n# hostname: box");
  assert.deepEqual(answer.terminals, ["", "host"]);
  assert.equal((await type("id -un; hostname")).text, "student\nbox");
  const { text } = await type("date +%s");
  assert.ok(Math.abs(Number(text) - Date.now() / 1000) < 120, text);
  assert.equal((await type("false")).status, 1);
});

test("terminals are named by the session's parts, and have the size that they are told", async () => {
  const answer = await begin("# as: root\n[one]\n# ls\n[two @box]\n# ls\n[three]\n# ls");
  assert.deepEqual(answer.terminals, ["", "box"]);
  await machine.ask({ do: "size", terminal: 1, columns: 90, rows: 30 });
  assert.equal((await type("stty size", 1)).text, "30 90");
  assert.equal((await type("tty")).text, "/dev/pts/0");
});

test("of the sessions that have begun ahead, the one that is wanted stays alone", async () => {
  await machine.fresh();
  await begin("# as: student");
  // Who is not wanted takes a moment to end.
  await type("cd /sys/fs/cgroup; while [ -e user.slice/user-0.slice ]; do sleep 0.1; done");
  const { text } = await type("find . -mindepth 1 -type d | sort");
  const own = ["init.scope", "user.slice", "user.slice/user-1000.slice", "user.slice/user-1000.slice/session-1.scope"];
  assert.deepEqual(text.split("\n"), own.map((name) => `./${name}`));
});

test("what the desk can't do it says in a sentence", async () => {
  await begin("");
  await assert.rejects(machine.ask({ do: "dance" }), /the desk knows no "dance"/);
  await assert.rejects(machine.ask({ do: "begin", session: "# nobody: x" }), /there is no "nobody"/);
});

test("02: a PID namespace has a process 1 of its own", async () => {
  await begin("# as: root");
  const { text } = await type("unshare --pid --fork --mount-proc ps -o pid,args");
  assert.match(text, /^\s+1 ps -o pid,args$/m);
  assert.match((await type("sol02-pid-namespace run sh -c 'echo $$'")).text, /^1$/m);
});

test("03: a packet leaves a network namespace with another's address", async () => {
  await begin("# as: root");
  const { text, status } = await type(
    "ip netns add box && ip link add outer type veth peer name inner netns box && ip addr add 10.9.0.1/24 dev outer && " +
      "ip link set outer up && ip -n box addr add 10.9.0.2/24 dev inner && ip -n box link set inner up && " +
      "nft 'table ip t { chain c { type nat hook postrouting priority 100; ip saddr 10.9.0.0/24 masquerade; }; }' && " +
      "nft list ruleset && ip netns exec box ping -c 1 10.9.0.1",
  );
  assert.equal(status, 0, text);
  assert.match(text, /masquerade/);
  assert.match(text, /1 received/);
});

test("04: who takes more memory than the cgroup has is killed", async () => {
  await begin("# as: root");
  const command = "tail /dev/zero";
  const { status } = await type(`sol04-cgroup-limits run -m 16M --memory-swap 16M ${command}`);
  assert.equal(status, 137);
});

test("05: layers, also for an ordinary user", async () => {
  await begin("# as: student");
  const { text, status } = await type(
    "mkdir low up work merged; echo deep >low/file; unshare --user --map-root-user --mount sh -c " +
      "'mount -t overlay overlay -o lowerdir=low,upperdir=up,workdir=work,userxattr merged && cat merged/file'",
  );
  assert.equal(status, 0, text);
  assert.equal(text, "deep");
});

test("06: an image comes from the machine's own registry, and runs", async () => {
  await begin("# as: root\n[pull]\n# ls\n[serve @registry]\n# ls");
  machine.send(1, "coracle registry\r");
  const end = Date.now() + PATIENCE;
  while (!/5555/.test(printed[1])) {
    assert.ok(Date.now() < end, printed[1]);
    await new Promise((done) => setTimeout(done, 50));
  }
  const { status, text } = await type("sol06-image-pull pull localhost:5555/base");
  assert.equal(status, 0, text);
  assert.match((await type("sol06-image-pull run localhost:5555/base echo it runs")).text, /it runs/);
});

test("coracle tour tells the whole story", async () => {
  await begin("# as: root");
  const { status, text } = await type("set -o pipefail; coracle tour </dev/null | tail -n 16");
  assert.equal(status, 0, text);
  assert.match(text, /Hello from an image of three layers/);
});

test("the desk inspects who is in the foreground", async () => {
  await begin("# as: root");
  machine.send(0, "unshare --uts --pid --fork sleep 1000\r");
  await new Promise((done) => setTimeout(done, 2000));
  const { process, seen } = await machine.ask({ do: "inspect", terminal: 0 });
  assert.equal(process.command, "sleep 1000");
  assert.equal(seen.status.ns_pids.at(-1), 1, JSON.stringify(seen));
  assert.equal(seen.mounts[0].target, "/");
});

test("fresh: nothing is left", async () => {
  await begin("# as: root");
  await type("touch /tmp/mine; mkdir /sys/fs/cgroup/mine");
  const begun = Date.now();
  await machine.fresh();
  assert.ok(Date.now() - begun < 5000);
  await begin("# as: root");
  assert.equal((await type("ls /tmp; ls -d /sys/fs/cgroup/mine")).status, 2);
});

test("a new session begins without the last one's processes and cgroups", async () => {
  await begin("# as: root");
  await type("mkdir /sys/fs/cgroup/mine; sleep 1000 &");
  await begin("# as: root\n# all-processes: yes");
  assert.doesNotMatch((await type("ps ax")).text, /sleep 1000/);
  assert.equal((await type("ls -d /sys/fs/cgroup/mine")).status, 2);
});
