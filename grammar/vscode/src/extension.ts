// The extension: finds `inferc`, starts its language server, and offers its commands and tasks.

import * as vscode from "vscode";

import { registerCommands } from "./commands";
import { Server } from "./server";
import { registerTasks } from "./tasks";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  server = new Server();
  context.subscriptions.push(
    server,
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
