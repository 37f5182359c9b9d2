/** What the test's pages do, by the address's fragment; what comes of it is posted back. */

const post = (path, value) => fetch(path, { method: "POST", body: JSON.stringify(value) });
const load = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());

/** Resolves once a condition holds. */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Messages of a worker up to the first that is not output. */
function messagesOf(worker, request) {
  return new Promise((resolve, reject) => {
    const messages = [];
    worker.onmessage = ({ data }) => {
      messages.push(data);
      if (data.kind !== "output") resolve(messages);
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(request);
  });
}

const PAGES = {
  /** The library, in the page's own thread. */
  async library() {
    const library = await import("/npm/esm/mod.js"), { resultsOf } = await import("/site/same.js");
    const names = ["hello", "scene", "lab", "snapshot"];
    const images = await Promise.all(names.map((name) => load(`/images/${name}`)));
    return await resultsOf(library, Object.fromEntries(names.map((name, n) => [name, images[n]])));
  },

  /** The package's worker. */
  async worker() {
    const worker = new Worker("/npm/esm/worker.js", { type: "module" });
    const messages = await messagesOf(worker, { program: await load("/images/hello"), args: ["Ada"] });
    const text = messages.map(({ bytes }) => bytes === undefined ? "" : new TextDecoder().decode(bytes));
    const { kind, result } = messages.at(-1);
    return [text.join(""), kind, result?.exitCode];
  },

  /** A page without leave to compile anything: what it warns of, and what a hot program prints. */
  async policy() {
    const { runProgram } = await import("/npm/esm/mod.js"), warnings = [];
    console.warn = (line) => warnings.push(line);
    const { stdout } = runProgram({ program: await load("/images/hello"), args: ["Ada"], engine: "wasm" });
    return [stdout, warnings.map((line) => line.replace(/\(.*/s, ""))];
  },

  /** The page of docs/browser.md, with somebody at its keyboard. */
  async document() {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.src = "/document/index.html";
    await new Promise((resolve) => frame.onload = resolve);
    const screen = frame.contentDocument.querySelector("#screen");
    const line = frame.contentDocument.querySelector("#line");
    for (const text of ["hello", "exit"]) {
      await until(() => screen.textContent.endsWith("> "));
      line.value = text;
      line.dispatchEvent(new Event("change"));
    }
    await until(() => screen.textContent.endsWith("]\n"));
    return screen.textContent;
  },

  /** The recorded vectors: what a worker says of them in each configuration. */
  async vectors() {
    const worker = new Worker("/vectors.js", { type: "module" });
    return (await messagesOf(worker, null)).at(-1).results;
  },
};

try {
  await post("/done", await PAGES[location.hash.slice(1)]());
} catch (error) {
  await post("/failed", `${error}\n${error.stack}`);
}
