/** What must come out the same in every host: in the test's, and in a page. */

const ENGINES = ["interpreter", "js", "wasm", "auto"];
/** Instructions after which the computer of the snapshot is looked at again. */
const LATER = 1_500_000;

/** SHA-256 in hexadecimal. */
async function digestOf(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Runs a program, a processor, a hypervisor with its guest, and a snapshot of a computer with three processors that is
 * carried on, in each engine.
 *
 * @param library the library's exports
 * @param images bytes by name: `hello`, `scene`, `lab`, `snapshot`
 */
export async function resultsOf({ runProgram, createProcessor, bootMachine, loadMachine }, images) {
  const results = {};
  for (const engine of ENGINES) {
    const hello = runProgram({ program: images.hello, args: ["Ada"], engine });
    const scene = runProgram({ program: images.scene, engine });
    const cpu = createProcessor({ engine });
    cpu.load(Uint8Array.of(0x48, 0x01, 0xd8, 0xf4)); // ADD RAX, RBX; HLT
    cpu.set("rax", -1n);
    cpu.set("rbx", 2n);
    const lab = bootMachine({ kernel: images.lab, vmx: true, engine }), end = lab.run();
    const machine = await loadMachine(images.snapshot, { engine });
    machine.run({ instructions: LATER - machine.instructions });
    results[engine] = {
      hello: [hello.stdout, hello.exitCode, hello.statistics.instructions],
      scene: [await digestOf(scene.stdoutBytes), scene.statistics.instructions],
      processor: [cpu.run().kind, String(cpu.get("rax")), String(cpu.get("rflags"))],
      lab: [lab.console.text, end.kind, lab.instructions],
      snapshot: [await digestOf(await machine.snapshot()), machine.instructions],
    };
  }
  return results;
}
