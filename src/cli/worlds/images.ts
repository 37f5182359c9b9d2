/** Finds the images that the case studies boot. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WORLD_IMAGES } from "../../guests/worlds.ts";
import { readInput } from "../input.ts";
import type { WorldImages } from "./measure.ts";

const NAMES = { hypervisor: "hypervisor.elf", kernel: "kernel.elf", initrd: "initrd.tar" } as const;

/** The images in a folder; without one, those that ship with the project. */
export async function loadImages(folder: string | undefined): Promise<WorldImages> {
  const load = folder === undefined
    ? (name: keyof WorldImages): Promise<Uint8Array> => readShipped(WORLD_IMAGES[name])
    : (name: keyof WorldImages): Promise<Uint8Array> => Promise.resolve(readInput(join(folder, NAMES[name])));
  const [hypervisor, kernel, initrd] = await Promise.all([
    load("hypervisor"),
    load("kernel"),
    load("initrd"),
  ]);
  return { hypervisor, kernel, initrd };
}

async function readShipped(image: URL): Promise<Uint8Array> {
  if (image.protocol === "file:") return new Uint8Array(readFileSync(image));
  return new Uint8Array(await (await fetch(image)).arrayBuffer());
}
