// Which view the address means, and the stream that says when the store has changed.

import { h } from "/dom.js";

const VIEWS = { "/": "studies", "/study": "study", "/network": "network", "/policy": "policy", "/compare": "compare", "/toy": "toy" };
const QUIET = 300; // milliseconds between two updates of a view, so that a busy store does not drown it

const place = document.getElementById("view");
const live = document.getElementById("live");

function theme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
  document.dispatchEvent(new Event("themechange"));
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? dark;
document.getElementById("theme").addEventListener("click", () =>
  theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"),
);

for (const link of document.querySelectorAll("nav a")) {
  if (new URL(link.href).pathname === location.pathname) link.setAttribute("aria-current", "page");
}

const { default: View } = await import(`/${VIEWS[location.pathname]}.js`);
const view = new View(place);
let shown = false;
let busy = false;
let again = false;

async function update() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    if (!shown) place.replaceChildren(...view.elements); // charts need to know how wide they are
    place.classList.toggle("first", !shown);
    await view.update();
    place.classList.remove("first");
    shown = true;
    document.getElementById("trouble")?.remove();
  } catch (error) {
    const trouble = h("p", { id: "trouble", class: "trouble", role: "alert" }, error.message);
    if (shown) {
      document.getElementById("trouble")?.remove();
      place.prepend(trouble);
    } else {
      place.classList.remove("first");
      place.replaceChildren(trouble);
    }
  }
  setTimeout(() => {
    busy = false;
    if (again) {
      again = false;
      update();
    }
  }, QUIET);
}

await update();
if (view.isLive !== false) {
  const stream = new EventSource("/events");
  let first = true;
  stream.onmessage = () => {
    live.textContent = "● live";
    if (!first) update();
    first = false;
  };
  stream.onerror = () => {
    live.textContent = "○ not connected";
  };
  addEventListener("pagehide", () => stream.close());
}
