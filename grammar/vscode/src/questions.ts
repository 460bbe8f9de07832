// What is asked before something is called, and the words that `inferc call` gets. Knows nothing of VS Code.

export interface Question {
  title: string;
  prompt: string;
}

/** Parameters of a pipeline, as the language server names them: `[name, type]`. */
function parametersOf(given: unknown): [string, string][] | undefined {
  if (!Array.isArray(given)) return undefined;
  return given.filter((each): each is [string, string] => Array.isArray(each) && typeof each[0] === "string");
}

/** One question for each parameter, or one for what takes a text. */
export function questionsOf(name: string, given: unknown): Question[] {
  const parameters = parametersOf(given);
  if (!parameters) return [{ title: `Ask ${name}`, prompt: "What to ask, embed or classify" }];
  return parameters.map(([each, type]) => {
    const more = type.endsWith("?") ? "; nothing leaves it out" : "";
    return { title: `Call ${name}`, prompt: `${each}: ${type} (@file takes what is in a file${more})` };
  });
}

/** What follows `inferc call FILE`: an optional parameter without an answer is left out. */
export function wordsOf(name: string, given: unknown, answers: string[]): string[] {
  const parameters = parametersOf(given);
  if (!parameters) return [name, "--", ...answers];
  const said = parameters.map(([each, type], at) => [each, type, answers[at] ?? ""] as const);
  const kept = said.filter(([, type, answer]) => answer || !type.endsWith("?"));
  return [name, "--", ...kept.map(([each, , answer]) => `${each}=${answer}`)];
}
