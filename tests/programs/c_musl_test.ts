/** C programs of ours built by musl-gcc. */
import { testPrograms } from "./c_programs.ts";

testPrograms([
  { compiler: "musl-gcc", flags: ["-O2", "-static"], engines: ["interpreter", "js", "wasm", "auto"] },
  { compiler: "musl-gcc", flags: ["-O0", "-static"], engines: ["auto"] },
  { compiler: "musl-gcc", flags: ["-O3", "-static"], engines: ["auto"] },
  { compiler: "musl-gcc", flags: ["-O2"], engines: ["auto"] },
]);
