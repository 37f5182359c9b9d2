/** What a saved state looks like: shapes that describe plain values, and check whatever claims to be one. */

/** A plain value, as a snapshot holds it. */
export type StateValue =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly StateValue[]
  | { readonly [field: string]: StateValue };

/** Describes the values of a type. */
export interface Shape<T> {
  /**
   * Checks a value of unknown origin.
   *
   * @param place where it stands, for the message
   * @throws {StateError} if it is no such value
   */
  check(value: StateValue, place: string): T;
}

/** The type that a shape describes. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

/** A saved state is not what it should be. */
export class StateError extends Error {
  override readonly name = "StateError";
}

/** Says that a value is not what is expected at its place. */
export function refuse(place: string, expected: string): never {
  throw new StateError(`${place} is not ${expected}`);
}

/** True or false. */
export const bool: Shape<boolean> = {
  check: (value, place) => typeof value === "boolean" ? value : refuse(place, "true or false"),
};

/** A text. */
export const text: Shape<string> = {
  check: (value, place) => typeof value === "string" ? value : refuse(place, "a text"),
};

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Shape<number> {
  return {
    check: (value, place) =>
      typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
        ? value
        : refuse(place, `a whole number from ${least} to ${most}`),
  };
}

/** Registers of 8, 16 and 32 bits, without sign. */
export const u8: Shape<number> = whole(0, 0xff);
export const u16: Shape<number> = whole(0, 0xffff);
export const u32: Shape<number> = whole(0, 0xffff_ffff);
/** 32 bits with sign, as the words of typed arrays and results of bit operations are. */
export const i32: Shape<number> = whole(-0x8000_0000, 0x7fff_ffff);

/** 64 bits without sign. */
export const u64: Shape<bigint> = {
  check: (value, place) =>
    typeof value === "bigint" && value === BigInt.asUintN(64, value) ? value : refuse(place, "64 bits"),
};

/** A moment or span of virtual time, in cycles; Infinity (never) and fractions are possible. */
export const time: Shape<number> = {
  check: (value, place) =>
    typeof value === "number" && !Number.isNaN(value) ? value : refuse(place, "a virtual time"),
};

/** Bytes: exactly `length` of them, if that is given. */
export function bytes(length?: number): Shape<Uint8Array> {
  return {
    check: (value, place) =>
      value instanceof Uint8Array && (length === undefined || value.length === length)
        ? value
        : refuse(place, length === undefined ? "bytes" : `${length} bytes`),
  };
}

/** One of some texts. */
export function oneOf<const T extends string>(...choices: readonly T[]): Shape<T> {
  return {
    check: (value, place) =>
      choices.find((choice) => choice === value) ?? refuse(place, `one of ${choices.join(", ")}`),
  };
}

/** A value or undefined. */
export function maybe<T>(shape: Shape<T>): Shape<T | undefined> {
  return { check: (value, place) => value === undefined ? undefined : shape.check(value, place) };
}

/** A list: of exactly `length` values, if that is given. */
export function list<T>(shape: Shape<T>, length?: number): Shape<readonly T[]> {
  return {
    check: (value, place) =>
      Array.isArray(value) && (length === undefined || value.length === length)
        ? value.map((item: StateValue, n) => shape.check(item, `${place}[${n}]`))
        : refuse(place, length === undefined ? "a list" : `a list of ${length}`),
  };
}

/** Named fields: all of them, and no others. */
export function fields<const F extends Readonly<Record<string, Shape<unknown>>>>(
  shapes: F,
): Shape<{ readonly [N in keyof F]: Shaped<F[N]> }> {
  const names = Object.keys(shapes);
  return {
    check: (value, place) => {
      if (!isFields(value)) return refuse(place, "a set of fields");
      const stray = Object.keys(value).find((name) => !names.includes(name));
      if (stray !== undefined) throw new StateError(`${place} has an unknown field ${stray}`);
      const entries = names.map((name) => [name, shapes[name]!.check(value[name], `${place}.${name}`)]);
      return Object.fromEntries(entries) as { readonly [N in keyof F]: Shaped<F[N]> };
    },
  };
}

/** A shape with a condition that it alone cannot express. */
export function such<T, N extends T>(
  shape: Shape<T>,
  holds: (value: T) => value is N,
  expected: string,
): Shape<N>;
export function such<T>(shape: Shape<T>, holds: (value: T) => boolean, expected: string): Shape<T>;
export function such<T>(shape: Shape<T>, holds: (value: T) => boolean, expected: string): Shape<T> {
  return {
    check: (value, place) => {
      const checked = shape.check(value, place);
      return holds(checked) ? checked : refuse(place, expected);
    },
  };
}

/** Whether a value is an object with fields. */
export function isFields(value: StateValue): value is { readonly [field: string]: StateValue } {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}
