/** The PCI bus, as the DSDT tells of it: ACPI 6.4, sections 6.4.3.5 and 19.6.32. */
import { MAX_RAM } from "../../memory/physical.ts";
import { IO_APIC_PAGE } from "../devices/82093aa_io_apic.ts";
import { slotPins } from "../pci_slots.ts";
import { type Aml, buffer, device, eisaId, integer, named, packageOf, packageOfTerms, scope } from "./aml.ts";

/** Address space descriptors, by the size of their numbers; what they are about. */
const WORD_ADDRESSES = 0x88, DOUBLE_WORD_ADDRESSES = 0x87;
const MEMORY = 0, IO = 1, BUS_NUMBERS = 2;
/** The bridge passes the range on; both ends are fixed. */
const PRODUCED_AND_FIXED = 0x0c;
const READ_WRITE = 1, ENTIRE_RANGE = 3;
/** The configuration ports, which the bridge itself takes. */
const CONFIGURATION_PORTS = [0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8];
const END = [0x79, 0];
/** Of interrupt routing. */
const ANY_FUNCTION = 0xffff;

function range(size: 2 | 4, type: number, flags: number, first: number, last: number): Aml {
  const numbers = [0, first, last, 0, last - first + 1]
    .flatMap((value) =>
      Array.from({ length: size }, (_, byte) => Math.floor(value / 2 ** (8 * byte)) & 0xff)
    );
  const kind = size === 2 ? WORD_ADDRESSES : DOUBLE_WORD_ADDRESSES;
  return [kind, 3 + numbers.length, 0, type, PRODUCED_AND_FIXED, flags, ...numbers];
}

/** Where the pins of the slots lead: any function of the slot, pin, no link device, input. ACPI 6.4, section 6.2.13. */
function routing(): Aml {
  const entries = slotPins().map(({ slot, pin, line }) =>
    packageOf(((slot << 16) | ANY_FUNCTION) >>> 0, pin, 0, line)
  );
  return packageOfTerms(...entries);
}

/**
 * Bus 0, with the ports and the addresses that are left for its devices.
 *
 * @param hasIde whether there is an IDE controller, whose ports are below those of configuration space
 */
export function pciRoot(hasIde: boolean): Aml {
  return scope(
    "\\_SB",
    device(
      "PCI0",
      named("_HID", eisaId("PNP0A03")),
      named("_UID", integer(0)),
      named("_BBN", integer(0)),
      named(
        "_CRS",
        buffer([
          ...range(2, BUS_NUMBERS, 0, 0, 0),
          ...CONFIGURATION_PORTS,
          ...hasIde ? range(2, IO, ENTIRE_RANGE, 0, 0x0cf7) : [],
          ...range(2, IO, ENTIRE_RANGE, 0x0d00, 0xffff),
          ...range(4, MEMORY, READ_WRITE, MAX_RAM, IO_APIC_PAGE - 1),
          ...END,
        ]),
      ),
      named("_PRT", routing()),
    ),
  );
}
