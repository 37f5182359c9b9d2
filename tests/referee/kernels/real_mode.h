/* What the parts of the real-mode kernel share: places, and the rows of its table. */
#ifndef REAL_MODE_H
#define REAL_MODE_H

/* Linear addresses. */
.set BLOB, 0x10000
.set CODE_AT, 0x20000
.set STACK_AT, 0x30000
.set DATA_AT, 0x40000
.set OWN_STACK, 0x50000
.set DATA_BYTES, 0x400

/* A flat selector of the GDT, for the cases that go to protected mode and back. */
.set FLAT, 0x18

/* A case: its name, its code, whether it depends on limits that not all emulators check. */
.set NAME, 0
.set CODE, 2
.set CODE_END, 4
.set LIMITS, 6
.set CASE_BYTES, 8

.set STUB_BYTES, 8
.set FRAME_BYTES, 44
.set FIELD_BYTES, 6

#endif
