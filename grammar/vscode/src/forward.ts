// Commands that the language server does.

import * as vscode from "vscode";

/** What stands between a command and the server that does it: it is told of a file that the user trusts. */
export async function toServer(command: string, given: unknown[], next: (command: string, given: unknown[]) => unknown) {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showInformationMessage("Tests run code that the file names: trust the folder first.");
    return undefined;
  }
  const uri = given[0] ?? vscode.window.activeTextEditor?.document.uri.toString();
  return next(command, uri === undefined ? [] : [uri, ...given.slice(1)]);
}
