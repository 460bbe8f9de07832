// The compiler as functions. One worker; a new one where it hangs or breaks.

export type Range = [line: number, column: number, endLine: number, endColumn: number];
export interface Edit {
  file?: string;
  range: Range;
  text: string;
}
export interface Finding {
  file: string;
  range: Range;
  severity: "error" | "warning" | "note";
  code: string;
  message: string;
  shown: string;
  fixes: { title: string; edits: Edit[] }[];
}
export interface Checked {
  findings: Finding[];
  summary: string;
}
export interface Offer {
  label: string;
  kind: string;
  detail: string | null;
  doc: string | null;
  sort: string | null;
  filter: string | null;
  range: Range;
  text: string;
  snippet: boolean;
}
export interface Printed {
  status: number;
  text: string;
}
export type Files = Record<string, string>;

interface Answers {
  start: { version: string };
  open: null;
  check: Checked;
  complete: { incomplete: boolean; offers: Offer[] };
  hover: { markdown: string; range: Range | null } | null;
  format: Edit[];
  prepare_rename: { name: string; range: Range } | null;
  rename: { edits: Edit[]; said: string };
  explain: { code: string; markdown: string } | null;
  graph: { dot: string | null };
  command: Printed;
}

/** It was stopped before it had answered. */
export class Stopped extends Error {}

export class Compiler {
  private worker!: Worker;
  private waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private count = 0;

  /** told: what the compiler is doing; files: what it works on when it has to begin again. */
  constructor(
    private told: (stage: "loading" | "python" | "ready" | "failed", error?: string) => void,
    private files: () => Files,
  ) {
    this.begin();
  }

  ask<K extends keyof Answers>(ask: K, params: Record<string, unknown> = {}): Promise<Answers[K]> {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage({ id, ask, with: params });
    });
  }

  /** End whatever is being worked on, and begin again. */
  restart() {
    this.worker.terminate();
    const left = [...this.waiting.values()];
    this.waiting.clear();
    this.begin();
    for (const each of left) each.reject(new Stopped());
  }

  private begin() {
    this.told("loading");
    this.worker = new Worker(new URL("worker.js", document.baseURI), { type: "module" });
    this.worker.onmessage = ({ data }) => {
      if ("stage" in data) return this.told(data.stage, data.error);
      const asked = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("error" in data) asked?.reject(new Error(data.error));
      else asked?.resolve(data.answer);
      if (data.fatal) this.restart();
    };
    this.worker.onerror = (event) => this.told("failed", event.message || "worker.js cannot be loaded");
    void this.ask("open", { files: this.files() }).catch(() => {});
  }
}
