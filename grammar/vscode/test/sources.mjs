// The TypeScript of the extension, for tests in plain Node.

import { build } from "esbuild";
import { fileURLToPath } from "node:url";

/** The module `src/NAME.ts`, compiled in memory. */
export async function source(name) {
  const entry = fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));
  const made = await build({ entryPoints: [entry], bundle: true, format: "esm", platform: "node", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].text).toString("base64")}`);
}
