/** Linux's selftests of x86 and KVM: compiled from Debian's package of the kernel's source, for an initramfs. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { cachedFolder } from "./cache.ts";
import { type CpioEntry, directory, EXECUTABLE, file } from "./cpio.ts";
import { debianKernel, debianPackage, type KernelName, KERNELS } from "./packages.ts";

/** What of the source the selftests are made of. */
const PARTS = ["tools", "arch/x86/include", "scripts/subarch.include"];
const SELFTESTS = "tools/testing/selftests";
/** Their makefiles, and variables of those that make programs without shared libraries and symbols. */
const SUITES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  x86: { EXTRA_CFLAGS: "-static -s -w" },
  kvm: {
    LDFLAGS: "-static -s",
    // Headers of the host's are older or newer; dirty_log_test uses a macro by its later name.
    CPPFLAGS: "-w -include linux/stddef.h -DTEST_ASSERT_EQ=ASSERT_EQ",
  },
};
/** How the names of x86's programs end, which are made for both sizes of code. */
const BITS = /_(32|64)$/;
/** Those that measure, or that are made to take long: minutes of a guest's time. */
const LONG: readonly string[] = [
  "demand_paging_test",
  "dirty_log_perf_test",
  "dirty_log_test",
  "hardware_disable_test",
  "kvm_create_max_vcpus",
  "kvm_page_table_test",
  "max_guest_memory_test",
  "memslot_modification_stress_test",
  "memslot_perf_test",
  "rseq_test",
  "set_memory_region_test",
  "tsc_scaling_sync",
];
/** In the initramfs. */
const FOLDER = "tests";

/** The programs that a kernel can run, and the folder that they lie in. */
export function selftestFiles(kernel: KernelName): CpioEntry[] {
  const is64 = KERNELS[kernel].architecture === "amd64";
  const programs = compiledSelftests(kernel)
    .filter((path) => !LONG.includes(basename(path)) && (is64 || path.endsWith("_32")));
  return [
    directory(FOLDER),
    ...programs.map((path) =>
      file(`${FOLDER}/${basename(path)}`, new Uint8Array(readFileSync(path)), EXECUTABLE)
    ),
  ];
}

/** Compiles those of a kernel's version if they are not in the cache. Returns their paths. */
function compiledSelftests(kernel: KernelName): string[] {
  const version = /^\d+\.\d+/.exec(debianKernel(kernel).release)![0], name = `linux-source-${version}`;
  const folder = cachedFolder(`${name}.selftests`, (building) => compile(name, building));
  return Object.keys(SUITES).flatMap((suite) => programsIn(join(folder, SELFTESTS, suite)));
}

/** The programs that a makefile has left in its folder, beside their sources. */
function programsIn(suite: string): string[] {
  return readdirSync(suite, { recursive: true, encoding: "utf8" })
    .map((path) => join(suite, path))
    .filter((path) => existsSync(`${path.replace(BITS, "")}.c`));
}

function compile(name: string, building: string): void {
  requireCompiler();
  const archive = join(debianPackage(name), "usr", "src", `${name}.tar.xz`);
  const parts = PARTS.map((part) => `${name}/${part}`);
  execFileSync("tar", ["xJf", archive, "--strip-components=1", ...parts], { cwd: building });
  for (const [suite, variables] of Object.entries(SUITES)) {
    execFileSync("make", ["-s", "-j2", "-C", join(building, SELFTESTS, suite)], {
      // What is on make's command line the makefiles could not add to.
      env: { ...process.env, ...variables },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }
}

/** Compiles an empty program for each size of code; an error that says what to install. */
function requireCompiler(): void {
  for (const option of ["-m64", "-m32"]) {
    try {
      execFileSync("gcc", [option, "-static", "-x", "c", "-", "-o", "/dev/null"], {
        input: "#include <sys/capability.h>\nint main(void) { return 0; }",
        stdio: ["pipe", "ignore", "ignore"],
      });
      execFileSync("make", ["--version"], { stdio: "ignore" });
    } catch (error) {
      throw new Error(
        "Cannot compile Linux's selftests: they need make, gcc for 64-bit and 32-bit programs, and libcap's header. " +
          "Debian's packages are make, gcc, gcc-multilib, libcap-dev.",
        { cause: error },
      );
    }
  }
}
