// The editor: CodeMirror, with the compiler's findings, offers and explanations.

import {
  acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippet,
  type Completion, type CompletionContext, type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, foldKeymap, foldService, indentOnInput, indentService, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Text } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers,
  showDialog,
} from "@codemirror/view";
import type { Compiler, Edit, Finding, Offer, Range } from "./compiler";
import { language } from "./language";
import { element, prose } from "./shown";

/** What the page gives to the editor. */
export interface Home {
  compiler: Compiler;
  file: () => string;
  changed: () => void;
  explain: (code: string) => void;
  run: () => void;
  edit: (edits: Edit[]) => void;
  say: (message: string) => void;
}

export function editorIn(parent: HTMLElement, home: Home): EditorView {
  return new EditorView({ parent, state: stateOf("", home) });
}

/** A file as the editor holds it: with a history of its own. */
export function stateOf(text: string, home: Home): EditorState {
  return EditorState.create({
    doc: text,
    extensions: [
      lineNumbers(),
      foldGutter(),
      highlightActiveLineGutter(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      history(),
      drawSelection(),
      EditorState.allowMultipleSelections.of(true),
      indentUnit.of("  "),
      indentService.of(indentation),
      foldService.of(block),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ override: [(context) => offers(context, home)], icons: true }),
      hoverTooltip((view, at) => hover(view, at, home)),
      lintGutter(),
      language,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "Your .infer file", spellcheck: "false" }),
      EditorView.updateListener.of((update) => update.docChanged && home.changed()),
      keymap.of([
        { key: "Mod-Enter", run: () => (home.run(), true) },
        { key: "Shift-Alt-f", run: (view) => (void format(view, home), true) },
        { key: "Mod-s", preventDefault: true, run: (view) => (void format(view, home), true) },
        { key: "F2", run: (view) => (void rename(view, home), true) },
        { key: "Tab", run: acceptCompletion },
        ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
        ...completionKeymap, ...lintKeymap, indentWithTab,
      ]),
    ],
  });
}

export function offsetsOf(doc: Text, range: Range): { from: number; to: number } {
  const at = (line: number, column: number) => {
    const found = doc.line(Math.min(line + 1, doc.lines));
    return Math.min(found.from + column, found.to);
  };
  return { from: at(range[0], range[1]), to: at(range[2], range[3]) };
}

/** Underline findings. */
export function show(view: EditorView, findings: Finding[], home: Home) {
  const { doc } = view.state;
  const made = findings.map((each): Diagnostic => ({
    ...offsetsOf(doc, each.range),
    severity: each.severity === "note" ? "info" : each.severity,
    message: each.message,
    renderMessage: () =>
      element("div", { class: "said" }, code(each, home), element("span", {}, each.message)),
    actions: each.fixes
      .filter((fix) => fix.edits.every((edit) => edit.file === home.file()))
      .map((fix) => ({ name: fix.title, apply: (target) => applyEdits(target, fix.edits) })),
  }));
  view.dispatch(setDiagnostics(view.state, made));
}

function code(finding: Finding, home: Home): HTMLElement {
  const link = element("button", { class: `code ${finding.severity}`, type: "button" }, finding.code);
  link.onclick = () => home.explain(finding.code);
  return link;
}

export function applyEdits(view: EditorView, edits: Edit[]) {
  const { doc } = view.state;
  view.dispatch({ changes: edits.map((edit) => ({ ...offsetsOf(doc, edit.range), insert: edit.text })) });
}

export async function format(view: EditorView, home: Home) {
  const { doc } = view.state;
  const edits = await home.compiler.ask("format", { name: home.file(), text: doc.toString() });
  if (view.state.doc.eq(doc)) applyEdits(view, edits);
}

/** Ask for another name, and write it wherever the thing is named, in all files. */
async function rename(view: EditorView, home: Home) {
  const { doc, selection } = view.state;
  const where = { name: home.file(), ...place(doc, selection.main.head) };
  const found = await home.compiler.ask("prepare_rename", { ...where, text: doc.toString() }).catch(() => null);
  if (!view.state.doc.eq(doc)) return;
  if (found === null) return home.say("Nothing here has a name of yours.");
  const { result } = showDialog(view, {
    label: `Rename ${found.name} to`,
    input: { type: "text", name: "name", value: found.name, "aria-label": "New name" },
    submitLabel: "Rename",
    focus: true,
    top: true,
    class: "renaming",
  });
  const form = await result;
  view.focus();
  if (form === null || !view.state.doc.eq(doc)) return;
  const written = (form.elements.namedItem("name") as HTMLInputElement).value;
  const { edits, said } = await home.compiler.ask("rename", { ...where, new: written });
  home.say(edits.length > 0 ? said : `It keeps its name: ${said}.`);
  if (view.state.doc.eq(doc)) home.edit(edits);
}

