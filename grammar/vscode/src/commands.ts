// Compile, graph, explain, call and run, for the file in front of the user.

import * as vscode from "vscode";

import { codeOf } from "./codes";
import { run } from "./inferc";
import { Pages } from "./pages";
import { Previews } from "./preview";
import { questionsOf, wordsOf } from "./questions";
import type { Server } from "./server";
import { taskOf } from "./tasks";

export function registerCommands(server: Server): vscode.Disposable[] {
  const pages = new Pages();
  const previews = new Previews(server);
  return [
    pages,
    previews,
    vscode.commands.registerCommand("inferc.compile", () => startTask("compile")),
    vscode.commands.registerCommand("inferc.run", (uri?: unknown) => startTask("run", uri)),
    vscode.commands.registerCommand("inferc.call", (...given: unknown[]) => call(given)),
    vscode.commands.registerCommand("inferc.graph", async (uri?: unknown, name?: unknown) => {
      const document = await infer(uri);
      if (document) await previews.show(document, typeof name === "string" ? name : undefined);
    }),
    vscode.commands.registerCommand("inferc.explain", () => explain(server, pages)),
  ];
}

/** The document that a code lens names, or the one in front. */
async function infer(uri?: unknown): Promise<vscode.TextDocument | undefined> {
  const document =
    typeof uri === "string"
      ? await vscode.workspace.openTextDocument(vscode.Uri.parse(uri))
      : vscode.window.activeTextEditor?.document;
  if (document?.languageId === "infer") return document;
  void vscode.window.showInformationMessage("Open a .infer file first.");
  return undefined;
}

/** The same, saved, since `inferc` reads it from the disk. */
async function savedDocument(uri?: unknown): Promise<vscode.TextDocument | undefined> {
  const document = await infer(uri);
  if (document && (document.isUntitled || (document.isDirty && !(await document.save())))) {
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

/** Ask what a lens stands above, with what the user says, in a terminal. */
async function call(given: unknown[]): Promise<void> {
  const [uri, name, parameters] = given;
  if (typeof name !== "string") return;
  const answers: string[] = [];
  for (const question of questionsOf(name, parameters)) {
    const answer = await vscode.window.showInputBox({ ...question, ignoreFocusOut: true });
    if (answer === undefined) return; // Escape
    answers.push(answer);
  }
  const document = await savedDocument(uri);
  const task = document && (await taskOf("call", document.uri, wordsOf(name, parameters, answers)));
  if (task) await vscode.tasks.executeTask(task);
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
