// What everything does now: numbers, the graph with its traffic, what was spent, and what went wrong.

import { openDrawer } from "./drawer.js";
import { duration, h, keyed, money, number, setText, sparkline } from "./dom.js";
import { graph, stateOf, trafficOf } from "./graph.js";
import { requestRow } from "./requests.js";

export function overview(page) {
  const { plan, live } = page;
  const tiles = [
    tile("Requests", "a second"),
    tile("Errors", "in the last minute"),
    tile("Median latency", ""),
    tile("Median first token", "of streams"),
    tile("Tokens", "a second"),
    tile("Spent", "since the start"),
  ];
  const drawn = graph(plan, (node) => openNode(page, node));
  const holder = h("div", { class: "holder" }, drawn.element);
  const budgets = h("div", { class: "budgets" });
  const latencies = h("div", { class: "latencies" });
  const troubles = h("ol", { class: "requests", role: "list" });
  const keys = h("tbody");
  const guards = h("div", { class: "guards" });
  const quiet = h("p", { class: "quiet" }, "Nothing went wrong lately.");
  const resized = new ResizeObserver(() => drawn.place(holder.clientWidth));
  resized.observe(holder);
  drawn.place(window.innerWidth > 760 ? window.innerWidth - 300 : window.innerWidth - 64);

  const element = h("div", { class: "overview" },
    h("h1", { class: "hidden" }, "Overview"),
    h("section", { class: "tiles", "aria-label": "Now" }, tiles.map((each) => each.element)),
    h("section", { class: "panel wide traffic-panel", "aria-labelledby": "graph-title" }, h("h2", { id: "graph-title" }, "Traffic"), holder),
    h("section", { class: "panel", "aria-labelledby": "trouble-title" },
      h("h2", { id: "trouble-title" }, "What went wrong", h("a", { href: "#requests", class: "more" }, "All requests")), quiet, troubles),
    h("section", { class: "panel", "aria-labelledby": "latency-title" }, h("h2", { id: "latency-title" }, "Latencies"), latencies),
    h("section", { class: "panel", "aria-labelledby": "budget-title" }, h("h2", { id: "budget-title" }, "Spend"), budgets),
    h("section", { class: "panel", "aria-labelledby": "keys-title", hidden: !plan.keys.length }, h("h2", { id: "keys-title" }, "Keys"),
      h("table", {}, h("thead", {}, h("tr", {}, ["Key", "Requests", "Tokens", "Cost", "Limits used"].map((word) => h("th", { scope: "col" }, word)))), keys)),
    h("section", { class: "panel", "aria-labelledby": "guards-title", hidden: !plan.guards.length }, h("h2", { id: "guards-title" }, "Guards"), guards));

  function update() {
    updateTiles(live, tiles);
    drawn.update(live);
    const wrong = (live.parts.recent ?? []).filter((each) => each.outcome !== "ok" || each.attempts > 1).slice(-6).reverse();
    quiet.hidden = wrong.length > 0;
    keyed(troubles, wrong, (each) => each.id + each.time, (each) => requestRow(page, each));
    updateBudgets(budgets, plan, live);
    updateLatencies(latencies, plan, live);
    keyed(keys, live.parts.status?.keys ?? [], (each) => each.name,
      (each) => h("tr", {}, h("th", { scope: "row" }, each.name), h("td"), h("td"), h("td"), h("td")),
      (row, each) => {
        const count = Object.values(each.requests).reduce((sum, value) => sum + value, 0);
        const used = each.limits_used === null ? "–" : `${Math.round(each.limits_used * 100)} %`;
        [number(count), number(each.tokens), money(each.cost), used].forEach((text, at) => setText(row.children[at + 1], text));
      });
    keyed(guards, live.parts.status?.guards ?? [], (each) => each.name,
      (each) => h("div", { class: "guard" }, h("strong", {}, each.name), h("span")),
      (row, each) => setText(row.children[1], Object.entries(each.seen).map(([direction, seen]) =>
        `${direction}s: ${Object.entries(seen).map(([outcome, count]) => `${number(count)} ${outcome}`).join(", ") || "none yet"}`).join(" · ")));
  }

  return { element, update, close: () => resized.disconnect() };
}

