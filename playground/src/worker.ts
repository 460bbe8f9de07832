// The compiler, in Python, beside the page: it is asked in messages, and answers in order.

/// <reference lib="webworker" />
import type { loadPyodide as Load } from "pyodide";

export interface Question {
  id: number;
  ask: string;
  with: Record<string, unknown>;
}

const folder = "/lib/inferc";
const scope = self as unknown as DedicatedWorkerGlobalScope;

const home = new URL(".", scope.location.href);

interface Python {
  answer: (question: string) => string;
  unpack: (archive: ArrayBuffer) => void;
}

async function fetched(name: string): Promise<ArrayBuffer> {
  const answer = await fetch(new URL(name, home));
  if (!answer.ok) throw new Error(`${name} cannot be loaded: ${answer.status}`);
  return answer.arrayBuffer();
}

async function start(): Promise<Python> {
  const archive = fetched("checking.zip");
  const { loadPyodide } = (await import(new URL("pyodide/pyodide.mjs", home).href)) as { loadPyodide: typeof Load };
  const python = await loadPyodide({ indexURL: new URL("pyodide/", home).href });
  scope.postMessage({ stage: "python" });
  const unpack = (bytes: ArrayBuffer) => python.unpackArchive(new Uint8Array(bytes), "zip", { extractDir: folder });
  unpack(await archive);
  const module = python.runPython(`import sys; sys.path.insert(0, "${folder}"); import playground; playground`);
  return { answer: module.answer, unpack };
}

let playing: Promise<void> | null = null;

/** What only commands need comes when the first of them is asked for. */
async function playable({ unpack }: Python) {
  if (isPlayable) return;
  unpack(await fetched("playing.zip"));
  isPlayable = true;
}
let isPlayable = false;

const ready = start();
ready.then(
  () => scope.postMessage({ stage: "ready" }),
  (error: unknown) => scope.postMessage({ stage: "failed", error: String(error) }),
);

let before: Promise<unknown> = ready.catch(() => {});
scope.onmessage = (event: MessageEvent<Question>) => {
  before = before.then(() => work(event.data)); // in order, although some wait
};

async function work({ id, ...question }: Question) {
  let python: Python;
  try {
    python = await ready;
    if (question.ask === "command") await playable(python);
  } catch (error) {
    return scope.postMessage({ id, error: String(error) });
  }
  try {
    scope.postMessage({ id, ...JSON.parse(python.answer(JSON.stringify(question))) });
  } catch (error) {
    scope.postMessage({ id, error: String(error), fatal: true }); // Python itself is broken
  }
}
