/** Makes a failing case small: fewer instructions, plainer registers. */
import { decode } from "../../src/frontend/decode.ts";
import type { Case } from "./case.ts";

/** The smallest case found that still fails. */
export async function shrink(one: Case, fails: (candidate: Case) => Promise<boolean>): Promise<Case> {
  let best = one;
  for (let again = true; again;) {
    again = false;
    for (const candidate of candidates(best)) {
      if (!(await fails(candidate))) continue;
      best = candidate;
      again = true;
      break;
    }
  }
  return best;
}

function* candidates(one: Case): Iterable<Case> {
  const pieces = one.whole === true ? [one.code] : split(one);
  for (let n = pieces.length - 1; n >= 0 && pieces.length > 1; n--) {
    yield { ...one, code: join(pieces.filter((_, index) => index !== n)) };
  }
  if (one.offset !== 0x100) yield { ...one, offset: 0x100 };
  for (let n = 0; n < 16; n++) {
    if (one.gpr[n] === 0n) continue;
    const gpr = one.gpr.slice();
    gpr[n] = 0n;
    yield { ...one, gpr };
  }
  if (one.rflags !== 0x202) yield { ...one, rflags: 0x202 };
  if (one.fx.subarray(160, 416).some((byte) => byte !== 0)) {
    const fx = one.fx.slice();
    fx.fill(0, 160, 416);
    yield { ...one, fx };
  }
}

function split({ code, codeSize }: Case): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < code.length;) {
    const decoded = decode(code, at, code.length - at, codeSize);
    const length = "failure" in decoded ? code.length - at : decoded.length;
    pieces.push(code.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}
