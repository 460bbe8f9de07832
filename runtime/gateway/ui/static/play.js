// Asking what is served: chats with images, tools and structured answers; vectors, ranks, labels; pipelines.

import { duration, h, money, number, setText } from "./dom.js";
import { events } from "./live.js";

const chosen = { name: null };

export function playground(page) {
  const select = h("select", { id: "model", onchange: () => open(select.value) });
  const holder = h("div", { class: "try" });
  const note = h("p", { class: "quiet", hidden: true });
  const element = h("section", { class: "panel single play" }, h("h1", {}, "Playground"),
    h("div", { class: "row tools" }, h("label", { for: "model" }, "Ask"), select), note, holder);
  let served = new Map();

  async function load(wanted) {
    const [models, pipelines] = await Promise.all(["/v1/models", "/v1/pipelines"].map((path) => page.fetch(path)));
    if (!models.ok) {
      setText(note, models.status === 401 ? "A key is needed." : "The models cannot be listed.");
      note.hidden = false;
      if (models.status === 401 && !page.key) page.askForKey("The playground asks in your name: enter a key.");
      return;
    }
    const listed = (await models.json()).data;
    const flows = pipelines.ok ? (await pipelines.json()).data : [];
    served = new Map([...listed.map((each) => [each.id, each]), ...flows.map((each) => [each.name, { ...each, task: "pipeline" }])]);
    const group = (label, items) => items.length > 0 && h("optgroup", { label }, items.map((name) => h("option", { value: name }, name)));
    const isFlow = (name) => served.get(name).task === "pipeline";
    select.replaceChildren(...[group("Models and routes", [...served.keys()].filter((name) => !isFlow(name))), group("Pipelines", [...served.keys()].filter(isFlow))].filter(Boolean));
    open(served.has(wanted) ? wanted : served.has(chosen.name) ? chosen.name : select.value);
  }

  function open(name) {
    if (!served.has(name)) return;
    chosen.name = select.value = name;
    const model = served.get(name);
    const make = { chat, generate: chat, embed, rerank, classify, pipeline }[model.task] ?? tensors;
    holder.replaceChildren(make(page, name, model));
  }

  let asked = null;
  return {
    element,
    at: ([name]) => {
      if (name === asked && served.size) return;
      asked = name;
      load(name);
    },
  };
}

// ---- chats

