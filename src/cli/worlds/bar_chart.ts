/** Bars: what each path takes of a workload, against what the original one takes. */
import { PATH_TITLES, type PathName } from "./case_studies.ts";
import { element, label, picture } from "./svg.ts";

/** A workload with its bars. */
export interface BarGroup {
  readonly name: string;
  readonly bars: readonly { readonly path: PathName; readonly value: number; readonly text: string }[];
}

const WIDTH = 860, LABEL = 110, VALUE = 150, BAR = 11, GAP = 2, GROUP_GAP = 10, TOP = 6;
/** A bar that would be too short to see. */
const SHORTEST = 1.5;

/** A group of bars for each workload; the longest of a group is as long as there is room. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  const room = WIDTH - LABEL - VALUE;
  let y = TOP;
  const parts: string[] = [];
  for (const { name, bars } of groups) {
    const most = Math.max(...bars.map(({ value }) => value)), top = y;
    for (const { path, value, text } of bars) {
      const width = Math.max(SHORTEST, most > 0 ? value / most * room : 0);
      parts.push(
        element(
          "rect",
          { x: LABEL, y, width, height: BAR, rx: 2, class: `path-${path}` },
          element("title", {}, `${name}, ${PATH_TITLES[path]}: ${text}`),
        ),
        label(LABEL + width + 6, y + BAR - 2, text, { class: "value" }),
      );
      y += BAR + GAP;
    }
    parts.push(label(LABEL - 10, (top + y - GAP) / 2 + 4, name, { class: "name", "text-anchor": "end" }));
    y += GROUP_GAP;
  }
  return picture(WIDTH, y, title, parts.join("\n"));
}
