// The `inferc` of this window: looked for in its surroundings, and run.

import { execFile } from "node:child_process";
import * as vscode from "vscode";

import { findInferc, type Found } from "./find";

/** The `inferc` for a document, or for the first folder. */
export async function inferc(document?: vscode.Uri): Promise<Found> {
  const own = document && vscode.workspace.getWorkspaceFolder(document);
  const all = [...(own ? [own] : []), ...(vscode.workspace.workspaceFolders ?? [])];
  const trusted = vscode.workspace.isTrusted;
  return findInferc({
    setting: vscode.workspace.getConfiguration("inferc", document).get("path", "").trim(),
    folders: trusted ? [...new Set(all.map((folder) => folder.uri.fsPath))] : [],
    interpreter: trusted ? await interpreter(document) : undefined,
    path: process.env.PATH ?? "",
    windows: process.platform === "win32",
  });
}

/** The interpreter of the Python extension, if that is there. */
async function interpreter(document?: vscode.Uri): Promise<string | undefined> {
  const python = vscode.extensions.getExtension("ms-python.python");
  if (!python) return undefined;
  try {
    const api = await python.activate();
    const path = api?.environments?.getActiveEnvironmentPath(document);
    return (await api?.environments?.resolveEnvironment(path))?.executable?.uri?.fsPath;
  } catch {
    return undefined; // another extension's failure: the search goes on without it
  }
}

/** What a run of `inferc` gave. */
export interface Outcome {
  status: number;
  output: string;
  said: string;
}

/** Run `inferc` and wait for its end; says so and gives undefined when there is none. */
export async function run(document: vscode.Uri | undefined, ...words: string[]): Promise<Outcome | undefined> {
  const found = await inferc(document);
  if (found.command === undefined) {
    await tellMissing(found.tried);
    return undefined;
  }
  const folder = document && vscode.workspace.getWorkspaceFolder(document)?.uri.fsPath;
  const options = { cwd: folder, env: { ...process.env, NO_COLOR: "1" }, timeout: 120_000, maxBuffer: 64 << 20 };
  return new Promise((done) => {
    execFile(found.command, words, options, (error, output, said) => {
      const status = error ? (typeof error.code === "number" ? error.code : 1) : 0;
      done({ status, output, said: said || (error && !output ? error.message : "") });
    });
  });
}

const INSTALL = "python3 -m venv .venv && .venv/bin/python -m pip install 'inferc[lsp]'";
const INSTALL_ON_WINDOWS = "py -m venv .venv; .venv\\Scripts\\python -m pip install 'inferc[lsp]'";

/** Say that there is no `inferc`, with ways to get it. */
export async function tellMissing(tried: string[]): Promise<void> {
  const install = "Install into .venv";
  const settings = "Say where it is";
  const where = tried.slice(0, 3).join(", ") || "PATH";
  const message = `inferc was not found (${where}${tried.length > 3 ? ", …" : ""}). Files are coloured, but not checked.`;
  const folder = vscode.workspace.isTrusted ? vscode.workspace.workspaceFolders?.[0] : undefined;
  const chosen = await vscode.window.showWarningMessage(message, ...(folder ? [install] : []), settings);
  if (chosen === install) {
    const terminal = vscode.window.createTerminal({ name: "Install inferc", cwd: folder?.uri });
    terminal.show();
    // Not sent off: the user reads the line, and presses Enter.
    terminal.sendText(process.platform === "win32" ? INSTALL_ON_WINDOWS : INSTALL, false);
  } else if (chosen === settings) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "inferc.path");
  }
}
