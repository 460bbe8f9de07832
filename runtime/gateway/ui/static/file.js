// The file that is served: its text, what was found in it, and what the compiler proved of it.

import { h } from "./dom.js";

const WORDS = /(#.*$)|("(?:\\.|[^"\\])*"?)|\b(import|param|let|template|deployment|route|pipeline|cluster|gateway|type|extern|from|as|with|else|match|for|in|if|prompt|return|true|false|runtime|task)\b|(\$?\b\d[\w.]*%?)/g;

export function fileView(page) {
  const { files, findings, nodes, guards, compiler } = page.plan;
  const code = h("div", { class: "code-holder" });
  const tabs = h("div", { class: "files", role: "tablist", "aria-label": "Files", hidden: files.length < 2 },
    files.map((file) => h("button", { type: "button", role: "tab", onclick: () => open(file.name) }, file.name)));

  function open(name, line) {
    const file = files.find((each) => each.name === name) ?? files[0];
    if (!file) return;
    for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab.textContent === file.name));
    const own = findings.filter((each) => each.file === file.name);
    code.replaceChildren(h("pre", { class: "source", tabindex: "0", "aria-label": file.name }, file.text.split("\n").map((text, at) => [
      h("span", { class: "line", id: `L${at + 1}`, "data-line": at + 1 }, highlighted(text), "\n"),
      own.filter((each) => each.range?.start.line === at + 1).map((each) => h("span", { class: `said ${each.severity}` }, `${each.severity} ${each.code}: ${each.message}\n`)),
    ])));
    const target = line && code.querySelector(`#L${Number(line)}`);
    if (target) {
      target.classList.add("target");
      target.scrollIntoView({ block: "center" });
    }
  }

  const link = (at, text) => h("a", { href: `#file/${encodeURIComponent(at.file)}/${at.line}` }, text);
  const checks = h("ul", { class: "checks" },
    findings.length === 0 && h("li", { class: "ok" }, files.length ? "Every check passes." : "The plan was compiled before: its files are not here."),
    findings.map((each) => h("li", { class: each.severity }, each.range ? link({ file: each.file, line: each.range.start.line }, `${each.file}:${each.range.start.line}`) : null, ` ${each.code} ${each.message}`)),
    guards.map((each) => h("li", { class: "ok" }, `No way leads past the guard ${each.name}: it sees ${each.sees.join(", ")}.`)),
    h("li", { class: "plain" }, `Compiled by inferc ${compiler}.`));
  const outline = h("table", {}, h("thead", {}, h("tr", {}, ["Name", "Kind", "What", "Where"].map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, nodes.filter((node) => !node.inner).map((node) => h("tr", {}, h("th", { scope: "row" }, node.name), h("td", {}, node.kind), h("td", {}, node.says), h("td", {}, link(node.at, `${node.at.file}:${node.at.line}`))))));
  if (files.length) open(files[0].name);
  else code.append(h("p", { class: "quiet" }, "Run the `.infer` file itself to see it here."));
  return {
    element: h("div", { class: "file-view" }, h("h1", { class: "hidden" }, "The file"),
      h("section", { class: "panel grow", "aria-labelledby": "source-title" }, h("h2", { id: "source-title" }, "Source"), tabs, code),
      h("div", { class: "side-panels" },
        h("section", { class: "panel", "aria-labelledby": "checks-title" }, h("h2", { id: "checks-title" }, "Checks"), checks),
        h("section", { class: "panel", "aria-labelledby": "plan-title" }, h("h2", { id: "plan-title" }, "Plan"), h("div", { class: "scroll" }, outline)))),
    at: ([name, line]) => name && open(name, line),
  };
}

function highlighted(line) {
  const parts = [];
  let end = 0;
  for (const found of line.matchAll(WORDS)) {
    parts.push(line.slice(end, found.index));
    const kind = found[1] ? "comment" : found[2] ? "text" : found[3] ? "word" : "number";
    parts.push(h("span", { class: kind }, found[0]));
    end = found.index + found[0].length;
  }
  parts.push(line.slice(end));
  return parts;
}