function place(doc: Text, at: number): { line: number; column: number } {
  const found = doc.lineAt(at);
  return { line: found.number - 1, column: at - found.from };
}

async function offers(context: CompletionContext, home: Home): Promise<CompletionResult | null> {
  const { doc } = context.state;
  const before = context.matchBefore(/[\p{L}\p{N}_]+|["/.={([$]\s?/u);
  if (!context.explicit && before === null) return null;
  const asked = { name: home.file(), text: doc.toString(), ...place(doc, context.pos) };
  const found = await home.compiler.ask("complete", asked).catch(() => null);
  if (found === null || context.aborted || found.offers.length === 0) return null;
  const { from } = offsetsOf(doc, found.offers[0]!.range);
  return { from, options: found.offers.map(option), validFor: found.incomplete ? undefined : /^[\p{L}\p{N}_]*$/u };
}

function option(offer: Offer): Completion {
  const { doc } = offer;
  return {
    label: offer.filter ?? offer.label,
    displayLabel: offer.label,
    type: KINDS[offer.kind] ?? "text",
    detail: offer.detail ?? undefined,
    sortText: offer.sort ?? undefined,
    info: doc === null ? undefined : () => prose(doc),
    apply: offer.snippet ? snippet(translated(offer.text)) : offer.text,
  };
}

const KINDS: Record<string, string> = {
  field: "property", property: "property", class: "class", struct: "class", module: "namespace", file: "namespace",
  folder: "namespace", function: "function", method: "method", keyword: "keyword", value: "constant", enum: "enum",
  enummember: "enum", enum_member: "enum", variable: "variable", constant: "constant", interface: "interface",
  unit: "constant", snippet: "keyword", typeparameter: "type", reference: "variable",
};

/** A template of the protocol as one of CodeMirror's. */
function translated(text: string): string {
  return text
    .replace(/\$(\d+)/g, (_, number: string) => (number === "0" ? "${}" : `\${${number}}`))
    .replace(/\$\{0\}/g, "${}")
    .replace(/\\([$}\\])/g, "$1");
}

async function hover(view: EditorView, at: number, home: Home) {
  const { doc } = view.state;
  const found = await home.compiler.ask("hover", { name: home.file(), ...place(doc, at) }).catch(() => null);
  if (found === null || !view.state.doc.eq(doc)) return null;
  const where = found.range === null ? { from: at, to: at } : offsetsOf(doc, found.range);
  return { pos: where.from, end: where.to, above: true, create: () => ({ dom: prose(found.markdown) }) };
}

/** As deep as the brackets that are open. */
function indentation(context: { state: EditorState; lineAt: (at: number) => { text: string } }, at: number): number {
  const line = context.state.doc.lineAt(at);
  const before = line.number > 1 ? context.state.doc.line(line.number - 1).text : "";
  const depth = /^ */.exec(before)![0].length;
  const opens = /[{([]\s*(#.*)?$/.test(before);
  const closes = /^\s*[})\]]/.test(context.lineAt(at).text);
  return Math.max(depth + (opens ? 2 : 0) - (closes ? 2 : 0), 0);
}

/** What can be folded: the lines between a bracket at the end of one and its partner. */
function block(state: EditorState, start: number, end: number) {
  const text = state.sliceDoc(start, end);
  if (!/[{([]\s*$/.test(text)) return null;
  const depth = /^ */.exec(text)![0].length;
  for (let number = state.doc.lineAt(start).number + 1; number <= state.doc.lines; number += 1) {
    const line = state.doc.line(number);
    if (line.text.trim() !== "" && /^ */.exec(line.text)![0].length <= depth) {
      return number > state.doc.lineAt(start).number + 1 ? { from: end, to: state.doc.line(number - 1).to } : null;
    }
  }
  return null;
}
