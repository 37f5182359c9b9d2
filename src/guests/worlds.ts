/** The images of the worlds: a hypervisor, the kernel of its virtual machines, their programs and files. */

const image = (name: string): URL => new URL(`../guests/worlds/${name}`, import.meta.url);

/** Where they are. */
export const WORLD_IMAGES = {
  hypervisor: image("hypervisor.elf"),
  kernel: image("kernel.elf"),
  initrd: image("initrd.tar"),
} as const satisfies Readonly<Record<string, URL>>;
