/** C programs of ours built by gcc, for the dynamic linker of this machine, and position-independent without one. */
import { testPrograms } from "./c_programs.ts";

testPrograms([
  { compiler: "gcc", flags: ["-O2"], engines: ["auto"] },
  { compiler: "gcc", flags: ["-O2", "-static-pie"], engines: ["auto"] },
]);