function chat(page, name, model) {
  const turns = [];
  const log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "The conversation" });
  const text = h("textarea", { rows: 2, placeholder: "Say something", "aria-label": "Message", onkeydown: (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    }
  } });
  const images = h("div", { class: "attached" });
  const pictures = [];
  const file = h("input", { type: "file", accept: "image/*", multiple: true, class: "hidden", "aria-label": "Add images", onchange: async () => {
    for (const each of file.files) {
      const url = await asDataUrl(each);
      pictures.push(url);
      images.append(h("img", { src: url, alt: each.name }));
    }
    file.value = "";
  } });
  const can = model.abilities ?? {};
  const system = field("System", h("textarea", { rows: 2, placeholder: "You are…" }));
  const temperature = field("Temperature", h("input", { type: "number", min: 0, max: 2, step: 0.1 }));
  const most = field("Most tokens", h("input", { type: "number", min: 1, step: 1 }));
  const stream = h("input", { type: "checkbox", checked: true });
  const tools = field("Tools (JSON)", h("textarea", { rows: 6, class: "code", spellcheck: "false", placeholder: '[{"type": "function", "function": {"name": "weather", "parameters": {…}}}]' }));
  const schema = field("Answer (JSON schema)", h("textarea", { rows: 6, class: "code", spellcheck: "false", placeholder: '{"type": "object", "properties": {…}}' }));
  const stop = h("button", { type: "button", class: "button", hidden: true }, "Stop");
  const send = h("button", { class: "button primary", type: "submit" }, "Send");
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const example = h("div", { class: "row" },
    h("button", { type: "button", class: "button small", onclick: () => (tools.input.value = JSON.stringify(WEATHER, null, 2)) }, "Example of a tool"),
    h("button", { type: "button", class: "button small", onclick: () => (schema.input.value = JSON.stringify(CITY, null, 2)) }, "Example of a schema"));
  const form = h("form", { class: "say", onsubmit: (event) => {
    event.preventDefault();
    ask();
  } }, images, text, h("div", { class: "row" },
    h("button", { type: "button", class: "icon", "aria-label": "Add images", title: can.images === false ? "This model takes no images" : "Add images", onclick: () => file.click() }, "+"), file,
    h("label", { class: "check" }, stream, "stream"), h("span", { class: "space" }),
    h("button", { type: "button", class: "button", onclick: () => {
      turns.length = 0;
      log.replaceChildren();
    } }, "Clear"), stop, send));

  function body() {
    const content = pictures.length ? [...pictures.map((url) => ({ type: "image_url", image_url: { url } })), { type: "text", text: text.value }] : text.value;
    const made = { model: name, messages: [...(system.input.value ? [{ role: "system", content: system.input.value }] : []), ...turns, { role: "user", content }] };
    if (stream.checked) Object.assign(made, { stream: true, stream_options: { include_usage: true } });
    if (temperature.input.value) made.temperature = Number(temperature.input.value);
    if (most.input.value) made.max_tokens = Number(most.input.value);
    const given = parsed(tools, "tools");
    if (given) made.tools = given;
    const form = parsed(schema, "schema");
    if (form) made.response_format = { type: "json_schema", json_schema: { name: "answer", schema: form, strict: true } };
    return made;
  }

  async function ask() {
    error.hidden = true;
    if (!text.value.trim() && !pictures.length) return;
    let asked;
    try {
      asked = body();
    } catch (problem) {
      setText(error, problem.message);
      error.hidden = false;
      return;
    }
    const sent = asked.messages.at(-1);
    turns.push(sent);
    log.append(bubble("user", text.value, pictures));
    text.value = "";
    pictures.length = 0;
    images.replaceChildren();
    const own = bubble("assistant", "", []);
    log.append(own);
    const control = new AbortController();
    stop.hidden = false;
    send.disabled = true;
    stop.onclick = () => control.abort();
    try {
      turns.push(await answered(page, asked, own, control.signal));
    } catch (problem) {
      turns.pop();
      own.classList.add("failed");
      own.querySelector(".meta").replaceChildren(control.signal.aborted ? "stopped" : problem.message, ...(problem.id ? [" ", storyLink(problem.id)] : []));
    }
    stop.hidden = true;
    send.disabled = false;
    text.focus();
  }

  return h("div", { class: "chat" },
    h("div", { class: "talk" }, log, error, form),
    h("details", { class: "settings", open: window.innerWidth > 900 }, h("summary", {}, "Settings"), system.element, h("div", { class: "pair" }, temperature.element, most.element), tools.element, schema.element, example,
      h("p", { class: "quiet" }, Object.entries({ tools: "tools", structured_output: "JSON schemas", images: "images", thinking: "thinking" }).filter(([key]) => can[key]).map(([, word]) => word).join(", ").replace(/^(.+)$/, "Takes $1."))));
}

