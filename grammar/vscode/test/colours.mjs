// The colours of a text, by the library that VS Code itself uses.
// As a program: `node colours.mjs FILE…` prints, for each file, [line, start, end, scope] of every token.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const GRAMMAR = fileURLToPath(new URL("../syntaxes/infer.tmLanguage.json", import.meta.url));

let grammar;

async function load() {
  await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(readFileSync(GRAMMAR, "utf8"), GRAMMAR),
  });
  return registry.loadGrammar("source.infer");
}

/** `[line, start, end, innermost scope]` of every token; lines count from 0, offsets are UTF-16 units. */
export async function colours(text) {
  grammar ??= load();
  const rules = await grammar;
  let state = textmate.INITIAL;
  const found = [];
  text.split(/\r?\n/).forEach((line, number) => {
    const { tokens, ruleStack } = rules.tokenizeLine(line, state);
    state = ruleStack;
    for (const token of tokens) {
      const end = Math.min(token.endIndex, line.length);
      if (token.startIndex < end) found.push([number, token.startIndex, end, token.scopes.at(-1)]);
    }
  });
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  const all = [];
  for (const file of files) all.push(await colours(readFileSync(file, "utf8")));
  process.stdout.write(JSON.stringify(all));
}
