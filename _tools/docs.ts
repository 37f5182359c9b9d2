/** What the documents promise: their links and their console examples, for tests to check. */

/** A link of a document to a place in the repository. */
export interface Link {
  readonly line: number;
  /** Path as written, without the fragment. */
  readonly path: string;
  /** Fragment without `#`, or "". */
  readonly fragment: string;
}

/** Links of a Markdown text that lead into the repository: inline ones and pictures; not web addresses. */
export function findLinks(markdown: string): Link[] {
  const links: Link[] = [];
  withoutCode(markdown).split("\n").forEach((text, index) => {
    for (const [, target] of text.matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/i.test(target!)) continue;
      const [path = "", fragment = ""] = target!.split("#");
      links.push({ line: index + 1, path, fragment });
    }
  });
  return links;
}

/** Fragments that lead to the headings of a Markdown text, as code hosts make them. */
export function headingFragments(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title]) =>
    title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

/** Paths of files of ours in backticks, such as `src/cli/main.ts` or `src/ir/`. */
export function findPaths(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/`((?:src|tests|_tools|bench|\.ci)\/[\w./-]*)`/g)].map((
    [, path],
  ) => path!);
}

/** A command in a console example, and what it prints. */
export interface ConsoleExample {
  readonly line: number;
  readonly command: string;
  /** Expected output; undefined where the example shows none. */
  readonly output: string | undefined;
}

/** Commands (`$ …`) of the blocks marked `console`, each with the lines up to the next command. */
export function findConsoleExamples(markdown: string): ConsoleExample[] {
  const examples: ConsoleExample[] = [];
  for (const match of markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    const first = markdown.slice(0, match.index).split("\n").length + 1;
    let open: { line: number; command: string; output: string[] } | undefined;
    const close = (): void => {
      if (open === undefined) return;
      const { line, command, output } = open;
      examples.push({ line, command, output: output.length === 0 ? undefined : output.join("\n") + "\n" });
    };
    match[1]!.replace(/\n$/, "").split("\n").forEach((text, index) => {
      if (text.startsWith("$ ")) {
        close();
        open = { line: first + index, command: text.slice(2), output: [] };
      } else open?.output.push(text);
    });
    close();
  }
  return examples;
}

const blank = (text: string): string => text.replace(/[^\n]/g, " ");
const withoutBlocks = (markdown: string): string => markdown.replace(/^```[\s\S]*?^```$/gm, blank);
const withoutCode = (markdown: string): string => withoutBlocks(markdown).replace(/`[^`\n]*`/g, blank);
