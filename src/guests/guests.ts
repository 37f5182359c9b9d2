/** The guests that ship with the project: C sources, and the static x86-64 Linux programs built from them. */

/** A guest of ours. */
export interface Guest {
  readonly name: string;
  /** What it does, in one line. */
  readonly description: string;
  /** The program. */
  readonly image: URL;
  /** Its source. */
  readonly source: URL;
}

const guest = (name: string, description: string): Guest => ({
  name,
  description,
  image: new URL(`../guests/${name}/${name}.elf`, import.meta.url),
  source: new URL(`../guests/${name}/${name}.c`, import.meta.url),
});

/** All guests. */
export const GUESTS: readonly Guest[] = [
  guest("hello", "greets its arguments; its exit code is their number"),
  guest("scene", "ray-traces mirroring spheres, animated in colour on a terminal"),
];
