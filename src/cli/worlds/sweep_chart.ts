/** Lines: what a call takes if a world call takes more or less than the model says. */
import type { CycleModel } from "../../machine/cycle_model.ts";
import { PATH_NAMES, PATH_TITLES, type PathName } from "./case_studies.ts";
import { modelCycles, runOver, type SystemRuns, workloadOf } from "./figures.ts";
import { element, label, picture } from "./svg.ts";
import { whole } from "./table.ts";

/** Cycles of a world call from which to which; nothing is published. */
const CHEAPEST = 100, DEAREST = 600, STEP = 100;
const WIDTH = 420, HEIGHT = 220, LEFT = 52, RIGHT = 92, TOP = 14, BOTTOM = 38;

/** The chart of a system and a workload; undefined where the cross-world call was not measured. */
export function sweepChart(runs: SystemRuns, model: CycleModel, workload: string): string | undefined {
  if (runOver(runs, "crossover") === undefined) return undefined;
  const cyclesAt = (path: PathName, worldCall: number): number | undefined => {
    const measured = workloadOf(runOver(runs, path), workload);
    return measured && modelCycles(measured.perCall, { ...model, worldCall });
  };
  const lines = PATH_NAMES.flatMap((path) => {
    const ends = [cyclesAt(path, CHEAPEST), cyclesAt(path, DEAREST)] as const;
    return ends[0] === undefined || ends[1] === undefined ? [] : [{ path, from: ends[0], to: ends[1] }];
  });
  const most = 1.08 * Math.max(...lines.map(({ from, to }) => Math.max(from, to)));
  const x = (cycles: number): number =>
    LEFT + (cycles - CHEAPEST) / (DEAREST - CHEAPEST) * (WIDTH - LEFT - RIGHT);
  const y = (cycles: number): number => HEIGHT - BOTTOM - cycles / most * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [];
  for (let tick = 0; tick <= most; tick += niceStep(most)) {
    parts.push(
      element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }),
      label(LEFT - 6, y(tick) + 4, whole(tick), { class: "tick", "text-anchor": "end" }),
    );
  }
  for (let tick = CHEAPEST; tick <= DEAREST; tick += STEP) {
    parts.push(
      label(x(tick), HEIGHT - BOTTOM + 16, String(tick), { class: "tick", "text-anchor": "middle" }),
    );
  }
  parts.push(
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "cycles of a world call", {
      class: "tick",
      "text-anchor": "middle",
    }),
  );
  for (const [n, { path, from, to }] of lines.entries()) {
    const near = lines.slice(0, n).some((other) => Math.abs(y(other.to) - y(to)) < 12);
    parts.push(
      element("line", {
        x1: x(CHEAPEST),
        x2: x(DEAREST),
        y1: y(from),
        y2: y(to),
        class: `line stroke-${path}`,
      }),
      label(WIDTH - RIGHT + 8, y(to) + (near ? 16 : 4), PATH_TITLES[path], { class: `name text-${path}` }),
    );
  }
  return picture(WIDTH, HEIGHT, `${workload} against the cost of a world call`, parts.join("\n"));
}

/** A round number of which about four fit. */
function niceStep(most: number): number {
  const rough = most / 4, magnitude = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * magnitude).find((step) => step >= rough)!;
}
