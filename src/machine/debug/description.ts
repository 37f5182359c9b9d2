/** Target descriptions in XML, which tell GDB of the registers. GDB manual, appendix G. */
import type { DebugView, Feature } from "./registers.ts";

type Field = readonly [name: string, bit: number];

const EFLAGS: readonly Field[] = [
  ["CF", 0],
  ["", 1],
  ["PF", 2],
  ["AF", 4],
  ["ZF", 6],
  ["SF", 7],
  ["TF", 8],
  ["IF", 9],
  ["DF", 10],
  ["OF", 11],
  ["NT", 14],
  ["RF", 16],
  ["VM", 17],
  ["AC", 18],
  ["VIF", 19],
  ["VIP", 20],
  ["ID", 21],
];

const MXCSR: readonly Field[] = [
  ...["IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM", "ZM", "OM", "UM", "PM"].map((name, n) =>
    [name, n] as const
  ),
  ["FZ", 15],
];

const flags = (id: string, fields: readonly Field[]): string =>
  `<flags id="${id}" size="4">${
    fields.map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`).join("")
  }</flags>`;

const VECTORS = [
  ["v4_float", "v4f", "ieee_single", 4],
  ["v2_double", "v2d", "ieee_double", 2],
  ["v16_int8", "v16i8", "int8", 16],
  ["v8_int16", "v8i16", "int16", 8],
  ["v4_int32", "v4i32", "int32", 4],
  ["v2_int64", "v2i64", "int64", 2],
] as const;

const VEC128 = [
  ...VECTORS.map(([, id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
  `<union id="vec128">`,
  ...VECTORS.map(([name, id]) => `<field name="${name}" type="${id}"/>`),
  `<field name="uint128" type="uint128"/></union>`,
].join("");

/** Types that features define, by the feature's name. */
const TYPES: Readonly<Record<string, string>> = {
  "org.gnu.gdb.i386.core": flags("i386_eflags", EFLAGS),
  "org.gnu.gdb.i386.sse": VEC128 + flags("i386_mxcsr", MXCSR),
};

/** The description of a view. */
export function describe(view: DebugView, features: readonly Feature[], isProgram: boolean): string {
  let number = 0;
  const body = features.map(({ name, registers }) => {
    const lines = registers.map(({ name, bits, type }) =>
      `<reg name="${name}" bitsize="${bits}" type="${type}" regnum="${number++}"/>`
    );
    return `<feature name="${name}">${TYPES[name] ?? ""}${lines.join("\n")}</feature>`;
  });
  return [
    `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">`,
    `<target version="1.0"><architecture>${view === "x86-64" ? "i386:x86-64" : view}</architecture>`,
    isProgram ? "<osabi>GNU/Linux</osabi>" : "",
    ...body,
    "</target>\n",
  ].join("\n");
}
