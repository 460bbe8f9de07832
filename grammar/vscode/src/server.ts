// The language server, `inferc lsp`: one for the window, started again when asked.

import * as vscode from "vscode";
import { LanguageClient, type LanguageClientOptions } from "vscode-languageclient/node";

import { inferc, tellMissing } from "./inferc";
import { toServer } from "./forward";

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly output = vscode.window.createOutputChannel("Infer Language Server");
  private turn: Promise<void> = Promise.resolve();

  /** Start it; says so when there is no `inferc`. */
  start(): Promise<void> {
    return this.next(() => this.startNow());
  }

  async stop(): Promise<void> {
    return this.next(() => this.stopNow());
  }

  restart(): Promise<void> {
    return this.next(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  /** The page of a code, as Markdown; undefined when the server is not there or does not know the code. */
  async explain(code: string): Promise<string | undefined> {
    if (!this.client?.isRunning()) return undefined;
    try {
      const answer = await this.client.sendRequest<unknown>("inferc/explain", { code });
      return typeof answer === "string" ? answer : undefined;
    } catch {
      return undefined; // the command line is asked instead
    }
  }

  /** The picture of a file as it is in the editor, in the language of Graphviz, or why there is none. */
  async graph(uri: string, name?: string): Promise<{ dot: string } | { problem: string }> {
    if (!this.client?.isRunning()) return { problem: "The language server is not running" };
    const answer = await this.client.sendRequest<{ dot: string } | { problem: string } | null>("inferc/graph", {
      uri,
      name,
    });
    return answer ?? { problem: "The language server does not know this file" };
  }

  dispose(): void {
    void this.stop();
    this.output.dispose();
  }

  /** One thing after the other: a restart never meets a start that is under way. */
  private next(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }

  private async startNow(): Promise<void> {
    const found = await inferc();
    if (found.command === undefined) {
      void tellMissing(found.tried);
      return;
    }
    this.output.appendLine(`${found.command} lsp (from ${found.from})`);
    const run = { command: found.command, args: ["lsp"] };
    const options: LanguageClientOptions = {
      documentSelector: [{ language: "infer" }],
      outputChannel: this.output,
      middleware: { executeCommand: toServer }, // the only one that the server does is `inferc.test`
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.{infer,onnx}") },
    };
    const client = new LanguageClient("inferc", "Infer", { run, debug: run }, options);
    try {
      await client.start();
      this.client = client;
    } catch (error) {
      const update = "Show the output";
      const message = `${found.command} lsp did not start: ${error}. It needs pip install 'inferc[lsp]'.`;
      void vscode.window.showErrorMessage(message, update).then((chosen) => chosen && this.output.show());
    }
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose();
  }
}
