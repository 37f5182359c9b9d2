/** The few terms of the ACPI machine language that our DSDT needs. ACPI 6.4, section 20.2. */

const ZERO = 0x00, NAME = 0x08, BYTE = 0x0a, WORD = 0x0b, DOUBLE_WORD = 0x0c, SCOPE = 0x10, BUFFER = 0x11;
const PACKAGE = 0x12, EXTENDED = 0x5b, DEVICE = 0x82;

/** Encoded terms. */
export type Aml = readonly number[];

/** An integer. */
export function integer(value: number): Aml {
  if (value === 0) return [ZERO];
  if (value <= 0xff) return [BYTE, value];
  if (value <= 0xffff) return [WORD, value & 0xff, value >> 8];
  return [DOUBLE_WORD, ...[0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff)];
}

/** A package of integers. */
export function packageOf(...values: readonly number[]): Aml {
  return [PACKAGE, ...counted([values.length, ...values.flatMap(integer)])];
}

/** A package of other terms. */
export function packageOfTerms(...terms: readonly Aml[]): Aml {
  return [PACKAGE, ...counted([terms.length, ...terms.flat()])];
}

/** A buffer. */
export function buffer(bytes: readonly number[]): Aml {
  return [BUFFER, ...counted([...integer(bytes.length), ...bytes])];
}

/** A name for a value. */
export function named(name: string, value: Aml): Aml {
  return [NAME, ...nameString(name), ...value];
}

/** Names within a scope, `\_SB` for instance. */
export function scope(name: string, ...terms: readonly Aml[]): Aml {
  return [SCOPE, ...counted([...nameString(name), ...terms.flat()])];
}

/** A device. */
export function device(name: string, ...terms: readonly Aml[]): Aml {
  return [EXTENDED, DEVICE, ...counted([...nameString(name), ...terms.flat()])];
}

/** A hardware ID such as PNP0501, compressed. Section 19.3.4 ("EISAID"). */
export function eisaId(id: string): Aml {
  const [a, b, c] = [0, 1, 2].map((n) => id.charCodeAt(n) - 0x40) as [number, number, number];
  const product = parseInt(id.slice(3), 16);
  return [DOUBLE_WORD, (a << 2) | (b >> 3), ((b & 7) << 5) | c, product >> 8, product & 0xff];
}

/** Resources of a device: I/O ports (fixed), an edge-triggered interrupt. Section 6.4.2. */
export function resources(ports: readonly (readonly [first: number, count: number])[], line?: number): Aml {
  const END = [0x79, 0], IO = 0x47, DECODES_16 = 1, IRQ = 0x22;
  return buffer([
    ...ports.flatMap(([first, count]) => [
      IO,
      DECODES_16,
      first & 0xff,
      first >> 8,
      first & 0xff,
      first >> 8,
      1,
      count,
    ]),
    ...(line === undefined ? [] : [IRQ, (1 << line) & 0xff, (1 << line) >> 8]),
    ...END,
  ]);
}

/** Names have segments of four characters; `\` stands for the root. */
function nameString(name: string): Aml {
  const root = name.startsWith("\\"), segment = root ? name.slice(1) : name;
  return [...(root ? [0x5c] : []), ...new TextEncoder().encode(segment.padEnd(4, "_"))];
}

/** PkgLength, which counts its own bytes, and what it counts. */
function counted(body: Aml): Aml {
  for (let extra = 0;; extra++) {
    const length = body.length + 1 + extra;
    if (extra === 0 && length < 0x40) return [length, ...body];
    if (extra > 0 && length < 2 ** (4 + 8 * extra)) {
      const rest = Array.from({ length: extra }, (_, n) => (length >> (4 + 8 * n)) & 0xff);
      return [(extra << 6) | (length & 0xf), ...rest, ...body];
    }
  }
}
