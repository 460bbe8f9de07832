// The page: files, the editor, and what the compiler says about them.

import type { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { Compiler, Stopped, type Edit, type Files, type Finding } from "./compiler";
import { applyEdits, editorIn, format, offsetsOf, show, stateOf, type Home } from "./editor";
import { BrokenLink, LARGEST, linkTo, projectOf, sizeOf, type Project } from "./links";
import samples from "./made/samples.json";
import { ansi, element, prose } from "./shown";

type View = "problems" | "graph" | "tests" | "bounds" | "reach" | "flows" | "plan" | "explain";

const find = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector)!;
const tabs = [...document.querySelectorAll<HTMLButtonElement>("[role=tab]")];
const panel = find("#panel");
const notice = find("#notice");
const picker = find<HTMLSelectElement>("#sample");
const KEPT = "inferc-playground";
const PATIENCE = 60_000;

let names: string[] = [];
let states = new Map<string, EditorState>();
let open = "";
let shown: View = "problems";
let findings: Finding[] = [];
let summary = "";
let timer = 0;
let asked = 0;
let explained = "";
let tested: Node | null = null;

const compiler = new Compiler(stage, files);
const home: Home = {
  compiler, file: () => open, changed, explain, run: () => void select("tests").then(test), edit, say: (message) => say(message),
};
const editor = editorIn(find("#editor"), home);

// ---- files

function files(): Files {
  const texts = names.map((name) => [name, name === open ? editor.state.doc.toString() : states.get(name)!.doc.toString()]);
  return Object.fromEntries(texts) as Files;
}

function load(project: Project) {
  names = Object.keys(project.files);
  states = new Map(names.map((name) => [name, stateOf(project.files[name]!, home)]));
  open = "";
  tested = null;
  void compiler.ask("open", { files: project.files }).catch(fault);
  turnTo(project.open);
  document.documentElement.dataset.opened = location.hash;
}

/** Make edits in all files, also in those that are not shown. */
function edit(edits: Edit[]) {
  for (const name of names) {
    const own = edits.filter((each) => each.file === name);
    const state = states.get(name)!;
    if (own.length === 0) continue;
    if (name === open) applyEdits(editor, own);
    else {
      const { doc } = state;
      states.set(name, state.update({ changes: own.map((each) => ({ ...offsetsOf(doc, each.range), insert: each.text })) }).state);
      const text = states.get(name)!.doc.toString();
      void compiler.ask("check", { name, text, columns: columns() }).catch(fault);
    }
  }
  if (edits.length > 0) changed();
}

function turnTo(name: string) {
  if (open !== "") states.set(open, editor.state);
  open = name;
  editor.setState(states.get(name)!);
  const bar = find("#files");
  bar.hidden = names.length < 2;
  bar.replaceChildren(
    ...names.map((each) => {
      const button = element("button", { type: "button", "aria-pressed": String(each === name) }, each);
      button.onclick = () => turnTo(each);
      return button;
    }),
  );
  void check();
}

function changed() {
  clearTimeout(timer);
  timer = window.setTimeout(() => void check(), 15);
}

async function check() {
  const text = editor.state.doc.toString();
  const number = ++asked;
  document.documentElement.dataset.asked = String(number);
  if (sizeOf(files()) > LARGEST) {
    say(`This is more than the playground works on: ${LARGEST.toLocaleString("en")} characters. On your machine, inferc has no such limit.`);
    return;
  }
  if (notice.dataset.about === "size") say("");
  keep();
  const name = open;
  try {
    const found = await compiler.ask("check", { name, text, columns: columns() });
    if (number !== asked) return; // there is a newer text
    findings = found.findings;
    summary = found.summary;
    show(editor, findings.filter((each) => each.file === name), home);
    document.documentElement.dataset.checked = String(number);
    count();
    await draw();
  } catch (error) {
    fault(error);
  }
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ files: files(), open }));
  } catch {
    // a browser that keeps nothing
  }
}

// ---- what is shown beside it

async function select(view: View, focus = false) {
  shown = view;
  for (const tab of tabs) {
    const isIt = tab.dataset.view === view;
    tab.setAttribute("aria-selected", String(isIt));
    tab.tabIndex = isIt ? 0 : -1;
    if (isIt) {
      panel.setAttribute("aria-labelledby", tab.id);
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (focus) tab.focus();
    }
  }
  await draw();
}

async function draw() {
  const view = shown;
  const made = await PICTURES[view]();
  if (made === null || view !== shown) return;
  panel.dataset.view = view;
  panel.replaceChildren(made);
}

const PICTURES: Record<View, () => Promise<Node | null>> = {
  problems: async () => problems(),
  graph,
  tests: async () => tested ?? invitation(),
  bounds: () => printed(["bounds", open], "The most that one request can take, proved from the file."),
  reach: () => printed(["reach", open], "What arrives at every deployment that may answer."),
  flows,
  plan: () => printed(["compile", open, "-o", "-"], "What the executor runs: the same file, the same bytes."),
  explain: async () => page(),
};

