// The graph of the file: who asks whom, from the left to the right, or from above where there is no room.

import { duration, number, s, setText } from "./dom.js";

const CARD = { width: 196, height: 66 };
const GAP = { along: 92, across: 22 };
const CLIENTS = "\u0000clients";

export function graph(plan, onOpen) {
  const svg = s("svg", { class: "graph", role: "group", "aria-label": "Who asks whom" });
  const nodes = new Map();
  nodes.set(CLIENTS, { name: CLIENTS, kind: "clients", says: "" });
  for (const node of plan.nodes) nodes.set(node.name, node);
  const asked = new Set(plan.edges.filter((edge) => edge.kind !== "capacity").map((edge) => edge.to));
  const edges = [
    ...plan.nodes.filter((node) => !node.inner).map((node) => ({ from: CLIENTS, to: node.name, kind: "ask", quiet: asked.has(node.name) && node.kind === "deployment" })),
    ...plan.edges,
  ];
  const drawnEdges = s("g", { class: "edges" });
  const drawnNodes = s("g", { class: "nodes" });
  svg.append(drawnEdges, drawnNodes);

  const cards = new Map([...nodes.values()].map((node) => [node.name, card(node, onOpen)]));
  drawnNodes.append(...[...cards.values()].map((each) => each.element));
  const arrows = edges.map((edge) => arrow(edge));
  drawnEdges.append(...arrows.map((each) => each.element));

  let placed = 0;
  function place(width) {
    const upright = width < 720;
    if (Math.abs(width - placed) < 2) return;
    placed = width;
    const spots = new Map([...nodes.keys()].map((name) => [name, {}]));
    const { layers, ways } = layered(nodes, edges, upright, spots);
    const size = upright ? stacked(layers, spots, width) : sideBySide(layers, spots, width);
    svg.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    svg.style.maxWidth = `${Math.round(size.width * 1.3)}px`;
    for (const [name, each] of cards) each.place(spots.get(name));
    for (const each of arrows) {
      each.place(spots.get(each.edge.from), (ways.get(each.edge) ?? []).map((name) => spots.get(name)), spots.get(each.edge.to), upright);
    }
  }

  function update(live) {
    for (const [name, each] of cards) each.update(live, nodes.get(name));
    for (const each of arrows) each.update(live);
  }

  return { element: svg, place, update };
}

// The layer of each: behind all that ask it; deployments are last. Long arrows have a place of their own in each
// layer that they pass.
function layered(nodes, edges, upright, spots) {
  const plain = edges.filter((edge) => edge.kind !== "capacity");
  const before = new Map([...nodes.keys()].map((name) => [name, []]));
  for (const edge of plain) before.get(edge.to)?.push(edge.from);
  const ranks = new Map();
  const rank = (name, seen = new Set()) => {
    if (ranks.has(name)) return ranks.get(name);
    if (seen.has(name)) return 0;
    seen.add(name);
    const value = Math.max(0, ...before.get(name).map((each) => rank(each, seen) + 1));
    ranks.set(name, value);
    return value;
  };
  for (const name of nodes.keys()) rank(name);
  const last = Math.max(...ranks.values());
  for (const [name, node] of nodes) if (node.kind === "deployment") ranks.set(name, last);
  const layers = Array.from({ length: last + 1 }, () => []);
  for (const name of nodes.keys()) layers[ranks.get(name)].push(name);
  const ways = new Map();
  const links = [];
  for (const edge of plain.filter((each) => !each.quiet)) {
    const way = [];
    if (!upright) {
      for (let at = ranks.get(edge.from) + 1; at < ranks.get(edge.to); at++) {
        const name = `${edge.from}\u0000${edge.to}\u0000${at}`;
        spots.set(name, { isPassed: true });
        layers[at].push(name);
        way.push(name);
      }
    }
    ways.set(edge, way);
    const stops = [edge.from, ...way, edge.to];
    for (let at = 1; at < stops.length; at++) links.push([stops[at - 1], stops[at]]);
  }
  for (let pass = 0; pass < 8; pass++) {
    const forth = pass % 2 === 0;
    const order = forth ? [...layers.keys()] : [...layers.keys()].reverse();
    const places = new Map();
    const note = (layer) => layer.forEach((name, place) => places.set(name, (place + 0.5) / layer.length));
    layers.forEach(note);
    for (const at of order) {
      const middle = new Map(layers[at].map((name) => {
        const near = links.filter((link) => link[forth ? 1 : 0] === name).map((link) => places.get(link[forth ? 0 : 1]));
        return [name, near.length ? near.reduce((sum, each) => sum + each, 0) / near.length : places.get(name)];
      }));
      layers[at].sort((one, other) => middle.get(one) - middle.get(other));
      note(layers[at]);
    }
  }
  return { layers: layers.filter((layer) => layer.length), ways };
}

const ROUND = { width: 66, height: 66 };
const PASSED = { width: CARD.width, height: 8 };

