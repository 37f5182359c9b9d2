/** Pieces of SVG and HTML. */

/** Text as HTML and SVG have it. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}

/** A coordinate with a decimal. */
const place = (value: number): string => String(Math.round(value * 10) / 10);

/** Attributes. Numbers are coordinates. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; its content is markup. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined).map(([key, value]) =>
    ` ${key}="${typeof value === "number" ? place(value) : escape(value!)}"`
  );
  return `<${name}${given.join("")}>${content}</${name}>`;
}

/** A text at a place. */
export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escape(text));
}

/** A picture that is as wide as its place allows, up to its own width. */
export function picture(width: number, height: number, title: string, content: string): string {
  return element(
    "svg",
    {
      viewBox: `0 0 ${place(width)} ${place(height)}`,
      role: "img",
      "aria-label": title,
      style: `max-width:${width}px`,
    },
    content,
  );
}
