/** Cylinders, heads and sectors of a disk, for those who do not address it by LBA. ATA/ATAPI-6, section 6.2. */

/** How a disk is divided. Sectors of a track count from 1. */
export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectors: number;
}

const HEADS = 16, SECTORS = 63, MOST_CYLINDERS = 16383;

/** A disk of so many sectors, divided into so many heads and sectors of a track. */
export function divided(total: number, heads: number, sectors: number): Geometry {
  const cylinders = Math.min(MOST_CYLINDERS, Math.max(1, Math.floor(total / (heads * sectors))));
  return { cylinders, heads, sectors };
}

/** How a disk of so many sectors is divided when it is switched on. */
export function defaultGeometry(total: number): Geometry {
  return divided(total, HEADS, SECTORS);
}
