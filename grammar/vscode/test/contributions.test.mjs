// What package.json and the files beside it promise to VS Code.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { colours } from "./colours.mjs";
import { source } from "./sources.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const manifest = read("package.json");
const { codeOf } = await source("codes");
const { drawn, graphPage } = await source("pictures");
const { questionsOf, wordsOf } = await source("questions");

/** The findings in a text, as VS Code's problem matcher reads them: one pattern after the other, line by line. */
function findings(text) {
  const [head, place] = manifest.contributes.problemMatchers[0].pattern;
  const lines = text.split("\n");
  return lines.flatMap((line, number) => {
    const first = new RegExp(head.regexp).exec(line);
    const second = first && new RegExp(place.regexp).exec(lines[number + 1]);
    if (!second) return [];
    const [severity, code, message] = [first[head.severity], first[head.code], first[head.message]];
    return [{ severity, code, message, file: second[place.file], at: [+second[place.line], +second[place.column]] }];
  });
}

test("the problem matcher finds what inferc check says", () => {
  const text = `error[E0204]: the deployment \`a\` has no field \`replica\`
 --> shop/a b.infer:1:39
  |
1 | deployment a { model = "gpt-4o-mini", replica = 2 }
  |                                       ^^^^^^^ unknown field
  |
help: write \`replicas\`

warning[W0210]: the let \`x\` is never used
  --> first.infer:120:5
   |
120 | let x = 1s

note[N0415]: runtime is \`vllm\`
 --> first.infer:3:1

2 errors, 1 warning`;
  assert.deepEqual(findings(text), [
    {
      severity: "error",
      code: "E0204",
      message: "the deployment `a` has no field `replica`",
      file: "shop/a b.infer",
      at: [1, 39],
    },
    { severity: "warning", code: "W0210", message: "the let `x` is never used", file: "first.infer", at: [120, 5] },
    { severity: "note", code: "N0415", message: "runtime is `vllm`", file: "first.infer", at: [3, 1] },
  ]);
});

test("codes are known in every form that editors keep them in", () => {
  assert.equal(codeOf("E0302"), "E0302");
  assert.equal(codeOf({ value: "W0210" }), "W0210");
  assert.equal(codeOf(undefined), undefined);
  assert.equal(codeOf("--help"), undefined);
  assert.equal(codeOf(302), undefined);
});

test("the page of a graph draws it, runs no script, and takes the colours of the theme", async () => {
  const svg = await drawn('digraph { a [label="<script>alert(1)</script> & \\"b\\""]; a -> b }');
  assert.match(svg, /^<svg[^]*class="edge"/);
  const page = graphPage('<b> "shop"', svg, "2 errors <i>");
  assert.ok(page.includes("default-src 'none'") && page.includes("vscode-dark"));
  assert.ok(!/<script|<b>|<i>|https?:(?!\/\/www\.w3\.org)/.test(page), page);
  assert.ok(page.includes("2 errors &lt;i&gt;"));
});

test("a call asks for each parameter, and leaves out what is optional and not said", () => {
  const parameters = [["message", "text"], ["limit", "int?"]];
  assert.deepEqual(questionsOf("reply", parameters).map((one) => one.prompt.split(" (")[0]), ["message: text", "limit: int?"]);
  assert.deepEqual(wordsOf("reply", parameters, ["-hi; rm", ""]), ["reply", "--", "message=-hi; rm"]);
  assert.deepEqual(wordsOf("reply", parameters, ["", "3"]), ["reply", "--", "message=", "limit=3"]);
  assert.equal(questionsOf("gpt", undefined).length, 1);
  assert.deepEqual(wordsOf("gpt", undefined, ["--help"]), ["gpt", "--", "--help"]);
});

test("every command in a menu is declared, and every declared one is registered, or the server's", () => {
  const declared = manifest.contributes.commands.map((one) => one.command);
  const shown = Object.values(manifest.contributes.menus).flat().map((one) => one.command);
  for (const command of shown) assert.ok(declared.includes(command), command);
  const code = ["extension", "commands"].map((name) => readFileSync(new URL(`../src/${name}.ts`, import.meta.url), "utf8"));
  const own = declared.filter((command) => command !== "inferc.test"); // the client registers what the server does
  for (const command of own) assert.ok(code.join().includes(`registerCommand("${command}"`), command);
});

test("snippets are coloured without an unknown piece, and their brackets match", async () => {
  for (const [name, snippet] of Object.entries(read("snippets/infer.json"))) {
    const body = [snippet.body].flat().join("\n");
    const plain = body
      .replace(/\\([}$])/g, "\u0001$1")
      .replace(/\$\{\d+\|([^,|]*)[^}]*\|\}/g, "$1")
      .replace(/\$\{\d+:((?:[^}\u0001]|\u0001.)*)\}/g, "$1")
      .replace(/\$\d/g, "")
      .replaceAll("\u0001", "");
    const counts = ["{}", "[]", "()"].map(([open, close]) => plain.split(open).length - plain.split(close).length);
    assert.deepEqual(counts, [0, 0, 0], `${name}: ${plain}`);
    const scopes = (await colours(plain)).map((token) => token[3]);
    assert.ok(scopes.includes("keyword.control.infer") || scopes.includes("entity.name.tag.infer"), name);
  }
});

const configuration = read("language-configuration.json");

test("a doc comment goes on in the next line, an empty one ends", () => {
  const [rule] = configuration.onEnterRules;
  const before = new RegExp(rule.beforeText);
  assert.equal(rule.action.appendText, "## ");
  assert.ok(before.test("## What it is."));
  assert.ok(before.test("  ##what"));
  assert.ok(!before.test("## "));
  assert.ok(!before.test("# one hash"));
});

test("a line that opens a bracket indents the next, one that closes it does not", () => {
  const increase = new RegExp(configuration.indentationRules.increaseIndentPattern);
  const decrease = new RegExp(configuration.indentationRules.decreaseIndentPattern);
  for (const line of ["deployment a {", "  retry {  # why", "  x = [", "extern f("]) assert.ok(increase.test(line), line);
  for (const line of ["a { b = 1 }", "# a {", 'x = "{"']) assert.ok(!increase.test(line), line);
  for (const line of ["}", "  ]", " )"]) assert.ok(decrease.test(line), line);
  assert.ok(!decrease.test("a }"));
});

test("a word is a whole name or a whole number", () => {
  const { pattern, flags } = configuration.wordPattern;
  const words = "été_1 = $100k + 2.5s * 名前".match(new RegExp(pattern, `${flags}g`));
  assert.deepEqual(words, ["été_1", "$100k", "2.5s", "名前"]);
});
