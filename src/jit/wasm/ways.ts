/** Ways into compiled code, as WebAssembly regions return them to the driver. */

/** Bits of the block's number in a way. */
export const WAY_BLOCK_BITS = 8;
/** Most blocks of a region. */
export const MOST_BLOCKS: number = 1 << WAY_BLOCK_BITS;

/** The way into a block of the region at a place of the table: negative as a 32-bit integer, unlike numbers of exits. */
export const wayOf = (place: number, block: number): number =>
  -0x8000_0000 | (place << WAY_BLOCK_BITS) | block;