async function answered(page, asked, own, signal) {
  const began = performance.now();
  const answer = await page.fetch("/v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked), signal });
  await refused(answer);
  const said = own.querySelector(".said");
  const thought = own.querySelector(".thought");
  const calls = own.querySelector(".calls");
  const turn = { role: "assistant", content: "" };
  const toolCalls = [];
  let first = null, usage = null;
  const take = (message) => {
    if (first === null && (message.content || message.reasoning_content || message.tool_calls)) first = performance.now();
    if (message.reasoning_content) {
      thought.hidden = false;
      thought.querySelector("p").append(message.reasoning_content);
    }
    if (typeof message.content === "string") {
      turn.content += message.content;
      said.append(message.content);
    }
    for (const call of message.tool_calls ?? []) {
      const held = (toolCalls[call.index ?? toolCalls.length] ??= { id: "", type: "function", function: { name: "", arguments: "" } });
      held.id ||= call.id ?? "";
      held.function.name += call.function?.name ?? "";
      held.function.arguments += call.function?.arguments ?? "";
      calls.replaceChildren(...toolCalls.filter(Boolean).map((each) => h("code", {}, `${each.function.name}(${each.function.arguments})`)));
    }
  };
  if (asked.stream) {
    for await (const { data } of events(answer.body)) {
      if (data === "[DONE]") break;
      const chunk = JSON.parse(data);
      if (chunk.error) throw Object.assign(new Error(chunk.error.message), { id: answer.headers.get("x-request-id") });
      usage = chunk.usage ?? usage;
      take(chunk.choices?.[0]?.delta ?? {});
      own.parentElement?.scrollTo(0, own.parentElement.scrollHeight);
    }
  } else {
    const whole = await answer.json();
    usage = whole.usage;
    take(whole.choices[0].message);
  }
  if (asked.response_format) {
    try {
      said.replaceChildren(h("pre", {}, JSON.stringify(JSON.parse(turn.content), null, 2)));
    } catch {
      own.classList.add("failed");
    }
  }
  const ended = performance.now();
  own.querySelector(".meta").replaceChildren(...meta(answer, [
    asked.stream && first !== null ? `first part after ${duration((first - began) / 1000)}` : null,
    duration((ended - began) / 1000),
    usage ? `${number(usage.prompt_tokens)} + ${number(usage.completion_tokens)} tokens` : null,
  ]));
  if (toolCalls.length) turn.tool_calls = toolCalls.filter(Boolean);
  return turn;
}

function bubble(role, text, pictures) {
  return h("article", { class: `bubble ${role}` }, h("span", { class: "hidden" }, role === "user" ? "You: " : "Answer: "),
    pictures.map((url) => h("img", { src: url, alt: "An image that you sent" })),
    h("details", { class: "thought", hidden: true }, h("summary", {}, "Thoughts"), h("p", {})),
    h("div", { class: "said" }, text), h("div", { class: "calls" }), h("p", { class: "meta" }));
}

// ---- other tasks

function embed(page, name) {
  const text = h("textarea", { rows: 4, "aria-label": "Texts, one a line" }, "The parcel is late.\nWhere is my order?\nA recipe for bread");
  return simple(page, "One text a line; how alike they are, from 0 to 1.", [text], "/v1/embeddings", () => ({ model: name, input: lines(text) }), (answer, asked) => {
    const vectors = answer.data.map((each) => each.embedding);
    const norm = (one) => Math.hypot(...one) || 1;
    const alike = (one, other) => one.reduce((sum, value, at) => sum + value * other[at], 0) / norm(one) / norm(other);
    return [h("p", { class: "quiet" }, `${vectors[0].length} numbers each`), h("div", { class: "scroll" }, h("table", { class: "heat" },
      h("tbody", {}, vectors.map((row, at) => h("tr", {}, h("th", { scope: "row" }, asked.input[at]), vectors.map((column) => {
        const value = alike(row, column);
        const cell = h("td", {}, value.toFixed(2));
        cell.style.setProperty("--heat", Math.max(value, 0).toFixed(3));
        return cell;
      })))))) ];
  });
}

function rerank(page, name) {
  const query = h("input", { type: "text", value: "Where is my parcel?", "aria-label": "Query" });
  const text = h("textarea", { rows: 5, "aria-label": "Documents, one a line" }, "Parcels arrive within three days.\nOur shop opens at nine.\nTrack your order with its number.");
  return simple(page, "A query, and one document a line; the best first.", [query, text], "/v1/rerank", () => ({ model: name, query: query.value, documents: lines(text) }), (answer, asked) =>
    bars((answer.results ?? answer.data).map((each) => [asked.documents[each.index], each.relevance_score])));
}

function classify(page, name) {
  const text = h("textarea", { rows: 3, "aria-label": "Texts, one a line" }, "I want my money back.");
  return simple(page, "One text a line.", [text], "/v1/classify", () => ({ model: name, input: lines(text) }), (answer) =>
    answer.data.flatMap((each) => bars((each.labels ?? each.entities).map((label) => [label.text ? `${label.text}: ${label.label}` : label.label, label.score]))));
}

function tensors(page, name) {
  const text = h("textarea", { rows: 8, class: "code", spellcheck: "false", "aria-label": "Inputs" }, '{"inputs": []}');
  page.fetch(`/v2/models/${encodeURIComponent(name)}`).then((answer) => answer.json()).then((model) => {
    text.value = JSON.stringify({ inputs: (model.inputs ?? []).map((each) => ({ name: each.name, datatype: each.datatype, shape: each.shape.map((size) => (size < 0 ? 1 : size)), data: [] })) }, null, 2);
  }).catch(() => {});
  return simple(page, "Tensors, as the Open Inference Protocol has them.", [text], `/v2/models/${encodeURIComponent(name)}/infer`, () => JSON.parse(text.value), (answer) => [h("pre", {}, JSON.stringify(answer.outputs, null, 2))]);
}

function simple(page, says, inputs, path, body, show) {
  const result = h("div", { class: "result", role: "status", "aria-live": "polite" });
  return h("form", { class: "simple", onsubmit: async (event) => {
    event.preventDefault();
    const began = performance.now();
    try {
      const asked = body();
      const answer = await page.fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
      await refused(answer);
      result.replaceChildren(...show(await answer.json(), asked), h("p", { class: "meta" }, meta(answer, [duration((performance.now() - began) / 1000)])));
    } catch (problem) {
      result.replaceChildren(failure(problem));
    }
  } }, h("p", { class: "quiet" }, says), inputs, h("div", { class: "row end" }, h("button", { class: "button primary", type: "submit" }, "Ask")), result);
}

// ---- pipelines

function pipeline(page, name, model) {
  const fields = Object.entries(model.parameters.properties ?? {}).map(([key, kind]) => parameter(key, kind, (model.parameters.required ?? []).includes(key)));
  const result = h("div", { class: "result", role: "status", "aria-live": "polite" });
  const run = h("button", { class: "button primary", type: "submit" }, "Run");
  return h("form", { class: "simple", onsubmit: async (event) => {
    event.preventDefault();
    const began = performance.now();
    const steps = h("ol", { class: "steps" });
    const said = h("div", { class: "said" });
    const foot = h("p", { class: "meta" });
    run.disabled = true;
    try {
      const values = {};
      for (const each of fields) Object.assign(values, await each.read());
      result.replaceChildren(steps, said, foot);
      const answer = await page.fetch(`/v1/pipelines/${encodeURIComponent(name)}`, { method: "POST", headers: { "Content-Type": "application/json", Accept: "text/event-stream" }, body: JSON.stringify(values) });
      await refused(answer);
      for await (const { event: kind, data } of events(answer.body)) {
        const told = JSON.parse(data);
        if (kind === "error") throw Object.assign(new Error(told.error.message), { id: answer.headers.get("x-request-id") });
        if (kind === "step") steps.append(h("li", {}, h("strong", {}, told.name), ` ${[told.deployment, duration(told.seconds), told.tokens ? `${told.tokens} tokens` : null, told.cost ? money(told.cost) : null].filter(Boolean).join(" · ")}`));
        if (kind === "text") said.append(told.delta);
        if (kind === "result") {
          said.replaceChildren(typeof told.result === "string" ? told.result : h("pre", {}, JSON.stringify(told.result, null, 2)));
          foot.replaceChildren(...meta(answer, [duration((performance.now() - began) / 1000), told.usage.total_tokens ? `${told.usage.total_tokens} tokens` : null, told.usage.cost ? money(told.usage.cost) : null]));
        }
      }
    } catch (problem) {
      result.append(failure(problem));
    }
    run.disabled = false;
  } }, h("p", { class: "signature" }, model.signature), fields.map((each) => each.element), h("div", { class: "row end" }, run), result);
}

function parameter(key, kind, isNeeded) {
  const choices = kind.enum;
  const isMedia = kind.contentEncoding === "base64" || kind.format === "byte";
  const input = choices ? h("select", {}, choices.map((each) => h("option", {}, each)))
    : kind.type === "boolean" ? h("input", { type: "checkbox" })
    : kind.type === "integer" || kind.type === "number" ? h("input", { type: "number", step: kind.type === "integer" ? 1 : "any" })
    : isMedia ? h("input", { type: "file" })
    : h("textarea", { rows: kind.type === "string" ? 3 : 5, class: kind.type === "string" ? "" : "code" });
  const made = field(`${key}${isNeeded ? "" : " (may be left out)"}`, input);
  return {
    element: made.element,
    async read() {
      if (kind.type === "boolean") return { [key]: input.checked };
      if (isMedia) return input.files[0] ? { [key]: (await asDataUrl(input.files[0])).split(",")[1] } : {};
      if (!input.value && !isNeeded) return {};
      if (kind.type === "integer" || kind.type === "number") return { [key]: Number(input.value) };
      if (kind.type === "string" || choices) return { [key]: input.value };
      try {
        return { [key]: JSON.parse(input.value) };
      } catch {
        throw new Error(`${key} is no JSON`);
      }
    },
  };
}

// ---- parts

let count = 0;

function field(label, input) {
  input.id ||= `field-${++count}`;
  return { input, element: h("div", { class: "field" }, h("label", { for: input.id }, label), input) };
}

function bars(rows) {
  const most = Math.max(...rows.map(([, value]) => value), 1e-9);
  return rows.map(([label, value]) => {
    const filled = h("div", { class: "fill" });
    filled.style.width = `${Math.max((value / most) * 100, 0).toFixed(1)}%`;
    return h("div", { class: "bar-row" }, h("span", { class: "name" }, label), h("span", { class: "note" }, value.toFixed(3)), h("div", { class: "bar", "aria-hidden": "true" }, filled));
  });
}

function meta(answer, words) {
  const from = (name) => answer.headers.get(`x-inferc-${name}`);
  const id = answer.headers.get("x-request-id") ?? answer.headers.get("request-id");
  const told = [from("deployment") ? `by ${from("deployment")}` : null, from("attempts") > 1 ? `${from("attempts")} attempts` : null, from("cache") ? "from the cache" : null, ...words, from("cost") ? money(Number(from("cost"))) : null, from("adapted") ? `adapted: ${from("adapted")}` : null];
  return [told.filter(Boolean).join(" · "), id ? " " : "", id ? storyLink(id) : ""].filter(Boolean);
}

const storyLink = (id) => h("a", { href: `#requests/${encodeURIComponent(id)}` }, "its story");

async function refused(answer) {
  if (answer.ok) return;
  const told = await answer.json().catch(() => ({}));
  const message = told.error?.message ?? told.error ?? told.message ?? `status ${answer.status}`;
  throw Object.assign(new Error(message), { id: answer.headers.get("x-request-id") });
}

function failure(problem) {
  return h("p", { class: "error", role: "alert" }, problem.message, problem.id ? " " : null, problem.id ? storyLink(problem.id) : null);
}

function lines(text) {
  return text.value.split("\n").filter((line) => line.trim());
}

function parsed({ input }, what) {
  if (!input.value.trim()) return null;
  try {
    return JSON.parse(input.value);
  } catch (problem) {
    throw new Error(`The ${what} are no JSON: ${problem.message}`);
  }
}

function asDataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

const WEATHER = [{ type: "function", function: { name: "weather", description: "The weather in a city", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }];
const CITY = { type: "object", properties: { city: { type: "string" }, people: { type: "integer" } }, required: ["city", "people"], additionalProperties: false };