function tile(name, unit) {
  const value = h("span", { class: "value" }, "–");
  const more = h("span", { class: "unit" }, unit);
  const line = h("div", { class: "line" });
  return {
    element: h("article", { class: "tile" }, h("h2", {}, name), value, more, line),
    set(text, values, unit_ = unit, kind = "") {
      setText(value, text);
      setText(more, unit_);
      value.className = `value ${kind}`;
      line.replaceChildren(...(values ? [sparkline(values)] : []));
    },
  };
}

function updateTiles(live, [requests, errors, latency, first, tokens, spent]) {
  const all = live.keys("inferc_key_requests_total");
  const bad = live.keys("inferc_key_requests_total", ({ outcome }) => !["ok", "cancelled"].includes(outcome));
  const rate = live.rates(all);
  const wrong = live.rates(bad, 60);
  const share = wrong / Math.max(live.rates(all, 60), 1e-9);
  const perSecond = live.series(all);
  requests.set(number(rate), perSecond);
  errors.set(wrong ? `${number(share * 100)} %` : "0 %", live.series(bad), "in the last minute", share > 0.05 ? "bad" : wrong ? "warn" : "");
  const time = "inferc_request_duration_seconds";
  latency.set(duration(live.quantile(time, 0.5)), null, `95 % within ${duration(live.quantile(time, 0.95))}`);
  const ttft = "gen_ai_server_time_to_first_token_seconds";
  first.set(duration(live.quantile(ttft, 0.5)), null, `95 % within ${duration(live.quantile(ttft, 0.95))}`);
  const both = live.keys("inferc_tokens_total");
  tokens.set(number(live.rates(both)), live.series(both));
  const hourly = live.rate("cost", 0, 60) * 3600;
  spent.set(money(live.now.get("cost") ?? 0), live.series(["cost"]), hourly ? `${money(hourly)} an hour now` : "since the start");
}

function spentOf(live, { kind, name }) {
  const status = live.parts.status ?? {};
  if (kind === "deployment") {
    return Object.fromEntries(live.rows("inferc_budget_spent_dollars").filter(([labels]) => labels.deployment === name).map(([labels, value]) => [labels.window, value]));
  }
  if (kind === "key") return (status.keys ?? []).find((each) => each.name === name)?.budget ?? {};
  const budgets = status.budgets ?? {};
  return budgets[kind === "gateway" ? "the gateway" : `route ${name}`] ?? budgets[kind === "gateway" ? "gateway" : `route \`${name}\``] ?? budgets[name] ?? {};
}

function updateBudgets(parent, plan, live) {
  const rows = plan.budgets.flatMap((budget) => Object.entries(budget.ceilings).map(([window, most]) => ({ ...budget, window, most, spent: spentOf(live, budget)[window] ?? 0 })));
  const costs = plan.nodes.filter((node) => node.kind === "deployment").map((node) => ({ name: node.name, cost: live.now.get(`cost of ${node.name}`) ?? 0 })).filter((each) => each.cost > 0);
  const all = [
    ...rows.map((row) => ({ id: `${row.kind} ${row.name} ${row.window}`, label: `${row.kind === "gateway" ? "Everything" : row.name}, budget`, note: `${money(row.spent)} of ${money(row.most)} a ${row.window}`, share: row.spent / row.most, kind: row.spent / row.most > 0.9 ? "bad" : row.spent / row.most > 0.7 ? "warn" : "" })),
    ...costs.sort((one, other) => other.cost - one.cost).map((each) => ({ id: `cost ${each.name}`, label: each.name, note: `${money(each.cost)} since the start`, share: each.cost / Math.max(...costs.map((one) => one.cost)), kind: "plain" })),
  ];
  if (!all.length) {
    if (!parent.querySelector(".quiet")) parent.replaceChildren(h("p", { class: "quiet" }, "Nothing was spent yet."));
    return;
  }
  parent.querySelector(".quiet")?.remove();
  keyed(parent, all, (each) => each.id, bar, updateBar);
}

