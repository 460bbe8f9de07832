import assert from "node:assert/strict";
import { homedir } from "node:os";
import { test } from "node:test";

import { source } from "./sources.mjs";

const { findInferc } = await source("find");

const around = (files, more = {}) => ({
  setting: "",
  folders: ["/home/ann/shop"],
  interpreter: undefined,
  path: "/usr/local/bin:/usr/bin",
  windows: false,
  exists: (file) => files.includes(file),
  ...more,
});

test("the one in .venv comes before all others", () => {
  const files = ["/usr/bin/inferc", "/home/ann/shop/venv/bin/inferc", "/home/ann/shop/.venv/bin/inferc"];
  assert.deepEqual(findInferc(around(files)), { command: "/home/ann/shop/.venv/bin/inferc", from: ".venv" });
});

test("venv is looked into, too, and every folder of the workspace", () => {
  const found = findInferc(around(["/home/ann/other/venv/bin/inferc"], { folders: ["/home/ann/shop", "/home/ann/other"] }));
  assert.deepEqual(found, { command: "/home/ann/other/venv/bin/inferc", from: "venv" });
});

test("the interpreter of the Python extension comes before PATH", () => {
  const files = ["/usr/bin/inferc", "/opt/conda/envs/a/bin/inferc"];
  const found = findInferc(around(files, { interpreter: "/opt/conda/envs/a/bin/python" }));
  assert.deepEqual(found, { command: "/opt/conda/envs/a/bin/inferc", from: "the Python interpreter" });
});

test("PATH is the last resort, in its order; relative folders in it are left out", () => {
  const files = ["/usr/bin/inferc", "/usr/local/bin/inferc", "bin/inferc"];
  const found = findInferc(around(files, { path: "bin:/usr/local/bin:/usr/bin" }));
  assert.deepEqual(found, { command: "/usr/local/bin/inferc", from: "PATH" });
});

test("what the setting says is used or reported, never replaced", () => {
  const setting = "/opt/inferc/bin/inferc";
  const files = ["/home/ann/shop/.venv/bin/inferc"];
  assert.deepEqual(findInferc(around(files, { setting })), { command: undefined, tried: [setting] });
  assert.equal(findInferc(around([...files, setting], { setting })).command, setting);
});

test("the setting may name the folder, the home directory, or a path in the folder", () => {
  const tried = (setting) => findInferc(around([], { setting })).tried[0];
  assert.equal(tried("${workspaceFolder}/tools/inferc"), "/home/ann/shop/tools/inferc");
  assert.equal(tried("~/bin/inferc"), `${homedir()}/bin/inferc`);
  assert.equal(tried("tools/inferc"), "/home/ann/shop/tools/inferc");
});

test("in vain: every place that was looked into, in order", () => {
  assert.deepEqual(findInferc(around([])), {
    command: undefined,
    tried: [
      "/home/ann/shop/.venv/bin/inferc",
      "/home/ann/shop/venv/bin/inferc",
      "/usr/local/bin/inferc",
      "/usr/bin/inferc",
    ],
  });
});

test("without trusted folders nothing in them is looked at", () => {
  const found = findInferc(around(["/home/ann/shop/.venv/bin/inferc"], { folders: [] }));
  assert.deepEqual(found.tried, ["/usr/local/bin/inferc", "/usr/bin/inferc"]);
});

test("on Windows, programs are in Scripts and end in .exe", () => {
  const { tried } = findInferc(around([], { windows: true, path: "" }));
  assert.match(tried[0], /\.venv.Scripts.inferc\.exe$/);
});
