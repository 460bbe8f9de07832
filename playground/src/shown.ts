// What the compiler prints, as elements of the page: nothing of it is ever read as HTML.

import MarkdownIt from "markdown-it";
import { highlightTree } from "@lezer/highlight";
import { infer, style } from "./language";

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false, highlight: coloured });
const CODES: Record<string, string> = { "1": "bold", "31": "red", "32": "green", "33": "yellow", "34": "blue", "36": "cyan" };

/** Text with ANSI colours. */
export function ansi(text: string): DocumentFragment {
  const all = document.createDocumentFragment();
  let classes = "";
  for (const part of text.split(/(\x1b\[[\d;]*m)/)) {
    const code = /^\x1b\[([\d;]*)m$/.exec(part);
    if (code) classes = code[1]!.split(";").map((each) => CODES[each] ?? "").filter(Boolean).map((c) => `ansi-${c}`).join(" ");
    else if (part !== "" && classes === "") all.append(part);
    else if (part !== "") all.append(element("span", { class: classes }, part));
  }
  return all;
}

/** Markdown of the compiler. */
export function prose(text: string): HTMLElement {
  const shown = element("div", { class: "prose" });
  shown.innerHTML = markdown.render(text); // `html: false`: all that it says is escaped
  for (const link of shown.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  return shown;
}

function coloured(text: string, name: string): string {
  const shown = element("code");
  if (name !== "infer") shown.append(text);
  else {
    let at = 0;
    highlightTree(infer.parser.parse(text), style, (from, to, classes) => {
      shown.append(text.slice(at, from), element("span", { class: classes }, text.slice(from, to)));
      at = to;
    });
    shown.append(text.slice(at));
  }
  return shown.innerHTML;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}