function bar(each) {
  return h("div", { class: "bar-row" }, h("span", { class: "name" }, each.label), h("span", { class: "note" }),
    h("div", { class: "bar", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": each.label }, h("div", { class: "fill" })));
}

function updateBar(row, each) {
  const percent = Math.min(Math.max(each.share, 0), 1) * 100;
  setText(row.querySelector(".note"), each.note);
  const meter = row.querySelector(".bar");
  meter.setAttribute("aria-valuenow", percent.toFixed(0));
  meter.setAttribute("aria-valuetext", each.note);
  const filled = row.querySelector(".fill");
  filled.className = `fill ${each.kind}`;
  filled.style.width = `${percent.toFixed(1)}%`;
}

function updateLatencies(parent, plan, live) {
  const rows = plan.nodes.filter((node) => node.kind === "deployment")
    .map((node) => ({ node, ...trafficOf(live, node) })).filter((each) => isFinite(each.latency));
  const most = Math.max(...rows.map((each) => each.slow), 1e-6);
  if (!rows.length) {
    if (!parent.querySelector(".quiet")) parent.replaceChildren(h("p", { class: "quiet" }, "No request has ended yet."));
    return;
  }
  parent.querySelector(".quiet")?.remove();
  keyed(parent, rows, (each) => each.node.name,
    (each) => h("div", { class: "bar-row" }, h("span", { class: "name" }, each.node.name), h("span", { class: "note" }),
      h("div", { class: "bar", "aria-hidden": "true" }, h("div", { class: "fill soft" }), h("div", { class: "fill over" }))),
    (row, each) => {
      setText(row.querySelector(".note"), `${duration(each.latency)} · 95 % ${duration(each.slow)}`);
      row.querySelector(".soft").style.width = `${((each.slow / most) * 100).toFixed(1)}%`;
      row.querySelector(".over").style.width = `${((each.latency / most) * 100).toFixed(1)}%`;
    });
}

function openNode(page, node) {
  const { live } = page;
  const state = stateOf(live, node);
  const traffic = trafficOf(live, node);
  const found = (live.parts.status?.[`${node.kind}s`] ?? []).find((each) => each.name === node.name) ?? {};
  const facts = [
    ["What", node.kind === "deployment" ? `${node.says}${node.runs ? ` by ${node.runs}` : ""}` : node.says],
    ["Where", node.host],
    ["Task", node.task],
    ["State", state.flag && state.flag !== state.word ? `${state.word} (${state.flag})` : state.word],
    ["Requests", `${number(traffic.rate)} a second, ${traffic.running} running, ${traffic.waiting} waiting`],
    ["Latency", isFinite(traffic.latency) ? `${duration(traffic.latency)} median, 95 % within ${duration(traffic.slow)}` : null],
    ["Guards", page.plan.guards.filter((each) => each.sees.includes(node.name)).map((each) => each.name).join(", ")],
  ].filter(([, text]) => text);
  const outcomes = live.rows({ deployment: "inferc_requests_total", route: "inferc_route_requests_total", pipeline: "inferc_pipeline_runs_total" }[node.kind])
    .filter(([labels, value]) => labels[node.kind] === node.name && value > 0);
  openDrawer(h("article", {},
    h("p", { class: "eyebrow" }, node.kind), h("h2", {}, node.name),
    h("dl", {}, facts.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
    outcomes.length > 0 && [h("h3", {}, "How they ended"), h("dl", { class: "counts" }, outcomes.map(([labels, value]) => [h("dt", {}, labels.outcome), h("dd", {}, number(value))]))],
    found.replicas?.length > 0 && [h("h3", {}, "Replicas"), h("ul", { class: "replicas" }, found.replicas.map((each, at) =>
      h("li", {}, `${at}: ${[each.ready ? "ready" : "not ready", each.circuit_open && "circuit open", each.held_seconds && `held ${each.held_seconds} s`,
        each.key_refused && "key refused", each.providers?.join(", "), ...(each.warnings ?? [])].filter(Boolean).join(" · ")}`)))],
    Object.keys(node.policies ?? {}).length > 0 && [h("h3", {}, "Policies"), h("dl", { class: "policies" }, Object.entries(node.policies).map(([name, values]) => [
      h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, Object.entries(values).map(([key, value]) => `${key.replaceAll("_", " ")} ${typeof value === "object" ? Object.values(value).join(" ") : value}`).join(" · "))]))],
    h("div", { class: "row" },
      h("a", { class: "button", href: `#file/${encodeURIComponent(node.at.file)}/${node.at.line}` }, `${node.at.file}:${node.at.line}`),
      !node.inner && h("a", { class: "button primary", href: `#play/${encodeURIComponent(node.name)}` }, "Try it"))));
}
