/** Runs IR blocks in each engine directly, without a frontend or dispatcher, over 2 MB of memory mapped one to one. */
import type { Engine, Exit } from "../../src/jit/engine.ts";
import { Interpreter } from "../../src/jit/interpreter/interpreter.ts";
import { JsEngine } from "../../src/jit/js/engine.ts";
import { WasmEngine } from "../../src/jit/wasm/engine.ts";
import { optimize } from "../../src/ir/passes/optimize.ts";
import type { Block } from "../../src/ir/types.ts";
import { BUDGET, EVENT, EVENT_ERROR, EVENT_VECTOR, RIP, STATE_BYTES } from "../../src/cpu/state.ts";
import { STATE_EFFECTS } from "../../src/cpu/state_effects.ts";
import { type LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";
import { Bare } from "../jit/_bare.ts";

/** Budget that blocks start with. */
const BUDGET_AT_START = 1000;

/** A block made ready for an engine: may be run any number of times. */
export type Runnable = () => void;

/** A way to run blocks. */
export interface BlockEngine {
  readonly name: string;
  /** Makes blocks ready. `make` is called once: passes change the block they are given. */
  prepare(make: () => Block): Runnable;
}

/** Engines over one linear memory. */
export class BlockEngines {
  readonly memory: LinearMemory;
  readonly all: readonly BlockEngine[];

  constructor() {
    const { processor, memory } = new Bare({ engine: "js" });
    const { bindings } = processor.dispatcher;
    this.memory = memory;
    const js = new JsEngine(bindings), wasm = new WasmEngine(bindings);
    const reference = new Interpreter(bindings), inWasm = new Interpreter(bindings, wasm);
    let regions = 0;
    const interpreted = (interpreter: Interpreter, block: Block): Runnable => {
      const program = interpreter.prepare(block);
      return () => void interpreter.run(program);
    };
    const compiled = (engine: Engine, block: Block): Runnable => {
      const region = engine.compile({
        blocks: [block],
        id: ++regions,
        targets: [[]],
        open: true,
        isGuest: false,
      });
      return () => settle(memory.i32, region.exits[region.run(0)]!);
    };
    const optimized = (block: Block): Block => optimize(block, STATE_EFFECTS);
    this.all = [
      { name: "interpreter", prepare: (make) => interpreted(reference, make()) },
      { name: "interpreter after the passes", prepare: (make) => interpreted(reference, optimized(make())) },
      { name: "interpreter in wasm", prepare: (make) => interpreted(inWasm, make()) },
      {
        name: "interpreter in wasm after the passes",
        prepare: (make) => interpreted(inWasm, optimized(make())),
      },
      { name: "js", prepare: (make) => compiled(js, make()) },
      { name: "js after the passes", prepare: (make) => compiled(js, optimized(make())) },
      { name: "wasm", prepare: (make) => compiled(wasm, make()) },
      { name: "wasm after the passes", prepare: (make) => compiled(wasm, optimized(make())) },
    ];
    processor.mmu.enterWorld();
  }

  /** The bytes of the processor state. */
  get state(): Uint8Array {
    return this.memory.u8.subarray(0, STATE_BYTES);
  }

  /** Puts the cells that a block's run begins with in place. */
  begin(): void {
    this.memory.i32[BUDGET >> 2] = BUDGET_AT_START;
    this.memory.i32[EVENT >> 2] = 0;
  }

  /** Guest memory from `address` on. */
  ram(address: number, bytes: number): Uint8Array {
    return this.memory.u8.subarray(RAM_BASE + address, RAM_BASE + address + bytes);
  }
}

/** What the dispatcher does with the exit of a region (jit/dispatcher.ts). */
function settle(m: Int32Array, exit: Exit): void {
  if (exit.kind === "indirect") return;
  m[RIP >> 2] = exit.lo;
  m[(RIP >> 2) + 1] = exit.hi;
  if (exit.kind !== "side" && exit.kind !== "event") return;
  m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
  if (exit.kind === "side") return;
  m[EVENT >> 2] = exit.event;
  m[EVENT_VECTOR >> 2] = exit.vector;
  m[EVENT_ERROR >> 2] = exit.error;
}
