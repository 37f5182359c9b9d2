/** Which drives an IDE controller has: as options ask for them, and as configurations tell. */
import { bool, fields, maybe, type Shape, such, whole } from "../../snapshot/shape.ts";
import { CD_SECTOR, SECTOR, whyNoDisk } from "../disk.ts";

/** Places of drives: two channels, with two each. */
export const IDE_PLACES = ["primaryMaster", "primarySlave", "secondaryMaster", "secondarySlave"] as const;
export type IdePlace = typeof IDE_PLACES[number];

/** Something for each place that has a drive. */
export type AtIdePlaces<T> = { readonly [P in IdePlace]?: T | undefined };

/** Size of a drive's image in bytes, and whether it is a CD-ROM. */
export type IdeDriveSize = { readonly bytes: number; readonly cdrom: boolean };

/** Bytes of a drive's sectors. */
export function sectorOf(cdrom: boolean): number {
  return cdrom ? CD_SECTOR : SECTOR;
}

const DRIVE: Shape<IdeDriveSize> = such(
  fields({ bytes: whole(1, Number.MAX_SAFE_INTEGER), cdrom: bool }),
  ({ bytes, cdrom }) => whyNoDisk(bytes, sectorOf(cdrom)) === undefined,
  "the size of a drive",
);
/** Drives by places; undefined: there is no controller. */
export const IDE_DRIVES: Shape<AtIdePlaces<IdeDriveSize> | undefined> = maybe(
  fields({
    primaryMaster: maybe(DRIVE),
    primarySlave: maybe(DRIVE),
    secondaryMaster: maybe(DRIVE),
    secondarySlave: maybe(DRIVE),
  }),
);

/** The same about each drive that there is; undefined: there is none. */
export function atIdePlaces<T, U>(
  drives: AtIdePlaces<T>,
  map: (drive: T, place: IdePlace) => U,
): AtIdePlaces<U> | undefined {
  const entries = IDE_PLACES.flatMap((place) => {
    const drive = drives[place];
    return drive === undefined ? [] : [[place, map(drive, place)] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
