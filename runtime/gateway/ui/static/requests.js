// The last requests, and the story of each.

import { openDrawer } from "./drawer.js";
import { clock, duration, h, keyed, money, number } from "./dom.js";

export function requestRow(page, each) {
  const isBad = each.outcome !== "ok";
  const kind = isBad ? (each.outcome === "cancelled" ? "off" : "bad") : each.attempts > 1 ? "warn" : "ok";
  const word = isBad ? each.outcome.replaceAll("_", " ") : each.attempts > 1 ? `${each.attempts} attempts` : "ok";
  const who = each.deployment && each.deployment !== each.asked ? `${each.asked} → ${each.deployment}` : each.asked ?? each.path;
  return h("li", { class: "request" }, h("button", { type: "button", onclick: () => openStory(page, each.id) },
    h("span", { class: `pill ${kind}` }, word),
    h("span", { class: "who" }, who),
    h("time", { datetime: new Date(each.time * 1000).toISOString() }, clock(each.time)),
    h("span", { class: "what" }, each.error ?? [each.completion_tokens ? `${number(each.prompt_tokens + each.completion_tokens)} tokens` : null, each.cost ? money(each.cost) : null, each.key].filter(Boolean).join(" · ")),
    h("span", { class: "took" }, duration(each.seconds))));
}

export function requestsView(page) {
  const { live } = page;
  const list = h("ol", { class: "requests long", role: "list" });
  const quiet = h("p", { class: "quiet" }, "No request has ended yet.");
  const search = h("input", { type: "search", placeholder: "Model, key, outcome or id", "aria-label": "Find requests", oninput: () => update() });
  const wrong = h("input", { type: "checkbox", onchange: () => update() });
  function update() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...(live.parts.recent ?? [])].reverse().filter((each) => !wrong.checked || each.outcome !== "ok" || each.attempts > 1);
    const fitting = all.filter((each) => words.every((word) => [each.id, each.asked, each.deployment, each.key, each.outcome, each.user, each.error, each.path].some((text) => text?.toLowerCase().includes(word))));
    quiet.hidden = fitting.length > 0;
    keyed(list, fitting, (each) => each.id + each.time, (each) => requestRow(page, each));
  }
  return {
    element: h("section", { class: "panel single" }, h("h1", {}, "Requests"),
      h("div", { class: "row tools" }, search, h("label", { class: "check" }, wrong, "only what went wrong")), quiet, list),
    update,
    at: ([id]) => id && openStory(page, id),
  };
}

async function openStory(page, id) {
  const answer = await page.fetch(`/ui/requests/${encodeURIComponent(id)}`);
  const story = await answer.json();
  if (!answer.ok) return openDrawer(h("article", {}, h("h2", {}, "Not remembered"), h("p", {}, story.error?.message ?? "It is too long ago.")));
  const span = Math.max(story.seconds, ...story.events.map((each) => each.at + (each.seconds ?? 0)), 1e-6);
  const isBad = story.outcome !== "ok";
  openDrawer(h("article", { class: "story" },
    h("p", { class: "eyebrow" }, `${story.method} ${story.path}`),
    h("h2", {}, story.asked ?? "A request"),
    h("p", {}, h("span", { class: `pill ${isBad ? "bad" : story.attempts > 1 ? "warn" : "ok"}` }, story.outcome.replaceAll("_", " ")), ` ${clock(story.time)}, ${duration(story.seconds)}`),
    story.error && h("p", { class: "error" }, story.error),
    h("h3", {}, "What happened"),
    h("ol", { class: "timeline" }, story.events.map((each) => each.text === undefined ? attempt(each, span) : h("li", { class: "note" }, h("span", { class: "at" }, duration(each.at)), each.text))),
    h("h3", {}, "What is known"),
    h("dl", {}, Object.entries({
      id: story.id, key: story.key, user: story.user, "answered by": story.deployment, status: story.status, attempts: story.attempts,
      waited: story.waited !== undefined ? duration(story.waited) : null, "first part": story.first !== undefined ? duration(story.first) : null,
      tokens: story.prompt_tokens + story.completion_tokens ? `${number(story.prompt_tokens)} in, ${number(story.completion_tokens)} out` : null,
      cost: story.cost !== undefined ? money(story.cost) : null,
    }).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]))));
}

function attempt(each, span) {
  const fillOf = h("div", { class: `fill ${each.ok ? "" : "bad"}` });
  fillOf.style.marginLeft = `${((each.at / span) * 100).toFixed(2)}%`;
  fillOf.style.width = `${Math.max((each.seconds / span) * 100, 0.8).toFixed(2)}%`;
  const words = [each.step, each.deployment, each.replica ? `replica ${each.replica}` : null].filter(Boolean).join(" · ");
  const told = [each.ok ? null : "failed", duration(each.seconds), each.first !== null && each.first !== undefined ? `first part after ${duration(each.first)}` : null, each.tokens ? `${each.tokens} tokens` : null, each.cost ? money(each.cost) : null].filter(Boolean).join(" · ");
  return h("li", { class: "attempt" }, h("span", { class: "at" }, duration(each.at)), h("strong", {}, words), h("span", { class: "told" }, told), h("div", { class: "bar", "aria-hidden": "true" }, fillOf));
}