function sideBySide(layers, spots, width) {
  const sizeOf = (name) => (name === CLIENTS ? ROUND : spots.get(name).isPassed ? PASSED : CARD);
  const heightOf = (layer) => layer.reduce((sum, name) => sum + sizeOf(name).height + GAP.across, -GAP.across);
  const height = Math.max(...layers.map(heightOf)) + 12;
  const widths = layers.map((layer) => (layer[0] === CLIENTS ? ROUND.width : CARD.width));
  const own = widths.reduce((sum, each) => sum + each, 0);
  const along = Math.min(Math.max((width - own - 50) / Math.max(layers.length - 1, 1), GAP.along), 190);
  let left = 6;
  layers.forEach((layer, at) => {
    let top = (height - heightOf(layer)) / 2;
    for (const name of layer) {
      const size = sizeOf(name);
      Object.assign(spots.get(name), size, { x: left, y: top });
      top += size.height + GAP.across;
    }
    left += widths[at] + along;
  });
  return { width: left - along + 40, height };
}

function stacked(layers, spots, width) {
  const columns = width > 560 ? 3 : 2;
  const gap = 12;
  const wide = Math.floor((width - 12 - gap * (columns - 1)) / columns);
  let top = 4;
  for (const layer of layers) {
    layer.forEach((name, place) => {
      const row = Math.floor(place / columns);
      const inRow = Math.min(columns, layer.length - row * columns);
      const size = name === CLIENTS ? ROUND : { width: wide, height: CARD.height };
      const total = inRow * size.width + (inRow - 1) * gap;
      Object.assign(spots.get(name), size, { x: (width - total) / 2 + (place % columns) * (size.width + gap), y: top + row * (CARD.height + gap) });
    });
    top += Math.ceil(layer.length / columns) * (CARD.height + gap) + 34;
  }
  return { width, height: top - 40 };
}

function card(node, onOpen) {
  if (node.kind === "clients") {
    const rate = s("text", { class: "rate", x: 33, y: 86, "text-anchor": "middle" });
    const element = s("g", { class: "node clients" },
      s("circle", { cx: 33, cy: 33, r: 31 }),
      s("path", { d: "M33 21a7 7 0 1 1 0 14 7 7 0 0 1 0-14M19 50c2-8 8-11 14-11s12 3 14 11" }),
      s("title", {}, "Clients"));
    return {
      element,
      place: (at) => element.setAttribute("transform", `translate(${at.x} ${at.y})`),
      update: () => setText(rate, ""),
    };
  }
  const dot = s("circle", { class: "dot", cx: 18, cy: 21, r: 4.5 });
  const title = s("text", { class: "title", x: 30, y: 25.5 });
  const says = s("text", { class: "says", x: 14, y: 43 });
  const traffic = s("text", { class: "traffic", x: 14, y: 58.5 });
  const flag = s("text", { class: "flag", y: 25.5, "text-anchor": "end" });
  const box = s("rect", { height: CARD.height, rx: 13 });
  const element = s("g", { class: `node ${node.kind}${node.is_local ? " local" : ""}`, tabindex: "0", role: "button",
    onclick: () => onOpen(node),
    onkeydown: (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        onOpen(node);
      }
    } },
    box, s("rect", { class: "side", width: 4, height: CARD.height - 26, x: 0, y: 13, rx: 2 }),
    dot, title, says, traffic, flag);
  let room = CARD.width;
  return {
    element,
    place(at) {
      room = at.width;
      element.setAttribute("transform", `translate(${at.x} ${at.y})`);
      box.setAttribute("width", room);
      flag.setAttribute("x", room - 12);
      setText(says, shortened(node.says ?? "", Math.floor((room - 22) / 6.1)));
    },
    update(live) {
      const state = stateOf(live, node);
      const { rate, latency, waiting } = trafficOf(live, node);
      const words = [`${number(rate)}/s`, isFinite(latency) ? duration(latency) : null, waiting ? `${waiting} waiting` : null];
      setText(traffic, words.filter(Boolean).join("  ·  "));
      setText(flag, room < 180 && state.flag.length > 5 ? "!" : state.flag);
      setText(title, shortened(node.name, Math.floor((room - 46) / 7.9) - (room < 180 ? 1 : Math.ceil(state.flag.length * 0.8))));
      element.classList.toggle("busy", rate > 0);
      dot.setAttribute("class", `dot ${state.kind}`);
      element.setAttribute("aria-label", `${node.kind} ${node.name}, ${state.word}, ${words.filter(Boolean).join(", ")}`);
    },
  };
}

export function stateOf(live, node) {
  const status = live.parts.status ?? {};
  const found = (status[`${node.kind}s`] ?? []).find((each) => each.name === node.name);
  if (!found) return { kind: node.inner ? "ok" : "off", word: "inside of another", flag: "" };
  if (found.drained) return { kind: "warn", word: "drained", flag: "drained" };
  const replicas = found.replicas ?? [];
  const open = replicas.filter((each) => each.circuit_open).length;
  if (open) return { kind: "bad", word: "circuit open", flag: open === replicas.length ? "circuit open" : `${open}/${replicas.length} open` };
  const held = Math.max(0, ...replicas.map((each) => each.held_seconds));
  if (held) return { kind: "warn", word: "held", flag: `held ${held} s` };
  if (replicas.some((each) => each.key_refused)) return { kind: "bad", word: "key refused", flag: "key refused" };
  if (!found.ready) return { kind: "bad", word: "not ready", flag: "not ready" };
  if (replicas.some((each) => each.warnings?.length || each.missing_providers?.length)) return { kind: "warn", word: "not as asked for", flag: "" };
  return { kind: "ok", word: "ready", flag: replicas.length > 1 ? `×${replicas.length}` : "" };
}

