/** Finds the import specifiers of a TypeScript module without running it. */

/** An import or re-export of a module. */
export interface ImportStatement {
  /** The specifier as written. */
  readonly specifier: string;
  /** Line in the module, from 1. */
  readonly line: number;
  /** Nothing of it is left at run time: `import type`, `export type`. */
  readonly typeOnly: boolean;
}

const STATEMENT = /^[ \t]*(?:import|export)\b(?!\s*\()([^;"'`]*?\bfrom\s*|\s*)["']([^"'\n]+)["']/gm;
const CALL = /\bimport\s*\(\s*["']([^"'\n]+)["']/g;
const TYPE_ONLY = /^\s*type\b(?!\s*(?:,|from\b))/;

/** All imports of `source`: statements, re-exports, and calls of `import()` with a literal. Comments are not read. */
export function findImports(source: string): ImportStatement[] {
  const code = withoutComments(source);
  const found: ImportStatement[] = [];
  const lineAt = (index: number): number => code.slice(0, index).split("\n").length;
  for (const match of code.matchAll(STATEMENT)) {
    const clause = match[1]!;
    if (clause.trim() === "" && !/^[ \t]*import/.test(match[0])) continue; // `export "x"` is no import
    const start = match.index + match[0].search(/\S/);
    found.push({ specifier: match[2]!, line: lineAt(start), typeOnly: TYPE_ONLY.test(clause) });
  }
  for (const match of code.matchAll(CALL)) {
    found.push({ specifier: match[1]!, line: lineAt(match.index), typeOnly: false });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** Blanks comments, so that examples in docstrings do not count; line breaks stay. */
export function withoutComments(source: string): string {
  return source
    .replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/^[ \t]*\/\/.*$/gm, (comment) => " ".repeat(comment.length));
}
