// Compile, graph, explain and run, for the file in front of the user.

import * as vscode from "vscode";

import { codeOf, graphPage } from "./codes";
import { run } from "./inferc";
import { Pages } from "./pages";
import type { Server } from "./server";
import { taskOf } from "./tasks";

export function registerCommands(server: Server): vscode.Disposable[] {
  const pages = new Pages();
  const played = vscode.languages.createDiagnosticCollection("inferc test");
  return [
    pages,
    vscode.commands.registerCommand("inferc.compile", () => startTask("compile")),
    vscode.commands.registerCommand("inferc.run", (uri?: unknown) => startTask("run", uri)),
    played,
    vscode.commands.registerCommand("inferc.test", (uri?: unknown, title?: unknown) => playTests(played, uri, title)),
    vscode.commands.registerCommand("inferc.graph", (uri?: unknown, name?: unknown) => showGraph(pages, uri, name)),
    vscode.commands.registerCommand("inferc.explain", () => explain(server, pages)),
  ];
}

/** The document that a code lens names, or the one in front; saved, since `inferc` reads it from the disk. */
async function savedDocument(uri?: unknown): Promise<vscode.TextDocument | undefined> {
  const document =
    typeof uri === "string"
      ? await vscode.workspace.openTextDocument(vscode.Uri.parse(uri))
      : vscode.window.activeTextEditor?.document;
  if (document?.languageId !== "infer") {
    void vscode.window.showInformationMessage("Open a .infer file first.");
    return undefined;
  }
  if (document.isUntitled || (document.isDirty && !(await document.save()))) {
    void vscode.window.showInformationMessage("Save the file first.");
    return undefined;
  }
  return document;
}

async function startTask(command: string, uri?: unknown): Promise<void> {
  const document = await savedDocument(uri);
  const task = document && (await taskOf(command, document.uri));
  if (task) await vscode.tasks.executeTask(task);
}

interface Position {
  line: number;
  column: number;
}

/** What `inferc test --format json` says of the tests that it played. */
interface Played {
  tests: { title: string; passed: boolean }[];
  diagnostics: {
    code: string;
    message: string;
    label: string;
    range: { start: Position; end: Position } | null;
    notes: string[];
  }[];
}

/** Plays the tests of a file, or one of them; what does not hold is shown where it stands. */
async function playTests(played: vscode.DiagnosticCollection, uri: unknown, title: unknown): Promise<void> {
  const document = await savedDocument(uri);
  if (!document) return;
  const only = typeof title === "string" ? ["--only", title] : [];
  const outcome = await run(document.uri, "test", document.uri.fsPath, ...only, "--format", "json");
  if (!outcome) return;
  let said: Played;
  try {
    said = JSON.parse(outcome.output) as Played;
  } catch {
    void vscode.window.showErrorMessage(outcome.said.trim() || "inferc test failed without a word");
    return;
  }
  played.set(
    document.uri,
    said.diagnostics.map((each) => {
      const at = (place?: Position) => new vscode.Position((place?.line ?? 1) - 1, (place?.column ?? 1) - 1);
      const range = new vscode.Range(at(each.range?.start), at(each.range?.end));
      const text = [each.message, each.label, ...each.notes].filter(Boolean).join("\n");
      const found = new vscode.Diagnostic(range, text, vscode.DiagnosticSeverity.Error);
      found.code = each.code;
      found.source = "inferc test";
      return found;
    }),
  );
  const failed = said.tests.filter((each) => !each.passed).length;
  const all = `${said.tests.length} ${said.tests.length === 1 ? "test" : "tests"} played`;
  void vscode.window.setStatusBarMessage(failed ? `${all}, ${failed} failed` : `${all}, all passed`, 10_000);
}

/** The graph of the file, or of one declaration with all that it needs. */
async function showGraph(pages: Pages, uri: unknown, name: unknown): Promise<void> {
  const document = await savedDocument(uri);
  if (!document) return;
  const file = document.uri.fsPath;
  const part = typeof name === "string" ? [name] : [];
  const drawn = await run(document.uri, "graph", file, ...part, "--format", "svg");
  if (!drawn) return;
  const title = `Graph of ${part[0] ?? vscode.workspace.asRelativePath(document.uri)}`;
  if (drawn.status === 0) {
    const panel = vscode.window.createWebviewPanel("inferc.graph", title, vscode.ViewColumn.Beside);
    panel.webview.html = graphPage(title, drawn.output);
    return;
  }
  const written = await run(document.uri, "graph", file, ...part);
  if (written?.status === 0) {
    void vscode.window.showInformationMessage(`The graph as Mermaid, since there is no picture: ${drawn.said.trim()}`);
    await pages.show(title, `\`\`\`mermaid\n${written.output}\`\`\`\n`);
  } else {
    void vscode.window.showErrorMessage((written ?? drawn).said.trim() || "inferc graph failed without a word");
  }
}

/** The page of the code under the cursor, or else on its line. */
async function explain(server: Server, pages: Pages): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return;
  const at = editor.selection.active;
  const findings = vscode.languages.getDiagnostics(editor.document.uri);
  const here =
    findings.find((found) => found.range.contains(at) && codeOf(found.code)) ??
    findings.find((found) => found.range.start.line === at.line && codeOf(found.code));
  const code = here && codeOf(here.code);
  if (!code) {
    void vscode.window.showInformationMessage("There is nothing to explain under the cursor.");
    return;
  }
  const page = (await server.explain(code)) ?? (await run(editor.document.uri, "explain", code))?.output;
  if (page) await pages.show(code, page);
}
