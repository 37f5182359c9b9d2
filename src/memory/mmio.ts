/** Memory-mapped devices, as the slow path of an access reaches them. */

/**
 * What answers at host-physical addresses outside RAM. An access has 1, 2 or 4 bytes and does not cross a page: longer
 * ones come as words of 4 bytes, those that cross a page bytewise.
 */
export interface Mmio {
  /** Value read, as an integer of 32 bits. */
  read(hpa: number, size: 1 | 2 | 4): number;
  write(hpa: number, size: 1 | 2 | 4, value: number): void;
}
