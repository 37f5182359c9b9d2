/**
 * What the library can have of the host, in Deno and Node.js: its files, its standard streams and
 * terminal, and its network.
 *
 * @example Run a program of the host's, with the files of one folder only
 * ```ts
 * import assert from "node:assert";
 * import { runProgram } from "@causeway/x86";
 * import { HostFileSystem } from "@causeway/x86/host";
 *
 * const { stdout } = runProgram({
 *   program: "/hello/hello.elf",
 *   args: ["Ada"],
 *   fileSystem: new HostFileSystem("src/guests"),
 * });
 * assert(stdout === "Hello, Ada!\n");
 * ```
 *
 * @module
 */
export { HostFileSystem } from "../linux/fs/host.ts";
export { LoopbackConnector } from "./host_connections.ts";
export { openDiskFile } from "./disks.ts";
export { ProcessIo } from "./host_io.ts";