/** How many characters there is room for beside each other. */
function columns(): number {
  const ruler = element("pre", { class: "ruler" }, "0".repeat(100));
  panel.append(ruler);
  const width = ruler.getBoundingClientRect().width / 100;
  ruler.remove();
  return Math.max(Math.floor((panel.clientWidth - 70) / width), 40);
}

function count() {
  const errors = findings.filter((each) => each.severity === "error").length;
  const badge = find("#count");
  badge.textContent = findings.length > 0 ? String(findings.length) : "";
  badge.className = errors > 0 ? "bad" : findings.length > 0 ? "warn" : "";
  find("#state").textContent = summary === "" ? "no problems" : summary;
  find("#state").className = errors > 0 ? "bad" : findings.length > 0 ? "warn" : "ok";
}

function problems(): Node {
  if (document.documentElement.dataset.stage !== "ready") return waiting();
  if (findings.length === 0) {
    return element(
      "div", { class: "empty" },
      element("div", { class: "mark-ok", "aria-hidden": "true" }, "✓"),
      element("p", {}, `${open} is right.`),
      element("p", { class: "soft" }, "Change something: what is wrong with it is said here, as inferc check says it."),
    );
  }
  return element("div", { class: "findings" }, ...findings.map(finding));
}

function finding(each: Finding): HTMLElement {
  const actions = element("div", { class: "actions" });
  const go = element("button", { type: "button", class: "small" }, "Show");
  go.onclick = () => {
    if (each.file !== open && names.includes(each.file)) turnTo(each.file);
    const { from, to } = offsetsOf(editor.state.doc, each.range);
    editor.dispatch({ selection: { anchor: from, head: to }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    editor.focus();
  };
  const why = element("button", { type: "button", class: "small" }, `Explain ${each.code}`);
  why.onclick = () => explain(each.code);
  actions.append(go, why);
  for (const fix of each.fixes) {
    if (!fix.edits.every((edit) => edit.file === open)) continue;
    const mend = element("button", { type: "button", class: "small primary" }, fix.title);
    mend.onclick = () => applyEdits(editor, fix.edits);
    actions.append(mend);
  }
  return element("article", { class: `finding ${each.severity}` }, element("pre", {}, ansi(each.shown.trimEnd())), actions);
}

async function graph(): Promise<Node | null> {
  const { dot } = await compiler.ask("graph", { name: open });
  return dot === null ? mendFirst() : drawing(dot, `The graph of ${open}`, `${open}.svg`);
}

/** Also of a file in which data goes where it may not. */
async function flows(): Promise<Node | null> {
  const { status, text } = await compiler.ask("command", { arguments: ["flows", open, "--format", "dot"], columns: columns() });
  if (status === 0) return drawing(text, `Where data goes in ${open}`, `${open}.flows.svg`);
  return printed(["flows", open], "Which kinds of data go where, and whether they may.");
}

async function drawing(dot: string, label: string, name: string): Promise<Node> {
  const { instance } = await import("@viz-js/viz");
  const drawn = (await instance()).renderSVGElement(dot, { graphAttributes: { bgcolor: "transparent" } });
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", label);
  const save = element("a", { class: "button small", download: name }, "Save as SVG");
  save.href = URL.createObjectURL(new Blob([drawn.outerHTML], { type: "image/svg+xml" }));
  return element("div", { class: "graph" }, element("div", { class: "canvas" }, drawn), save);
}

async function printed(command: string[], about: string): Promise<Node | null> {
  const { text } = await compiler.ask("command", { arguments: command, columns: columns() });
  const line = element("p", { class: "soft" }, about);
  return element("div", { class: "printed" }, line, element("pre", {}, element("span", { class: "prompt" }, `$ inferc ${command.join(" ")}\n`), ansi(text)));
}

function invitation(): Node {
  const start = element("button", { type: "button", class: "primary" }, "Run the tests");
  start.onclick = () => void test();
  return element(
    "div", { class: "empty" },
    element("p", {}, "The tests of the file, on a virtual clock: the real policies, played providers."),
    start,
    element("p", { class: "soft" }, "Ctrl+Enter runs them, too."),
  );
}

async function test() {
  const stop = element("button", { type: "button" }, "Stop");
  stop.onclick = () => compiler.restart();
  panel.replaceChildren(element("div", { class: "empty" }, element("div", { class: "spinner" }), element("p", {}, "Playing the tests…"), stop));
  const limit = window.setTimeout(() => compiler.restart(), PATIENCE);
  const again = element("button", { type: "button", class: "small" }, "Run again");
  again.onclick = () => void test();
  try {
    const done = await compiler.ask("command", { arguments: ["test", open, "--coverage"], columns: columns() });
    const said = element("pre", {}, element("span", { class: "prompt" }, `$ inferc test ${open} --coverage\n`), ansi(done.text));
    tested = element("div", { class: "printed" }, again, said);
  } catch (error) {
    if (!(error instanceof Stopped)) fault(error);
    tested = element("div", { class: "empty" }, element("p", {}, "The tests were stopped."), again);
  } finally {
    clearTimeout(limit);
  }
  if (shown === "tests") panel.replaceChildren(tested);
}

function explain(code: string) {
  explained = code;
  void select("explain");
}

async function page(): Promise<Node> {
  const field = element("input", { type: "search", placeholder: "E0302", "aria-label": "Code of a finding", value: explained, size: "10" });
  const form = element("form", { class: "ask" }, field, element("button", { type: "submit", class: "small" }, "Explain"));
  form.onsubmit = (event) => {
    event.preventDefault();
    explain(field.value);
  };
  const all = element("div", { class: "explained" }, form);
  if (explained.trim() === "") {
    all.append(element("p", { class: "soft" }, "What a code means, with an example of what is wrong and what is right."));
    return all;
  }
  const found = await compiler.ask("explain", { code: explained });
  all.append(found === null ? element("p", {}, `There is no code ${explained.trim()}.`) : prose(found.markdown));
  return all;
}

function mendFirst(): Node {
  return element("div", { class: "empty" }, element("p", {}, "There are errors in the file: mend them first."));
}

function waiting(): Node {
  return element("div", { class: "empty" }, element("div", { class: "spinner" }), element("p", { id: "stage" }, "Fetching the compiler…"));
}

// ---- what the page says

function stage(now: "loading" | "python" | "ready" | "failed", error?: string) {
  document.documentElement.dataset.stage = now;
  const words = { loading: "Fetching the compiler…", python: "Starting the compiler…", ready: "", failed: "" };
  const place = document.querySelector("#stage");
  if (place) place.textContent = words[now];
  if (now === "failed") {
    panel.replaceChildren(
      element("div", { class: "empty" }, element("p", {}, "The compiler cannot be started in this browser."), element("p", { class: "soft" }, error ?? ""),
        element("p", { class: "soft" }, "It needs WebAssembly and module workers: Chrome 95, Firefox 114 or Safari 16.4, or newer.")),
    );
  }
  if (now === "ready") void check();
}

function say(text: string) {
  notice.textContent = text;
  notice.hidden = text === "";
  notice.dataset.about = text.startsWith("This is more than") ? "size" : "";
}

function fault(error: unknown) {
  if (error instanceof Stopped) return;
  const said = error instanceof Error ? error.message : String(error);
  if (/cannot be loaded|Failed to fetch/.test(said)) say("A part of the playground cannot be loaded: is its server still there?");
  else say(`inferc itself failed, which is a fault of ours: ${said}`);
}

// ---- controls

for (const [number, each] of samples.entries()) picker.append(element("option", { value: String(number) }, each.title));
picker.onchange = () => {
  const chosen = samples[Number(picker.value)];
  if (chosen === undefined) return;
  history.replaceState(null, "", location.pathname + location.search);
  say("");
  load(chosen as unknown as Project);
  editor.focus();
  picker.value = "";
};

find("#format").onclick = () => void format(editor, home).catch(fault);
find("#share").onclick = async () => {
  if (sizeOf(files()) > LARGEST) return;
  history.replaceState(null, "", await linkTo({ files: files(), open }));
  const button = find("#share");
  try {
    await navigator.clipboard.writeText(location.href);
    button.dataset.said = "copied";
    setTimeout(() => delete button.dataset.said, 1500);
  } catch {
    say("The link is in the address bar: this page may not write to the clipboard.");
  }
};
find("#theme").onclick = () => {
  const dark = document.documentElement.dataset.theme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  theme(dark ? "light" : "dark");
};

function theme(name: string) {
  document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem(`${KEPT}-theme`, name);
  } catch {
    // a browser that keeps nothing
  }
}

for (const [index, tab] of tabs.entries()) {
  tab.onclick = () => void select(tab.dataset.view as View).catch(fault);
  tab.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step ? tabs[(index + step + tabs.length) % tabs.length] : event.key === "Home" ? tabs[0] : event.key === "End" ? tabs.at(-1) : undefined;
    if (next === undefined) return;
    event.preventDefault();
    void select(next.dataset.view as View, true).catch(fault);
  };
}

async function begin() {
  const chosen = localStorageItem(`${KEPT}-theme`);
  if (chosen) theme(chosen);
  await enter();
  window.onhashchange = () => void enter();
}

/** The files of the address; else those of last time; else the first sample. */
async function enter() {
  let project: Project | null = null;
  try {
    project = await projectOf(location.hash);
    say("");
  } catch (error) {
    say(error instanceof BrokenLink ? `${error.message} Here is a sample instead.` : String(error));
    return load(samples[0] as unknown as Project);
  }
  if (project === null && names.length > 0) return;
  load(project ?? kept() ?? (samples[0] as unknown as Project));
}

function kept(): Project | null {
  try {
    const value = JSON.parse(localStorageItem(KEPT) ?? "") as Project;
    const isRight = typeof value.files[value.open] === "string" && sizeOf(value.files) <= LARGEST;
    return isRight ? value : null;
  } catch {
    return null;
  }
}

function localStorageItem(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

void select("problems");
void begin();
