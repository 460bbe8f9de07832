// The drawer at the side: what somebody asked to see more of, until it is closed.

import { h } from "./dom.js";

const drawer = document.getElementById("drawer");
let opener = null;

export function openDrawer(content) {
  if (drawer.hidden) opener = document.activeElement;
  drawer.replaceChildren(
    h("button", { class: "icon close", type: "button", "aria-label": "Close", onclick: closeDrawer }, "×"), content);
  drawer.hidden = false;
  drawer.querySelector(".close").focus();
}

export function closeDrawer() {
  if (drawer.hidden) return;
  drawer.hidden = true;
  opener?.focus?.();
}
