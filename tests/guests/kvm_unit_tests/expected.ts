/** What is known not to pass, by the section's name in upstream's `x86/unittests.cfg`, and why. */

/** How a test came out. */
export type Outcome = "pass" | "skip" | "fail";

/** An outcome other than "pass". */
export interface Expectation {
  readonly outcome: Exclude<Outcome, "pass">;
  readonly because: string;
}

const skip = (because: string): Expectation => ({ outcome: "skip", because });
const fail = (because: string): Expectation => ({ outcome: "fail", because });

const NO_KVM = fail(
  "needs KVM's own interface: VMCALL raises #UD, as on a processor that runs no hypervisor",
);
const NO_HYPERV = fail("needs Hyper-V's interface");
const NO_SVM = skip("needs an AMD processor with SVM");
const NO_COUNTERS = skip("there are no performance counters");
const NO_COUNTERS_AT_ALL = fail("there are no performance counters");

/** The list. */
export const EXPECTED: Readonly<Record<string, Expectation>> = {
  asyncpf: NO_KVM,
  hypercall: NO_KVM,
  kvmclock_test: NO_KVM,
  vmexit_vmcall: NO_KVM,
  hyperv_synic: NO_HYPERV,
  hyperv_connections: NO_HYPERV,
  hyperv_stimer: NO_HYPERV,
  hyperv_clock: NO_HYPERV,
  svm: NO_SVM,
  svm_pause_filter: NO_SVM,
  svm_npt: NO_SVM,
  pmu: NO_COUNTERS,
  pmu_emulation: NO_COUNTERS,
  pmu_lbr: NO_COUNTERS_AT_ALL,
  pks: skip("there are no protection keys of supervisor pages"),
  intel_cet: skip("there is no CET"),
  "tsx-ctrl": skip("there is no TSX"),
  intel_iommu: fail("there is no VT-d"),
  vmware_backdoors: fail("there is no VMware backdoor"),
  syscall: fail("expects an AMD processor: on Intel's SYSCALL of 32-bit code raises #UD"),
  vmx: fail("counts two expected failures of KVM's that do not happen here as unexpected"),
};
