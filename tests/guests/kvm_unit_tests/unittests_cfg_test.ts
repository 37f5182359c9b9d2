import { assertEquals } from "@std/assert";
import { parseUnitTests } from "./unittests_cfg.ts";

const TEXT = `# [commented]
[apic]
file = apic.flat
smp = 2
extra_params = -cpu qemu64,+x2apic -machine kernel_irqchip=split
timeout = 30

#[init]
#file = init.flat

[vmx]
file = vmx.flat
extra_params = -cpu max,+vmx -m 2g -append "-exit_monitor ept_access*"
arch = x86_64

[many]
file = many.flat
smp = $MAX_SMP
`;

Deno.test("parseUnitTests() reads sections: processors, memory, command line, VMX; the rest is named", () => {
  const plain = {
    processors: 1,
    megabytes: 256,
    commandLine: "",
    vmx: false,
    timeout: 90,
    ignored: [] as string[],
  };
  assertEquals(parseUnitTests(TEXT), [
    {
      ...plain,
      name: "apic",
      file: "apic.flat",
      processors: 2,
      timeout: 30,
      ignored: ["-cpu qemu64,+x2apic", "-machine kernel_irqchip=split"],
    },
    {
      ...plain,
      name: "vmx",
      file: "vmx.flat",
      megabytes: 2048,
      commandLine: "-exit_monitor ept_access*",
      vmx: true,
    },
    { ...plain, name: "many", file: "many.flat", processors: 4 },
  ]);
});
