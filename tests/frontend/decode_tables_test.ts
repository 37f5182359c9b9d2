import { assertEquals, assertThrows } from "@std/assert";
import { MNEMONICS } from "../../src/frontend/opcodes/mnemonics.ts";
import type { Row } from "../../src/frontend/opcodes/row.ts";
import { buildTables } from "../../src/frontend/opcodes/table.ts";
import { ROWS } from "../../src/frontend/opcodes/tables.ts";

/** Compiles every slot, which finds rows that take the same encoding. */
function compileAll(rows: readonly Row[]): void {
  const { mode64, legacy } = buildTables(rows);
  for (const tables of [mode64, legacy]) {
    for (const table of tables) for (const slot of table) void slot?.node;
  }
}

Deno.test("buildTables() compiles every row, and no two take the same encoding", () => {
  compileAll(ROWS);
});

Deno.test("buildTables() refuses two rows for one encoding", () => {
  compileAll([["0f 10 /r", "ADD", "Ev,Gv"], ["f3 0f 11 /r", "SUB", "Ev,Gv"]]);
  const twice: Row[][] = [
    [["01 /r", "ADD", "Ev,Gv"], ["01 /r", "SUB", "Ev,Gv"]],
    [["0f 10 /r", "ADD", "Ev,Gv"], ["f3 0f 10 /r", "SUB", "Ev,Gv"]],
    [["ff /4", "JMP", "Ev"], ["ff e0", "CALL", ""]],
    [["50+r", "PUSH", "Zv"], ["57", "POP", "Zv"]],
  ];
  for (const rows of twice) assertThrows(() => compileAll(rows), Error, "Two rows take the same encoding");
});

Deno.test("buildTables() refuses rows of one opcode that disagree about ModR/M", () => {
  assertThrows(() => compileAll([["01 /r", "ADD", "Ev,Gv"], ["01", "SUB", "AL,Ib"]]), Error, "disagrees");
});

Deno.test("buildTables() refuses operands that do not exist", () => {
  assertThrows(() => compileAll([["01 /r", "ADD", "Ex,Gv"]]), Error, "No operand type");
  assertThrows(() => compileAll([["01 /r", "ADD", "Kv,Gv"]]), Error, "No operand");
});

Deno.test("MNEMONICS holds each name once, and each has a row", () => {
  const withRow = new Set<string>(ROWS.map(([, mnemonic]) => mnemonic));
  assertEquals(MNEMONICS.filter((mnemonic) => !withRow.has(mnemonic)), []);
  assertEquals(MNEMONICS.length, new Set(MNEMONICS).size);
});
