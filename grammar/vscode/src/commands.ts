// Compile, graph, explain and run, for the file in front of the user.

import * as vscode from "vscode";

import { codeOf, graphPage } from "./codes";
import { run } from "./inferc";
import { Pages } from "./pages";
import type { Server } from "./server";
import { taskOf } from "./tasks";

export function registerCommands(server: Server): vscode.Disposable[] {
  const pages = new Pages();
  return [
    pages,
    vscode.commands.registerCommand("inferc.compile", () => startTask("compile")),
    vscode.commands.registerCommand("inferc.run", (uri?: unknown) => startTask("run", uri)),
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
