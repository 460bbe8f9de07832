// The colours of `.infer`, from the table that all editor grammars are made of.

import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StringStream } from "@codemirror/language";
import { Tag } from "@lezer/highlight";
import table from "./made/colours.json";

interface Sequence {
  pattern: string;
  roles: string[];
}
interface Item extends Sequence {
  end?: Sequence;
  inside?: string[];
  filling?: string;
}
interface Compiled {
  pattern: RegExp;
  roles: string[];
  region?: Region;
}
interface Region {
  end: RegExp | null;
  endRole: string;
  inside: string[];
  filling: string;
}
interface State {
  regions: Region[];
  left: [number, string][];
}

const sticky = (pattern: string) => new RegExp(pattern, "uy");

const items = new Map<string, Compiled>(
  Object.entries(table.items as Record<string, Item>).map(([name, item]) => {
    const region = item.end && {
      end: sticky(item.end.pattern),
      endRole: item.end.roles[0] ?? "",
      inside: item.inside ?? [],
      filling: item.filling ?? "",
    };
    return [name, { pattern: sticky(item.pattern), roles: item.roles, region: region || undefined }];
  }),
);
const whole: Region = { end: null, endRole: "", inside: table.main, filling: "" };
const blanks = /[ \t\f]+|[\p{L}\p{N}_]+|[^]/uy;

function match(pattern: RegExp, stream: StringStream): RegExpExecArray | null {
  pattern.lastIndex = stream.pos;
  return pattern.exec(stream.string);
}

/** Leave the regions that end at the end of their line. */
function leaveAtEnd(state: State, line: string) {
  while (state.regions.length > 0) {
    const { end } = state.regions[state.regions.length - 1]!;
    if (end === null) return;
    end.lastIndex = line.length;
    if (end.exec(line) === null) return;
    state.regions.pop();
  }
}

/** Move over what is next, and give its role; nothing is given where only a region was left. */
function step(stream: StringStream, state: State): string {
  const queued = state.left.shift();
  if (queued !== undefined) {
    stream.pos = queued[0];
    return queued[1];
  }
  for (;;) {
    const region = state.regions[state.regions.length - 1] ?? whole;
    const ended = region.end && match(region.end, stream);
    if (ended) {
      state.regions.pop();
      if (ended[0] === "") continue;
      stream.pos += ended[0].length;
      return region.endRole;
    }
    for (const name of region.inside) {
      const item = items.get(name)!;
      const found = match(item.pattern, stream);
      if (found === null || found[0] === "") continue;
      let at = stream.pos;
      item.roles.forEach((role, index) => {
        const text = found[index + 1] ?? "";
        if (text !== "") state.left.push([(at += text.length), role]);
      });
      if (item.region) state.regions.push(item.region);
      const [end, role] = state.left.shift()!;
      stream.pos = end;
      return role;
    }
    stream.pos += match(blanks, stream)![0].length;
    return region.filling;
  }
}

/** Each role has a tag of its own: two that shared one would look alike. */
const roles: Record<string, Tag> = Object.fromEntries(
  table.roles.map((role) => [`infer-${role}`, Tag.define()]),
);

/** The parts of one line after another, as the editor and the tests see them. */
export const parser = {
  name: "infer",
  startState: (): State => ({ regions: [], left: [] }),
  copyState: (state: State): State => ({ regions: [...state.regions], left: [...state.left] }),
  token(stream: StringStream, state: State): string | null {
    const role = step(stream, state);
    if (stream.eol() && state.left.length === 0) leaveAtEnd(state, stream.string);
    return role === "" || role === "name" ? null : `infer-${role}`; // `type` alone is CodeMirror's own
  },
  blankLine: (state: State) => leaveAtEnd(state, ""),
  tokenTable: roles,
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
};

export const infer = StreamLanguage.define(parser);

export const style = HighlightStyle.define(
  Object.entries(roles).map(([role, tag]) => ({ tag, class: role })),
);

export const language = [infer, syntaxHighlighting(style)];
