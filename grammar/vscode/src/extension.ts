// The extension: finds `inferc`, starts its language server, and offers its commands and tasks.

import * as vscode from "vscode";

import { registerCommands } from "./commands";
import { Server } from "./server";
import { registerTasks } from "./tasks";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  server = new Server();
  const programs = "**/{.venv,venv}/{bin,Scripts}/{inferc,inferc.exe}";
  const installed = vscode.workspace.createFileSystemWatcher(programs, false, true, true);
  context.subscriptions.push(
    server,
    installed,
    installed.onDidCreate(() => server?.restart()),
    vscode.commands.registerCommand("inferc.restart", () => server?.restart()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => server?.restart()),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("inferc.path")) void server?.restart();
    }),
    ...registerCommands(server),
    registerTasks(),
  );
  await server.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
