// What the server says of itself each second, and what follows from it: rates, and shares of time.

const KEPT = 120; // seconds
const RATE = 10; // seconds that a rate is taken over

export class Live {
  constructor() {
    this.parts = {};
    this.history = []; // [seconds, samples by name]
    this.listeners = new Set();
  }

  async follow(headers, signal) {
    const answer = await fetch("/ui/live", { headers, signal });
    if (!answer.ok) throw new Refusal(answer.status);
    for await (const { event, data } of events(answer.body)) {
      if (event === "closed") throw new Refusal(401);
      this.take(JSON.parse(data));
    }
  }

  take(changes) {
    Object.assign(this.parts, changes);
    const samples = new Map();
    for (const [name, rows] of Object.entries(this.parts.metrics ?? {})) {
      for (const [labels, value] of rows) samples.set(keyOf(name, labels), value);
    }
    for (const { group: [key, asked, deployment], requests, cost, prompt_tokens, completion_tokens } of this.parts.flows ?? []) {
      const name = asked.split("/")[0];
      add(samples, `asked ${name}`, requests);
      add(samples, "cost", cost);
      add(samples, "tokens", prompt_tokens + completion_tokens);
      add(samples, `cost of ${deployment}`, cost);
      add(samples, `cost of key ${key}`, cost);
    }
    this.history.push([performance.now() / 1000, samples]);
    if (this.history.length > KEPT) this.history.shift();
    for (const listener of this.listeners) listener(this);
  }

  get now() {
    return this.history.at(-1)?.[1] ?? new Map();
  }

  // What a counter has grown by each second, over the last seconds; `ago`: that much earlier.
  rate(key, ago = 0, over = RATE) {
    const last = this.history.length - 1 - ago;
    if (last < 1) return 0;
    const first = Math.max(last - over, 0);
    const [then, before] = this.history[first];
    const [now, after] = this.history[last];
    const grown = (after.get(key) ?? 0) - (before.get(key) ?? 0);
    return now > then && grown > 0 ? grown / (now - then) : 0;
  }

  rates(keys, over = RATE) {
    return keys.reduce((sum, key) => sum + this.rate(key, 0, over), 0);
  }

  // The rates of the last minute, for a line.
  series(keys, length = 60) {
    return Array.from({ length }, (_, at) => keys.reduce((sum, key) => sum + this.rate(key, length - 1 - at, 5), 0));
  }

  rows(name) {
    return this.parts.metrics?.[name] ?? [];
  }

  keys(name, fits = () => true) {
    return this.rows(name).filter(([labels]) => fits(labels)).map(([labels]) => keyOf(name, labels));
  }

  total(name, fits = () => true) {
    return this.rows(name).reduce((sum, [labels, value]) => sum + (fits(labels) ? value : 0), 0);
  }

  // The time within which a share of requests ended: of the last minute, or of all where there were none.
  quantile(name, share, fits = () => true) {
    const bounds = new Map();
    for (const recent of [true, false]) {
      bounds.clear();
      const [, before] = this.history[Math.max(this.history.length - 60, 0)] ?? [0, new Map()];
      for (const [labels, value] of this.rows(`${name}_bucket`)) {
        if (!fits(labels)) continue;
        const le = labels.le === "+Inf" ? Infinity : Number(labels.le);
        const earlier = recent ? before.get(keyOf(`${name}_bucket`, labels)) ?? 0 : 0;
        bounds.set(le, (bounds.get(le) ?? 0) + value - earlier);
      }
      if ((bounds.get(Infinity) ?? 0) > 0) break;
    }
    const total = bounds.get(Infinity) ?? 0;
    if (!total) return NaN;
    let low = 0, below = 0;
    for (const [le, count] of [...bounds].sort(([a], [b]) => a - b)) {
      if (count >= share * total) {
        if (le === Infinity || count === below) return le === Infinity ? low : le;
        return low + ((share * total - below) / (count - below)) * (le - low);
      }
      [low, below] = [le, count];
    }
    return low;
  }
}

export class Refusal extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

export function keyOf(name, labels) {
  return name + Object.keys(labels).sort().map((label) => `\u0000${label}=${labels[label]}`).join("");
}

function add(samples, key, value) {
  samples.set(key, (samples.get(key) ?? 0) + value);
}

// The events of a stream: their names and data.
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value.replaceAll("\r\n", "\n");
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const found = { event: "", data: "" };
        for (const line of text.slice(0, end).split("\n")) {
          if (line.startsWith("event:")) found.event = line.slice(6).trim();
          if (line.startsWith("data:")) found.data += (found.data && "\n") + line.slice(5).replace(/^ /, "");
        }
        text = text.slice(end + 2);
        if (found.data) yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
