// The graph of a file beside it, drawn anew while the file is written.

import * as vscode from "vscode";

import { drawn, graphPage } from "./pictures";
import type { Server } from "./server";

const PAUSE = 250; // milliseconds without a change after which it is drawn anew

/** One picture: of a file, or of one declaration in it with all that it needs. */
class Preview {
  private timer: NodeJS.Timeout | undefined;
  private newest = 0;
  private svg = "";

  constructor(
    private readonly server: Server,
    private readonly panel: vscode.WebviewPanel,
    readonly uri: string,
    readonly name: string | undefined,
  ) {}

  reveal(): void {
    this.panel.reveal(undefined, true);
  }

  soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.draw(), PAUSE);
  }

  async draw(): Promise<void> {
    const turn = ++this.newest;
    let note = "";
    try {
      const answer = await this.server.graph(this.uri, this.name);
      if ("dot" in answer) this.svg = await drawn(answer.dot);
      else note = answer.problem + (this.svg && ": this is the picture from before");
    } catch (error) {
      note = `The graph cannot be drawn: ${error instanceof Error ? error.message : error}`;
    }
    if (turn === this.newest) this.panel.webview.html = graphPage(this.panel.title, this.svg, note);
  }

  forget(): void {
    clearTimeout(this.timer);
    this.newest = Infinity; // an answer that is under way comes too late
  }
}

export class Previews implements vscode.Disposable {
  private readonly open = new Map<string, Preview>();
  private readonly panels = new Set<vscode.WebviewPanel>();
  private readonly changes: vscode.Disposable;

  constructor(private readonly server: Server) {
    // What a file imports is in its picture, too.
    this.changes = vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.languageId === "infer") for (const each of this.open.values()) each.soon();
    });
  }

  async show(document: vscode.TextDocument, name?: string): Promise<void> {
    const uri = document.uri.toString();
    const key = JSON.stringify([uri, name]);
    const before = this.open.get(key);
    if (before) {
      before.reveal();
      return before.draw();
    }
    const title = `Graph of ${name ?? vscode.workspace.asRelativePath(document.uri)}`;
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("inferc.graph", title, column, { localResourceRoots: [] });
    const preview = new Preview(this.server, panel, uri, name);
    this.open.set(key, preview);
    this.panels.add(panel);
    panel.onDidDispose(() => {
      preview.forget();
      this.open.delete(key);
      this.panels.delete(panel);
    });
    await preview.draw();
  }

  dispose(): void {
    this.changes.dispose();
    for (const panel of [...this.panels]) panel.dispose();
  }
}
