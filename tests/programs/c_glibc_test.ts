/** C programs of ours built by gcc, static. */
import { testPrograms } from "./c_programs.ts";

testPrograms([
  { compiler: "gcc", flags: ["-O2", "-static"], engines: ["js", "wasm", "auto"] },
  { compiler: "gcc", flags: ["-O0", "-static"], engines: ["auto"] },
  { compiler: "gcc", flags: ["-O3", "-static"], engines: ["auto"] },
]);
