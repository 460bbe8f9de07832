// Code blocks on the web: the grammar in Shiki, as docs/editors.md says to load it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createHighlighter } from "shiki";

import { colours } from "./colours.mjs";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const grammar = JSON.parse(read("../syntaxes/infer.tmLanguage.json"));
const text = read("../../../samples/assistant/assistant.infer");

test("Shiki gives every token the scope that VS Code gives it", async () => {
  const infer = { ...grammar, name: "infer", embeddedLangs: [] };
  const highlighter = await createHighlighter({ themes: ["github-light", "github-dark"], langs: [infer] });
  const lines = highlighter.codeToTokensBase(text, { lang: "infer", theme: "github-dark", includeExplanation: true });
  const found = lines.flatMap((line, number) => {
    let at = 0;
    return line
      .flatMap((token) => token.explanation)
      .map(({ content, scopes }) => [number, at, (at += content.length), scopes.at(-1).scopeName])
      .filter(([, start, end]) => start < end);
  });
  assert.deepEqual(found, await colours(text));
  const html = highlighter.codeToHtml(text, { lang: "infer", themes: { light: "github-light", dark: "github-dark" } });
  assert.match(html, /<span style="color:#[^"]*--shiki-dark:#[^"]*">deployment<\/span>/);
  highlighter.dispose();
});
