import { assert } from "@std/assert";
import { translate } from "../../src/frontend/translate.ts";
import { HELPER_NAMES, helperInfo } from "../../src/cpu/helpers.ts";
import { FloatMode, Mode } from "../../src/cpu/mode.ts";
import { STATE_EFFECTS } from "../../src/cpu/state_effects.ts";
import { cellOfName, nameOfCell } from "../../src/cpu/state_names.ts";
import { parse } from "../../src/ir/parse.ts";
import { optimize } from "../../src/ir/passes/optimize.ts";
import { print } from "../../src/ir/print.ts";
import { verify } from "../../src/ir/verify.ts";

const NAMES = { cell: nameOfCell, helper: (id: number): string | undefined => HELPER_NAMES[id] };
const NUMBERS = {
  cell: cellOfName,
  helper: (name: string): number => HELPER_NAMES.findIndex((n) => n === name),
};
const OPTIONS = { names: NAMES, signatureOf: (id: number): string => helperInfo(id).signature };

/** Modes that the same bytes are translated for. */
const MODES = Object.values(FloatMode).map((fp) => 2 | Mode.USER | (fp << Mode.FP_SHIFT));

/** The bytes of an image's executable segment. System V gABI, "Program Header". */
function codeOf(image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset);
  const headers = Number(view.getBigUint64(32, true)), count = view.getUint16(56, true);
  for (let at = headers; at < headers + 56 * count; at += 56) {
    const executable = view.getUint32(at, true) === 1 && (view.getUint32(at + 4, true) & 1) !== 0;
    if (!executable) continue;
    const offset = Number(view.getBigUint64(at + 8, true));
    return image.subarray(offset, offset + Number(view.getBigUint64(at + 32, true)));
  }
  throw new Error("the image has no executable segment");
}

for (const guest of ["hello", "scene"]) {
  Deno.test(`verify() accepts every block of the guest ${guest}, before and after the passes`, () => {
    const code = codeOf(
      Deno.readFileSync(new URL(`../../src/guests/${guest}/${guest}.elf`, import.meta.url)),
    );
    let blocks = 0;
    for (const mode of MODES) {
      for (let at = 0; at < code.length; blocks++) {
        const block = translate(code.subarray(at), 0x1000, BigInt(at), mode);
        if (block === "truncated") break;
        verify(block, OPTIONS);
        const optimized = optimize(block, STATE_EFFECTS);
        verify(optimized, OPTIONS);
        // What the text form says is all there is to a block.
        const text = print(optimized, NAMES);
        assert(print(parse(text, NUMBERS), NAMES) === text, text);
        at += block.length;
      }
    }
    assert(blocks > 50, `only ${blocks} blocks`);
  });
}
