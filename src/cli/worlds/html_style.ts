/** How the page looks, in light and in dark. */

/** Its style sheet. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2330; --soft: #5b6475; --line: #e2e4e9;
  --original: #8a94a6; --vmfunc: #2f6fdb; --crossover: #d9730d;
  --user: #2a9d6f; --kernel: #2f6fdb; --hypervisor: #c2416b; --switch: #7d8698;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161b; --card: #1c1f27; --ink: #e6e8ee; --soft: #9aa3b5; --line: #31353f;
    --original: #7b8598; --vmfunc: #5b93f0; --crossover: #f0953d;
    --user: #46bd8c; --kernel: #5b93f0; --hypervisor: #e06a90; --switch: #8b94a6;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 10px; letter-spacing: -0.01em; }
h2 { font-size: 22px; margin: 0 0 2px; }
h3 { font-size: 15px; margin: 28px 0 8px; }
p { margin: 0 0 12px; }
.lead { font-size: 17px; color: var(--soft); max-width: 46em; }
.soft, figcaption, footer { color: var(--soft); }
a { color: inherit; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 24px 28px; margin-top: 28px; }
svg { display: block; width: 100%; height: auto; overflow: visible; font: 12px system-ui, sans-serif; fill: var(--ink); }
.value, .tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
.unused { fill: var(--soft); opacity: 0.55; }
.grid { stroke: var(--line); }
.line { stroke-width: 2.5; }
.path-original { fill: var(--original); } .path-vmfunc { fill: var(--vmfunc); } .path-crossover { fill: var(--crossover); }
.stroke-original { stroke: var(--original); } .stroke-vmfunc { stroke: var(--vmfunc); } .stroke-crossover { stroke: var(--crossover); }
.text-original { fill: var(--original); } .text-vmfunc { fill: var(--vmfunc); } .text-crossover { fill: var(--crossover); }
.world-user { fill: var(--user); } .world-kernel { fill: var(--kernel); } .world-hypervisor { fill: var(--hypervisor); }
.switch { stroke: var(--switch); stroke-width: 1.6; } .same-world { fill: var(--switch); }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 12px; padding: 0; list-style: none; color: var(--soft); }
.key li::before { content: ""; display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; background: var(--swatch); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin-top: 24px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; text-decoration: none; }
.card b { display: block; font-size: 26px; line-height: 1.25; color: var(--crossover); font-variant-numeric: tabular-nums; }
.card span { display: block; color: var(--soft); font-size: 13px; }
.tabs > input { position: absolute; opacity: 0; pointer-events: none; }
.tabs > label { display: inline-block; padding: 4px 12px; margin: 0 6px 14px 0; border: 1px solid var(--line); border-radius: 99px; cursor: pointer; font-size: 13px; color: var(--soft); }
.tabs > input:checked + label { background: var(--ink); border-color: var(--ink); color: var(--page); }
.tabs > input:focus-visible + label { outline: 2px solid var(--vmfunc); outline-offset: 2px; }
.tabs > .panel { display: none; }
figure { margin: 0 0 18px; } figcaption { font-size: 13px; margin: 0 0 6px; } figcaption b { color: var(--ink); }
.steps { display: flex; flex-wrap: wrap; gap: 4px 6px; margin: 6px 0 0; padding: 0; list-style: none; font-size: 12px; align-items: center; }
.chip { padding: 0 8px; border-radius: 99px; border: 1px solid; }
.chip.world-user { color: var(--user); } .chip.world-kernel { color: var(--kernel); } .chip.world-hypervisor { color: var(--hypervisor); }
.cause { color: var(--soft); } .cause::after { content: " \\2192"; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 24px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 3px 7px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
tr.first td { border-top: 1px solid var(--soft); }
details { margin-top: 20px; } summary { cursor: pointer; color: var(--soft); }
.ok { color: var(--user); } .bad { color: var(--hypervisor); font-weight: 600; }
footer { margin-top: 32px; font-size: 13px; }
@media print { section { break-inside: avoid; } .tabs > label { display: none; } }
`;
