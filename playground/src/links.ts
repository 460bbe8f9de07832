// Files in the part of an address behind `#`, which no server sees: `#1/` and deflated JSON in base64url.

import type { Files } from "./compiler";

export interface Project {
  files: Files;
  open: string;
}

/** The most that the page works on, in characters of all files. */
export const LARGEST = 200_000;
const MOST_FILES = 20;
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,60}\.infer$/u;

/** What is wrong with a link, for whoever opened it. */
export class BrokenLink extends Error {}

export async function linkTo(project: Project): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(project));
  const packed = new Uint8Array(await new Response(through(bytes, new CompressionStream("deflate-raw"))).arrayBuffer());
  let text = "";
  for (const byte of packed) text += String.fromCharCode(byte);
  return "#1/" + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The files of a link; null where there is none. Raises BrokenLink. */
export async function projectOf(fragment: string): Promise<Project | null> {
  if (fragment === "" || fragment === "#") return null;
  const found = /^#(\d+)\/([A-Za-z0-9_-]+)$/.exec(fragment);
  if (found === null) throw new BrokenLink("This link is no link of the playground, or a part of it is missing.");
  if (found[1] !== "1") throw new BrokenLink("This link was made by a newer playground.");
  let value: unknown;
  try {
    const packed = Uint8Array.from(atob(found[2]!.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    value = JSON.parse(await inflated(packed));
  } catch (error) {
    if (error instanceof BrokenLink) throw error;
    throw new BrokenLink("This link is damaged: a part of it is missing, or was changed on its way.");
  }
  return checked(value);
}

function through(bytes: Uint8Array, change: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return new Blob([bytes as BlobPart]).stream().pipeThrough(change as ReadableWritablePair<Uint8Array, Uint8Array>);
}

async function inflated(packed: Uint8Array): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = through(packed, new DecompressionStream("deflate-raw")).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length;
    if (size > LARGEST * 5) {
      void reader.cancel();
      throw new BrokenLink("The files of this link are too large for the playground.");
    }
    parts.push(read.value);
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(parts as BlobPart[]).arrayBuffer());
}

function checked(value: unknown): Project {
  const broken = new BrokenLink("This link holds no files of the playground.");
  if (typeof value !== "object" || value === null) throw broken;
  const { files, open } = value as Partial<Project>;
  if (typeof files !== "object" || files === null || typeof open !== "string") throw broken;
  const names = Object.keys(files);
  if (!Object.hasOwn(files, open) || names.length > MOST_FILES) throw broken;
  if (!names.every((name) => NAME.test(name) && typeof files[name] === "string")) throw broken;
  if (sizeOf(files) > LARGEST) throw new BrokenLink("The files of this link are too large for the playground.");
  return { files: { ...files }, open };
}

export function sizeOf(files: Files): number {
  return Object.values(files).reduce((sum, text) => sum + text.length, 0);
}
