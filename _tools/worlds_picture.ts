/**
 * Draws the way of one call through the worlds as an SVG picture: `deno run -A _tools/worlds_picture.ts OUT.svg [SYSTEM]`.
 *
 * The README's picture is made by it, from a run.
 */
import { writeFileSync } from "node:fs";
import { oneOf, scriptLine } from "./script.ts";
import { PATH_NAMES, PATH_TITLES, SYSTEM_NAMES, SYSTEMS } from "../src/cli/worlds/case_studies.ts";
import { STYLE } from "../src/cli/worlds/html_style.ts";
import { loadImages } from "../src/cli/worlds/images.ts";
import { recordCall, type Timeline } from "../src/cli/worlds/timeline.ts";
import { timelineCharts } from "../src/cli/worlds/timeline_chart.ts";

const WIDTH = 900, MARGIN = 20, LINE = 24;

/** The picture of time lines of one system. */
export function worldsPicture(timelines: readonly Timeline[]): string {
  const { system, workload } = timelines[0]!;
  const parts: string[] = [];
  let y = MARGIN + LINE;
  const text = (content: string, attributes: string): void => {
    parts.push(`<text x="${MARGIN}" y="${y}" ${attributes}>${content}</text>`);
    y += LINE;
  };
  const { title, description } = SYSTEMS[system];
  text(`${title}: ${description}`, 'font-size="16" font-weight="600"');
  text(
    `one ${workload} over three paths; slanted lines are world switches, at published costs (the world call: a derived one)`,
    'class="value"',
  );
  for (const { timeline, chart } of timelineCharts(system, timelines)) {
    y += LINE / 2;
    const cycles = Math.round(timeline.cycles).toLocaleString("en-US");
    const switches = timeline.switches.length;
    text(`${PATH_TITLES[timeline.path]}: ${switches} world switches, ${cycles} cycles`, 'font-weight="600"');
    const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(chart)!;
    const place = `x="${MARGIN}" y="${y - LINE / 2}" width="${width}" height="${height}"`;
    parts.push(chart.replace("<svg ", `<svg ${place} `));
    y += Number(height);
  }
  const height = y + MARGIN / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${height}" rx="10" style="fill:var(--card)"/>
${parts.join("\n")}
</svg>
`;
}

if (import.meta.main) {
  const { rest: [out, name = "proxos"] } = scriptLine({
    call: "deno run -A _tools/worlds_picture.ts",
    description: "Draws the way of one call through the worlds of a system as an SVG picture.",
    operands: ["OUT.svg", `[${SYSTEM_NAMES.join("|")}]`],
  });
  const system = oneOf(SYSTEM_NAMES, name);
  const images = await loadImages(undefined);
  const timelines = PATH_NAMES.map((path) =>
    recordCall({ images, system, path, iterations: 1, cycles: "haswell" })
  );
  writeFileSync(out!, worldsPicture(timelines));
}
