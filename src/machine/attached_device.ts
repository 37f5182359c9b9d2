/** Devices of a machine that are not ours: what they are given, and what is asked of them. docs/devices.md. */
import type { AnyStateful, StatefulParts } from "../snapshot/stateful.ts";
import type { Bus, MmioDevice, PortDevice } from "./bus.ts";
import type { Schedule } from "./schedule.ts";

/** What a device finds on the board that it is attached to. */
export interface Board {
  /** Virtual time, in cycles: a nanosecond each. A device has no other time. */
  now(): number;
  /** Drives the device's interrupt line up or down. Lines are active high; the rising edge is the request. */
  interrupt(level: boolean): void;
  /**
   * Reads RAM at a physical address, as a bus master does.
   *
   * @throws {RangeError} outside RAM
   */
  read(address: number, size: number): Uint8Array;
  /** `nextEvent` of the device may give an earlier moment than before. */
  changed(): void;
  /** Writes RAM. Code that was translated from there is forgotten. */
  write(address: number, bytes: Uint8Array): void;
}

/** A device that a machine is given. It belongs to one machine. */
export interface AttachedDevice extends AnyStateful {
  /** What it is, and which one if there are several: snapshots name its state so. */
  readonly name: string;
  /** Its interrupt line, 3 to 15: an input of the 8259 pair and of the I/O APIC. */
  readonly line?: number | undefined;
  /** Its ranges of I/O ports. */
  readonly ports?: readonly PortDevice[];
  /** Its pages of physical addresses, outside RAM. */
  readonly pages?: readonly MmioDevice[];
  /** When something happens in it by itself, in virtual time; Infinity: nothing does. */
  nextEvent?(): number;
  /** Does what has happened until `now`, which is not before that. */
  advance?(now: number): void;
  /** It is being attached. Its state is what it was made with, or, later, what `loadState` restores. */
  attach?(board: Board): void;
}

/** What devices are attached to. */
export interface Attachment {
  readonly bus: Bus;
  readonly parts: StatefulParts;
  readonly schedule: Schedule;
  readonly board: Omit<Board, "interrupt" | "changed">;
  readonly ramBytes: number;
  setLine(line: number, level: boolean): void;
}

const FIRST_LINE = 3, LAST_LINE = 15;
const PAGE_BYTES = 0x1000;

/**
 * Attaches a device.
 *
 * @throws {RangeError} if its ports, pages or line are those of another one, or there are no such
 */
export function attachDevice(device: AttachedDevice, attachment: Attachment): void {
  const { name, line, ports = [], pages = [] } = device, { bus, parts, board, schedule } = attachment;
  if (line !== undefined && (!Number.isInteger(line) || line < FIRST_LINE || line > LAST_LINE)) {
    throw new RangeError(`Cannot attach ${name}: its line ${line} is not from ${FIRST_LINE} to ${LAST_LINE}`);
  }
  for (const { ports: [first, count] } of ports) {
    for (let port = first; port < first + count; port++) {
      if (port > 0xffff || bus.hasPort(port)) {
        throw new RangeError(`Cannot attach ${name}: its port 0x${port.toString(16)} is taken, or none`);
      }
    }
  }
  for (const { page } of pages) {
    if (page % PAGE_BYTES !== 0 || page < attachment.ramBytes || bus.hasPage(page)) {
      throw new RangeError(
        `Cannot attach ${name}: its page 0x${page.toString(16)} is taken, in RAM, or no address of a page`,
      );
    }
  }
  for (const range of ports) bus.addPorts(range);
  for (const page of pages) bus.addPage(page);
  parts.add(`attached ${name}`, device);
  device.attach?.({
    ...board,
    changed: () => schedule.refresh(),
    interrupt: (level) => {
      if (line === undefined) throw new TypeError(`${name} drives its interrupt line, but has none`);
      attachment.setLine(line, level);
    },
  });
  if (device.nextEvent === undefined || device.advance === undefined) return;
  const timed = {
    nextEvent: () => device.nextEvent!(),
    advance: (now: number) => device.advance!(now),
  };
  schedule.add(timed, () => line !== undefined);
}