export function trafficOf(live, node) {
  const metric = { deployment: "inferc_requests_total", route: "inferc_route_requests_total", pipeline: "inferc_pipeline_runs_total" }[node.kind];
  const time = { deployment: "inferc_request_duration_seconds", route: "inferc_route_duration_seconds", pipeline: "inferc_pipeline_duration_seconds" }[node.kind];
  const own = (labels) => labels[node.kind] === node.name;
  const found = (live.parts.status?.[`${node.kind}s`] ?? []).find((each) => each.name === node.name) ?? {};
  return {
    rate: live.rates(live.keys(metric, own)),
    latency: live.quantile(time, 0.5, own),
    slow: live.quantile(time, 0.95, own),
    running: found.running ?? 0,
    waiting: found.waiting ?? 0,
    keys: live.keys(metric, own),
  };
}

function arrow(edge) {
  const line = s("path", { class: "line" });
  const flow = s("path", { class: "flow" });
  const label = s("text", { class: "label", "text-anchor": "middle" }, edge.says ?? "");
  const element = s("g", { class: `edge ${edge.kind}${edge.quiet ? " quiet" : ""}` }, line, flow, label);
  return {
    edge,
    element,
    place(from, way, to, upright) {
      const { d, x, y } = edge.kind === "capacity" ? around(from, to, upright) : upright ? down(from, to) : across(from, way, to);
      line.setAttribute("d", d);
      flow.setAttribute("d", d);
      label.setAttribute("x", x);
      label.setAttribute("y", y);
    },
    update(live) {
      const rate = rateOf(live, edge);
      element.classList.toggle("moving", rate > 0.02);
      if (rate > 0.02) {
        flow.style.strokeWidth = `${(1.6 + Math.min(Math.log10(1 + rate) * 2.2, 5)).toFixed(2)}px`;
        const speed = `${Math.max(0.35, 2.2 - Math.log10(1 + rate)).toFixed(1)}s`;
        if (flow.style.animationDuration !== speed) flow.style.animationDuration = speed;
      }
      setText(label, rate > 0.02 ? `${number(rate)}/s` : edge.says ?? "");
    },
  };
}

function rateOf(live, edge) {
  switch (edge.kind) {
    case "ask":
      return live.rate(`asked ${edge.to}`);
    case "member":
      return live.rates(live.keys("inferc_route_answers_total", (labels) => labels.route === edge.from && labels.member === edge.to))
        + live.rates(live.keys("inferc_route_moves_total", (labels) => labels.route === edge.from && labels.member === edge.to));
    case "call":
      return live.rates(live.keys("inferc_pipeline_step_duration_seconds_count", (labels) => labels.pipeline === edge.from
        && edge.steps.some((step) => step.split(".")[0] === labels.step)));
    default:
      return live.rates(live.keys("inferc_requests_total", (labels) => labels.deployment === edge.from && labels.outcome === "diverted"));
  }
}

function across(from, way, to) {
  let [x, y] = [from.x + from.width, from.y + from.height / 2];
  let d = `M${x} ${y}`;
  const curve = (left, middle) => {
    const reach = Math.max((left - x) / 2, 24);
    d += `C${x + reach} ${y} ${left - reach} ${middle} ${left} ${middle}`;
    [x, y] = [left, middle];
  };
  const first = way[0] ?? to;
  const label = { x: (x + first.x) / 2, y: (y + first.y + first.height / 2) / 2 + 4 };
  for (const spot of way) {
    curve(spot.x, spot.y + spot.height / 2);
    x += spot.width;
    d += `H${x}`;
  }
  curve(to.x, to.y + to.height / 2);
  return { d, ...label };
}

function down(from, to) {
  const [x1, y1] = [from.x + from.width / 2, from.y + from.height];
  const [x2, y2] = [to.x + to.width / 2, to.y];
  const reach = Math.max((y2 - y1) / 2, 14);
  return { d: `M${x1} ${y1}C${x1} ${y1 + reach} ${x2} ${y2 - reach} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2 + 4 };
}

function around(from, to, upright) {
  if (upright) {
    const d = `M${from.x + from.width / 2} ${from.y}L${to.x + to.width / 2} ${to.y + to.height}`;
    return { d, x: (from.x + to.x + from.width) / 2, y: (from.y + to.y + to.height) / 2 };
  }
  const [x, y1, y2] = [from.x + from.width, from.y + from.height / 2 + 8, to.y + to.height / 2 - 8];
  return { d: `M${x} ${y1}C${x + 34} ${y1} ${x + 34} ${y2} ${x} ${y2}`, x: x + 22, y: (y1 + y2) / 2 };
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
