// Tasks of the type `inferc`: check every file, and compile or run the one in front.

import * as vscode from "vscode";

import { inferc, tellMissing } from "./inferc";

interface Definition extends vscode.TaskDefinition {
  command: string;
  file?: string;
  arguments?: string[];
}

export function registerTasks(): vscode.Disposable {
  return vscode.tasks.registerTaskProvider("inferc", {
    async provideTasks() {
      const found = await inferc();
      const folders = vscode.workspace.workspaceFolders ?? [];
      if (found.command === undefined) return [];
      return folders.map((folder) => task({ type: "inferc", command: "check" }, folder, found.command));
    },
    async resolveTask(asked) {
      const scope = asked.scope;
      const folder = typeof scope === "object" ? scope : vscode.workspace.workspaceFolders?.[0];
      const found = await inferc(folder?.uri);
      if (found.command === undefined) return undefined;
      return task(asked.definition as Definition, folder, found.command, asked.definition);
    },
  });
}

/** The task that compiles, runs or calls one file, with these words after it; says so and gives undefined when there is no `inferc`. */
export async function taskOf(command: string, document: vscode.Uri, words: string[] = []): Promise<vscode.Task | undefined> {
  const found = await inferc(document);
  if (found.command === undefined) {
    await tellMissing(found.tried);
    return undefined;
  }
  const folder = vscode.workspace.getWorkspaceFolder(document);
  const more = words.length ? { arguments: words } : {};
  return task({ type: "inferc", command, file: document.fsPath, ...more }, folder, found.command);
}

function task(
  definition: Definition,
  folder: vscode.WorkspaceFolder | undefined,
  program: string,
  identity: vscode.TaskDefinition = definition,
): vscode.Task {
  const file = definition.file ?? ".";
  const execution = new vscode.ProcessExecution(program, [definition.command, file, ...(definition.arguments ?? [])], {
    cwd: folder?.uri.fsPath,
    env: { NO_COLOR: "1" },
  });
  const name = definition.file ? `${definition.command} ${vscode.workspace.asRelativePath(file)}` : definition.command;
  const made = new vscode.Task(identity, folder ?? vscode.TaskScope.Workspace, name, "inferc", execution, "$inferc");
  made.group = ["run", "call"].includes(definition.command) ? undefined : vscode.TaskGroup.Build;
  made.isBackground = definition.command === "run";
  return made;
}
