/** The tests that a `unittests.cfg` of kvm-unit-tests lists: sections with `file`, `smp`, `extra_params`, `timeout`. */

/** One section. */
export interface UnitTest {
  readonly name: string;
  readonly file: string;
  readonly processors: number;
  /** RAM in megabytes. */
  readonly megabytes: number;
  readonly commandLine: string;
  /** QEMU is asked for a processor with VMX. */
  readonly vmx: boolean;
  /** Seconds. */
  readonly timeout: number;
  /** Parameters of QEMU's that nothing here corresponds to. */
  readonly ignored: readonly string[];
}

const DEFAULT_MEGABYTES = 256, DEFAULT_TIMEOUT = 90;
/** What `$MAX_SMP` is here. */
const MOST_PROCESSORS = 4;
const UNITS: Readonly<Record<string, number>> = { "": 1, m: 1, g: 1024 };

/** Reads the file's text. */
export function parseUnitTests(text: string): readonly UnitTest[] {
  const sections = text.split(/^\[/m).slice(1);
  return sections.flatMap((section) => {
    const [name = "", ...lines] = section.split("\n").filter((line) => !line.startsWith("#"));
    const values = new Map(lines.flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()] as const];
    }));
    const file = values.get("file");
    return file === undefined ? [] : [{ name: name.replace("]", "").trim(), file, ...machineOf(values) }];
  });
}

function machineOf(values: ReadonlyMap<string, string>): Omit<UnitTest, "name" | "file"> {
  let megabytes = DEFAULT_MEGABYTES, commandLine = "", vmx = false;
  const ignored: string[] = [];
  const words = shellWords(values.get("extra_params") ?? values.get("qemu_params") ?? "");
  for (let at = 0; at < words.length; at++) {
    const option = words[at]!.replace(/^--/, "-");
    const hasValue = words[at + 1]?.startsWith("-") === false || option === "-append";
    const value = hasValue ? words[++at] ?? "" : "";
    if (option === "-append") commandLine = value;
    else if (option === "-m") megabytes = sizeOf(value);
    else if (option === "-cpu" && /(^|,)\+vmx(,|$)/.test(value)) vmx = true;
    else ignored.push(`${option} ${value}`.trim());
  }
  const smp = values.get("smp") ?? "1", timeout = Number.parseInt(values.get("timeout") ?? "");
  return {
    processors: smp.startsWith("$") ? MOST_PROCESSORS : Number(smp),
    megabytes,
    commandLine: values.get("test_args")?.replaceAll(/^["']|["']$/g, "") ?? commandLine,
    vmx,
    timeout: Number.isNaN(timeout) ? DEFAULT_TIMEOUT : timeout,
    ignored,
  };
}

function sizeOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d+)([mg]?)$/i.exec(text) ?? [];
  return Number(count) * UNITS[unit.toLowerCase()]!;
}

/** Words as a shell makes them, with quotes. */
function shellWords(text: string): readonly string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replaceAll(/["']/g, ""));
}
