/** Attributes of the flat segments that SYSCALL and its like load, whatever the descriptor tables hold. SDM vol. 2B, "SYSCALL". */

/** Present and accessed, of privilege level 0, limits all ones: 64-bit code, 32-bit code, data. */
export const CODE64 = 0xa09b, CODE32 = 0xc09b, DATA = 0xc093;
/** Makes them ones of privilege level 3. */
export const USER = 0x60;
