/** Packets that a CD-ROM takes, and what it answers besides its medium. MMC-3 (T10/1363-D), SPC-2 (T10/1236-D). */

/** Bytes of a packet. */
export const PACKET_BYTES = 12;

/** Why a packet fails: sense key, additional sense code and its qualifier. */
export type Sense = readonly [key: number, code: number, qualifier: number];
export const NO_SENSE: Sense = [0, 0, 0];
export const UNKNOWN_COMMAND: Sense = [5, 0x20, 0], INVALID_FIELD: Sense = [5, 0x24, 0];
export const BEHIND_THE_END: Sense = [5, 0x21, 0], REMOVAL_PREVENTED: Sense = [5, 0x53, 2];
export const TRAY_OPEN: Sense = [2, 0x3a, 2], MEDIUM_CHANGED: Sense = [6, 0x28, 0];
export const READ_ERROR: Sense = [3, 0x11, 0];

/** Numbers in packets and answers are big-endian. */
export function numberAt(packet: Uint8Array, at: number, bytes: number): number {
  return packet.subarray(at, at + bytes).reduce((value, byte) => value * 0x100 + byte, 0);
}

function big(bytes: number, value: number): number[] {
  return Array.from({ length: bytes }, (_, n) => Math.floor(value / 2 ** (8 * (bytes - 1 - n))) & 0xff);
}

function text(length: number, value: string): number[] {
  return Array.from({ length }, (_, n) => value.charCodeAt(n) || 0x20);
}

/** Answer to REQUEST SENSE: current, in the fixed format. SPC-2, "REQUEST SENSE". */
export function senseData([key, code, qualifier]: Sense): readonly number[] {
  return [0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0];
}

/** Answer to INQUIRY: a CD-ROM that can be removed. SPC-2, "INQUIRY". */
export const INQUIRY: readonly number[] = [
  ...[0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0],
  ...text(8, "CAUSEWAY"),
  ...text(16, "CD-ROM"),
  ...text(4, "1.0"),
];

/** Answer to READ CAPACITY: the last sector, and bytes of one. */
export function capacity(sectors: number, bytes: number): readonly number[] {
  return [...big(4, sectors - 1), ...big(4, bytes)];
}

/** An address as minutes, seconds and frames, from the start of the disc. MMC-3, "READ TOC/PMA/ATIP". */
const FRAMES = 75, SECONDS = 60, LEAD_IN = 150;
function address(sector: number, inMinutes: boolean): number[] {
  if (!inMinutes) return big(4, sector);
  const frames = sector + LEAD_IN, seconds = Math.floor(frames / FRAMES);
  return [0, Math.floor(seconds / SECONDS) & 0xff, seconds % SECONDS, frames % FRAMES];
}

/** A track of data. */
const DATA_TRACK = 0x14, LEAD_OUT = 0xaa;

/** Answer to READ TOC: one track from the start of the disc on, or its sessions; undefined: none of these. MMC-3, "READ TOC/PMA/ATIP". */
export function tableOfContents(packet: Uint8Array, sectors: number): readonly number[] | undefined {
  const inMinutes = (packet[1]! & 2) !== 0, format = (packet[2]! & 0xf) || packet[9]! >> 6;
  const first = packet[6]!;
  const track = (number: number, sector: number): number[] => [
    ...[0, DATA_TRACK, number, 0],
    ...address(sector, inMinutes),
  ];
  if (format === 1) return [0, 10, 1, 1, ...track(1, 0)];
  if (format !== 0 || (first > 1 && first !== LEAD_OUT)) return undefined;
  const tracks = [...first <= 1 ? track(1, 0) : [], ...track(LEAD_OUT, sectors)];
  return [...big(2, 2 + tracks.length), 1, 1, ...tracks];
}

/** Profiles: what the disc is, by its size. MMC-3, "Profile List". */
const CD_ROM = 0x0008, DVD_ROM = 0x0010, CD_SECTORS = 80 * SECONDS * FRAMES;
/** Features: number, version with the bits "persistent" and "current", and what follows. MMC-3, "Features". */
const features = (
  profile: number,
): readonly { readonly number: number; readonly bytes: readonly number[] }[] => {
  const isCurrent = (of: number): number => profile === of ? 1 : 0;
  const feature = (number: number, flags: number, data: readonly number[]) => ({
    number,
    bytes: [...big(2, number), flags, data.length, ...data],
  });
  return [
    feature(0x0000, 3, [
      ...[...big(2, DVD_ROM), isCurrent(DVD_ROM), 0],
      ...[...big(2, CD_ROM), isCurrent(CD_ROM), 0],
    ]),
    feature(0x0001, 3, [0, 0, 0, 2]), // core: ATAPI
    feature(0x0003, 3, [0x29, 0, 0, 0]), // the medium can be removed, and locked: a tray
    feature(0x0010, 1, [0, 0, 8, 0, 0, 1, 0, 0]), // random reads, of 2048 bytes
    feature(0x001e, isCurrent(CD_ROM), []), // READ CD
  ];
};

/** Answer to GET CONFIGURATION. MMC-3, "GET CONFIGURATION". */
export function configuration(packet: Uint8Array, sectors: number): readonly number[] {
  const profile = sectors === 0 ? 0 : sectors > CD_SECTORS ? DVD_ROM : CD_ROM;
  const which = packet[1]! & 3, start = numberAt(packet, 2, 2);
  const chosen = features(profile).filter(({ number, bytes }) =>
    which === 2 ? number === start : number >= start && (which === 0 || (bytes[2]! & 1) !== 0)
  ).flatMap(({ bytes }) => bytes);
  return [...big(4, 4 + chosen.length), 0, 0, ...big(2, profile), ...chosen];
}

/** Answer to GET EVENT STATUS NOTIFICATION: about the medium, if that is asked for; its length is what follows the header. MMC-5, "GET EVENT STATUS NOTIFICATION". */
const MEDIA_CLASS = 4, NO_SUCH_EVENT = 0x80, NEW_MEDIUM = 2, PRESENT = 2, OPEN = 1;
export function mediaEvent(packet: Uint8Array, isOpen: boolean, isNew: boolean): readonly number[] {
  const supported = 1 << MEDIA_CLASS;
  if ((packet[4]! & supported) === 0) return [0, 0, NO_SUCH_EVENT, supported];
  return [0, 4, MEDIA_CLASS, supported, isNew ? NEW_MEDIUM : 0, isOpen ? OPEN : PRESENT, 0, 0];
}

/** Answer to MODE SENSE(10): a page, or all of them; undefined: there is none such. MMC-3, "Mode Parameters". */
export function modePages(packet: Uint8Array, isLocked: boolean): readonly number[] | undefined {
  const pages: Readonly<Record<number, readonly number[]>> = {
    0x01: [0x01, 6, 0, 5, 0, 0, 0, 0], // read error recovery
    // Capabilities: reads CD-R and CD-RW, modes 2 in forms 1 and 2, several sessions; locks, ejects, has a tray.
    0x2a: [0x2a, 18, 0x03, 0x00, 0x70, 0x00, 0x29 | (isLocked ? 2 : 0), 0, ...big(2, 706), 0, 2, 0, 0]
      .concat(big(2, 706), [0, 0, 0, 0]),
  };
  const code = packet[2]! & 0x3f;
  const chosen = code === 0x3f ? Object.values(pages).flat() : pages[code];
  // Values that are saved: there are none.
  if (chosen === undefined || packet[2]! >> 6 === 3) return undefined;
  return [...big(2, 6 + chosen.length), 0, 0, 0, 0, 0, 0, ...chosen];
}
