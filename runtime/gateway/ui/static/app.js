// The page: its key, its theme, its views, and the stream that they live on.

import { h, setText } from "./dom.js";
import { closeDrawer } from "./drawer.js";
import { Live } from "./live.js";
import { fileView } from "./file.js";
import { overview } from "./overview.js";
import { playground } from "./play.js";
import { requestsView } from "./requests.js";

const at = (id) => document.getElementById(id);
const main = at("main");
const views = { overview, requests: requestsView, play: playground, file: fileView };

export const page = {
  live: new Live(),
  plan: null,
  isOperator: null, // whether everything may be seen; null: not known yet
  get key() {
    return sessionStorage.getItem("inferc key") ?? "";
  },
  get headers() {
    return this.key ? { Authorization: `Bearer ${this.key}` } : {};
  },
  async fetch(path, options = {}) {
    return fetch(path, { ...options, headers: { ...this.headers, ...options.headers } });
  },
  askForKey,
};

// ---- theme

const stored = localStorage.getItem("inferc theme");
if (stored) document.documentElement.dataset.theme = stored;
at("theme").append(sunAndMoon());
at("theme").addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  const theme = isDark ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("inferc theme", theme);
});

function sunAndMoon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z");
  svg.append(path);
  return svg;
}

// ---- key

const dialog = at("sign-in");
at("key").addEventListener("click", () => askForKey());
dialog.addEventListener("close", () => {
  if (dialog.returnValue === "use") sessionStorage.setItem("inferc key", at("secret").value.trim());
  if (dialog.returnValue === "forget") sessionStorage.removeItem("inferc key");
  if (["use", "forget"].includes(dialog.returnValue)) connect();
});

function askForKey(why = "") {
  at("secret").value = "";
  at("sign-in-error").hidden = !why;
  setText(at("sign-in-error"), why);
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
}

// ---- the stream

let following = null;

async function connect() {
  following?.abort();
  const own = (following = new AbortController());
  page.live.history = [];
  page.live.parts = {};
  page.plan = null;
  at("key").classList.toggle("has-key", page.key !== "");
  for (let wait = 500; !own.signal.aborted; wait = Math.min(wait * 2, 8000)) {
    try {
      await loadPlan();
      page.isOperator = true;
      show();
      wait = 500;
      await page.live.follow(page.headers, own.signal);
    } catch (error) {
      if (own.signal.aborted) return;
      if (error.status === 401 || error.status === 403) {
        page.isOperator = false;
        say(error.status === 401 ? (page.key ? "key not accepted" : "locked") : "playground only", "off");
        show();
        return;
      }
    }
    say("not connected", "bad");
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function loadPlan() {
  const answer = await page.fetch("/ui/plan");
  if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
  page.plan = await answer.json();
  page.planId = null;
  setText(at("name"), page.plan.name || "inferc");
  document.title = `${page.plan.name || "inferc"} · inferc`;
}

function say(text, kind) {
  setText(at("health"), text);
  at("health").className = `pill ${kind}`;
}

page.live.listeners.add(async (live) => {
  const { status, findings = [], reload_problems: problems = [] } = live.parts.status;
  const trouble = [...findings.map((each) => `${each.part}: ${each.reason}`), ...problems];
  at("health").title = trouble.join("\n");
  say(problems.length ? "reload failed" : { ok: "all is well" }[status] ?? status,
    problems.length ? "bad" : { ok: "ok", degraded: "warn", "not ready": "bad" }[status] ?? "off");
  if (page.planId && page.planId !== live.parts.plan) {
    await loadPlan();
    show();
  }
  page.planId = live.parts.plan;
  current?.update?.(live);
});

// ---- views

let current = null;
let shown = "";

function show() {
  const [name, ...rest] = (location.hash.slice(1) || "overview").split("/");
  const view = views[name] ? name : "overview";
  for (const link of document.querySelectorAll(".tabs a")) {
    link.toggleAttribute("aria-current", false);
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
  }
  if (page.isOperator === null) return;
  const which = `${view} ${page.isOperator} ${page.plan?.name}`;
  if (which !== shown || view === "overview" || view === "play") {
    current?.close?.();
    current = page.isOperator || view === "play" ? views[view](page) : locked();
    main.replaceChildren(current.element);
    shown = which;
  }
  current.at?.(rest.map(decodeURIComponent));
  if (page.live.history.length) current.update?.(page.live);
}

function locked() {
  const button = h("button", { class: "button primary", type: "button", onclick: () => askForKey() }, "Enter a key");
  const why = page.key && at("health").textContent === "playground only"
    ? "This key opens the playground. What everybody asks is shown to who has the token of the gateway."
    : "This gateway asks who you are. Without its token, nothing is shown.";
  return {
    element: h("section", { class: "locked" }, h("h1", {}, "Locked"), h("p", {}, why),
      h("div", { class: "row" }, button, h("a", { class: "button", href: "#play" }, "Playground"))),
  };
}

window.addEventListener("hashchange", () => {
  closeDrawer();
  show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});

// ---- the keyboard

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeDrawer();
  if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
  const place = { 1: "overview", 2: "requests", 3: "play", 4: "file" }[event.key];
  if (place) location.hash = place;
  if (event.key === "t") at("theme").click();
  if (event.key === "k") {
    event.preventDefault();
    askForKey();
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) following?.abort(); // nobody looks
  else connect();
});

connect();
