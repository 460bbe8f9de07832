// Where `inferc` is. Knows nothing of VS Code, so that plain Node can test it.

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";

/** What the search may look at. */
export interface Surroundings {
  /** The setting `inferc.path`; empty: not set. */
  setting: string;
  /** The folders of the workspace, the one of the file first. None when the workspace is not trusted. */
  folders: string[];
  /** The interpreter that the Python extension has chosen. */
  interpreter?: string;
  /** The `PATH` of the environment. */
  path: string;
  windows: boolean;
  exists?: (file: string) => boolean;
}

/** The command and where it was found, or what was tried in vain. */
export type Found = { command: string; from: string } | { command: undefined; tried: string[] };

export function findInferc(around: Surroundings): Found {
  const exists = around.exists ?? existsSync;
  const tried: string[] = [];
  for (const [command, from] of candidates(around)) {
    if (exists(command)) return { command, from };
    tried.push(command);
    // What was asked for is used or reported, never replaced by something else.
    if (from === "the setting inferc.path") break;
  }
  return { command: undefined, tried };
}

function* candidates(around: Surroundings): Generator<[string, string]> {
  const name = around.windows ? "inferc.exe" : "inferc";
  const scripts = around.windows ? "Scripts" : "bin";
  if (around.setting) {
    yield [expand(around.setting, around.folders[0]), "the setting inferc.path"];
    return;
  }
  for (const folder of around.folders) {
    for (const environment of [".venv", "venv"]) {
      yield [join(folder, environment, scripts, name), environment];
    }
  }
  if (around.interpreter && isAbsolute(around.interpreter)) {
    yield [join(dirname(around.interpreter), name), "the Python interpreter"];
  }
  for (const folder of around.path.split(delimiter)) {
    if (isAbsolute(folder)) yield [join(folder, name), "PATH"];
  }
}

function expand(path: string, folder: string | undefined): string {
  const whole = path.replace(/^~(?=$|[\\/])/, homedir()).replaceAll("${workspaceFolder}", folder ?? ".");
  return folder ? resolve(folder, whole) : whole;
}
