// The language server, driven over standard input and output by the library that VS Code drives it with.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node.js";
import * as lsp from "vscode-languageserver-protocol";

import { source } from "./sources.mjs";

const { drawn } = await source("pictures");
const INFERC = process.env.INFERC ?? fileURLToPath(new URL("../../../.venv/bin/inferc", import.meta.url));
const PATIENCE = 30_000;

const missing = !existsSync(INFERC)
  ? `${INFERC} is not there: make venv`
  : spawnSync(INFERC, ["lsp", "--help"]).status !== 0
    ? "this inferc has no language server"
    : false;
const serverTest = (name, body) => test(name, { skip: missing, timeout: PATIENCE }, body);

const TEXT = `deployment a {
  model = "gpt-4o-mini"
  replica = 2
  runtime openai { api_key = env("KEY") }
}
route both = fallback [a]
`;

let server, connection, folder, uri, version = 1;
const published = [];
let announce = () => {};

/** The findings of the newest version. */
async function diagnostics(wanted) {
  for (;;) {
    const found = published.find((one) => one.uri === uri && one.version === wanted);
    if (found) return found.diagnostics;
    await new Promise((resolve) => (announce = resolve));
  }
}

before(async () => {
  if (missing) return;
  folder = mkdtempSync(join(tmpdir(), "infer-"));
  uri = pathToFileURL(join(folder, "shop.infer")).href;
  writeFileSync(join(folder, "shop.infer"), TEXT);
  server = spawn(INFERC, ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
  connection = createMessageConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  connection.onNotification(lsp.PublishDiagnosticsNotification.method, (found) => {
    published.push(found);
    announce();
  });
  connection.onRequest("client/registerCapability", () => null);
  connection.onRequest("workspace/configuration", ({ items }) => items.map(() => null));
  connection.onRequest("window/workDoneProgress/create", () => null);
  connection.listen();
  const answer = await connection.sendRequest(lsp.InitializeRequest.method, {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "shop" }],
    capabilities: { textDocument: { publishDiagnostics: { versionSupport: true, codeDescriptionSupport: true } } },
  });
  assert.ok(answer.capabilities.completionProvider);
  await connection.sendNotification(lsp.InitializedNotification.method, {});
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.method, {
    textDocument: { uri, languageId: "infer", version, text: TEXT },
  });
});

after(async () => {
  if (missing) return;
  connection.dispose();
  server.kill();
  rmSync(folder, { recursive: true });
});

serverTest("what is wrong is told on opening, with its code and place", async () => {
  const [error] = await diagnostics(1);
  assert.equal(error.code, "E0204");
  assert.equal(error.severity, lsp.DiagnosticSeverity.Error);
  assert.deepEqual(error.range, { start: { line: 2, character: 2 }, end: { line: 2, character: 9 } });
});

serverTest("the fix is offered", async () => {
  const found = await diagnostics(1);
  const actions = await connection.sendRequest(lsp.CodeActionRequest.method, {
    textDocument: { uri },
    range: found[0].range,
    context: { diagnostics: found },
  });
  const texts = JSON.stringify(actions.map((action) => action.edit));
  assert.ok(texts.includes("replicas") || texts.includes('"newText":"s"'), texts);
});

serverTest("after an edit the findings are those of the new text", async () => {
  version = 2;
  await connection.sendNotification(lsp.DidChangeTextDocumentNotification.method, {
    textDocument: { uri, version },
    contentChanges: [{ range: { start: { line: 2, character: 9 }, end: { line: 2, character: 9 } }, text: "s" }],
  });
  const errors = (await diagnostics(2)).filter((one) => one.severity === lsp.DiagnosticSeverity.Error);
  assert.deepEqual(errors, []);
});

serverTest("fields are completed", async () => {
  const answer = await connection.sendRequest(lsp.CompletionRequest.method, {
    textDocument: { uri },
    position: { line: 2, character: 2 },
  });
  const labels = (answer.items ?? answer).map((item) => item.label);
  assert.ok(labels.includes("budget") && labels.includes("serving"), labels.join());
});

serverTest("lenses carry the commands that the extension provides, and what those take", async () => {
  const lenses = await connection.sendRequest(lsp.CodeLensRequest.method, { textDocument: { uri } });
  assert.deepEqual(
    lenses.map((lens) => [lens.command.command, ...lens.command.arguments]).sort(),
    [
      ["inferc.call", uri, "a"],
      ["inferc.call", uri, "both"],
      ["inferc.graph", uri, "both"],
      ["inferc.run", uri, "a"],
      ["inferc.run", uri, "both"],
    ],
  );
});

serverTest("the picture is that of the text in the editor, and is drawn", async () => {
  const { dot } = await connection.sendRequest("inferc/graph", { uri, name: "both" });
  assert.match(await drawn(dot), /^<svg[^]*both/);
  const { problem } = await connection.sendRequest("inferc/graph", { uri, name: "c" });
  assert.match(problem, /no pipeline, route or deployment is called `c`/);
});

serverTest("codes are explained, as Markdown", async () => {
  const page = await connection.sendRequest("inferc/explain", { code: "E0204" });
  assert.match(page, /E0204/);
});

serverTest("the server ends when asked, with status 0", async () => {
  await connection.sendRequest(lsp.ShutdownRequest.method);
  const ended = new Promise((resolve) => server.once("exit", resolve));
  await connection.sendNotification(lsp.ExitNotification.method);
  assert.equal(await ended, 0);
});
