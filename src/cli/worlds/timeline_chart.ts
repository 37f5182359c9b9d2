/** The way of one call through the worlds: a lane for each world, time from left to right. */
import { type SystemName, SYSTEMS } from "./case_studies.ts";
import { element, escape, label, picture } from "./svg.ts";
import { whole } from "./table.ts";
import type { Timeline, TimelineSwitch } from "./timeline.ts";

const WIDTH = 860, LABEL = 222, RIGHT = 12, LANE = 20, BAR = 9, TOP = 6, AXIS = 22;
/** About as many numbers on the axis. */
const TICKS = 6;
/** A stay that would be too short to see. */
const SHORTEST = 2;

/** What a lane is coloured as. */
export function kindOfWorld(name: string): "user" | "kernel" | "hypervisor" {
  if (name === "hypervisor") return "hypervisor";
  return name.endsWith("kernel") ? "kernel" : "user";
}

/** Lanes from the caller down to the hypervisor and up to who is called. */
function lanesOf(system: SystemName, timelines: readonly Timeline[]): readonly string[] {
  const { machines } = SYSTEMS[system];
  const order = [
    "host process",
    `${machines[2]}, user`,
    `${machines[2]}, kernel`,
    "hypervisor",
    `view of the ${machines[1]}, user`,
    `view of the ${machines[1]}, kernel`,
    `${machines[1]}, kernel`,
    `${machines[1]}, user`,
  ];
  const used = new Set(timelines.flatMap(({ start, switches }) => [start, ...switches.map(({ to }) => to)]));
  return [...order.filter((name) => used.has(name)), ...[...used].filter((name) => !order.includes(name))];
}

/** Time lines of a system, all with the same lanes and the same scale. */
export function timelineCharts(
  system: SystemName,
  timelines: readonly Timeline[],
): readonly { readonly timeline: Timeline; readonly chart: string; readonly steps: string }[] {
  const lanes = lanesOf(system, timelines);
  const most = Math.max(...timelines.map(({ cycles }) => cycles));
  return timelines.map((timeline) => ({
    timeline,
    chart: chartOf(timeline, lanes, most),
    steps: stepsOf(timeline),
  }));
}

function chartOf(timeline: Timeline, lanes: readonly string[], most: number): string {
  const height = TOP + lanes.length * LANE + AXIS;
  const x = (cycle: number): number => LABEL + cycle / most * (WIDTH - LABEL - RIGHT);
  const y = (name: string): number => TOP + (lanes.indexOf(name) + 0.5) * LANE;
  const used = new Set([timeline.start, ...timeline.switches.map(({ to }) => to)]);
  const parts = lanes.flatMap((name) => [
    element("line", { x1: LABEL, x2: WIDTH - RIGHT, y1: y(name), y2: y(name), class: "grid" }),
    label(LABEL - 10, y(name) + 4, name, {
      class: used.has(name) ? "name" : "name unused",
      "text-anchor": "end",
    }),
  ]);
  parts.push(...axis(most, x, TOP + lanes.length * LANE));
  let since = 0, world = timeline.start;
  const stay = (until: number): void => {
    const width = Math.max(SHORTEST, x(until) - x(since));
    const title = element("title", {}, escape(`${world}: ${whole(until - since)} cycles`));
    const at = { x: x(since), y: y(world) - BAR / 2, width, height: BAR, rx: 2 };
    parts.push(element("rect", { ...at, class: `world-${kindOfWorld(world)}` }, title));
  };
  for (const change of timeline.switches) {
    const leaves = Math.max(since, change.cycle - change.cost);
    stay(leaves);
    parts.push(
      connector(change, { x1: x(leaves), x2: x(change.cycle), y1: y(change.from), y2: y(change.to) }),
    );
    since = change.cycle;
    world = change.to;
  }
  stay(timeline.cycles);
  const title = `${timeline.workload} over the path ${timeline.path}`;
  return picture(WIDTH, height, title, parts.join("\n"));
}

/** A switch: a slanted line as wide as it takes; on the spot where the world has the same name. */
function connector(
  { cause, cost, from, to }: TimelineSwitch,
  line: { readonly x1: number; readonly x2: number; readonly y1: number; readonly y2: number },
): string {
  const title = element("title", {}, escape(`${cause}: ${from} to ${to}, ${whole(cost)} cycles`));
  if (from !== to) return element("line", { ...line, class: "switch" }, title);
  const width = Math.max(SHORTEST, line.x2 - line.x1);
  return element("rect", { x: line.x1, y: line.y1 - 2, width, height: 4, class: "same-world" }, title);
}

function axis(most: number, x: (cycle: number) => number, y: number): readonly string[] {
  const rough = most / TICKS, magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * magnitude).find((one) => one >= rough)!;
  const parts: string[] = [];
  for (let tick = 0; tick <= most; tick += step) {
    const text = tick === 0 ? "0 cycles" : whole(tick);
    parts.push(
      element("line", { x1: x(tick), x2: x(tick), y1: y, y2: y + 4, class: "grid" }),
      label(x(tick), y + 16, text, { class: "tick", "text-anchor": tick === 0 ? "start" : "middle" }),
    );
  }
  return parts;
}

/** The switches in their order. */
function stepsOf({ start, switches }: Timeline): string {
  const chip = (text: string, name: string): string =>
    element("li", { class: `chip world-${kindOfWorld(name)}` }, escape(text));
  const steps = switches.map(({ cause, to }) =>
    `${element("li", { class: "cause" }, escape(cause))}${chip(to, to)}`
  );
  return element("ol", { class: "steps" }, chip(start, start) + steps.join(""));
}
