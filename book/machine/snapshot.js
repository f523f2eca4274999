// Boots the machine in Node and takes its snapshot, for book/machine:
//
//   node snapshot.js V86 BIOS VGABIOS KERNEL INITRD MEMORY OUT STAGE…
//
// V86 is the folder with the emulator's files; a STAGE is the head of sessions that are to begin at
// once. What the kernel says is on standard error.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

import { Lines, hardware } from "../theme/modules/machine.js";

const [v86, bios, vgabios, kernel, initrd, memory, out, ...stages] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(`${v86}/libv86.mjs`));
const file = async (path) => ({ buffer: Uint8Array.from(await readFile(path)).buffer });
/** Milliseconds for each step: what takes seconds takes minutes on a busy computer. */
const PATIENCE = 600_000;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const emulator = new V86({
  ...hardware(Number(memory)),
  wasm_path: `${v86}/v86.wasm`,
  bios: await file(bios),
  vga_bios: await file(vgabios),
  bzimage: await file(kernel),
  initrd: await file(initrd),
  cmdline: [
    "console=ttyS2 quiet tsc=reliable no_timer_check",
    // The first files may take more than half of the memory, which is what tmpfs would grant.
    "rootfstype=ramfs",
    // The BIOS keeps 16 MiB for tables that nobody reads.
    `memmap=exactmap memmap=639K@0 memmap=${memory - 1}M@1M`,
    // Nothing ever starts the machine again, which the emulator can't: it stands still instead.
    "panic=0",
  ].join(" "),
  autostart: true,
});
const begun = performance.now();
const say = (what) => console.error(`${((performance.now() - begun) / 1000).toFixed(1)} s: ${what}`);
emulator.add_listener("serial2-output-byte", (byte) => process.stderr.write(Uint8Array.of(byte)));
let lines;
await new Promise((open, failed) => {
  lines = new Lines(open, PATIENCE);
  lines.join(emulator);
  setTimeout(() => failed(new Error("the machine's desk did not open within ten minutes")), PATIENCE).unref();
});
say("the desk is open");
// What the first session of each user leaves behind, later ones need not make again.
for (const user of ["root", "student"]) {
  const session = `# title: The first\n# as: ${user}\n`;
  await lines.ask({ do: "begin", time: Math.floor(Date.now() / 1000), session });
  say(`a session as ${user}`);
}
for (const session of stages) await lines.ask({ do: "ahead", session });
say(`${stages.length} sessions ahead`);
await pause(1000);
await emulator.stop();
await writeFile(out, new Uint8Array(await emulator.save_state()));
say("the snapshot is taken");
process.exit(0);
