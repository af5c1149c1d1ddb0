// Which view the address means, and the stream that says when the store has changed.

import { h, held, place as where } from "/dom.js";

const VIEWS = { "/": "studies", "/study": "study", "/network": "network", "/policy": "policy", "/compare": "compare", "/comparison": "comparison", "/toy": "toy" };
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

const report = [...place.childNodes]; // what a file has as text
let view;
let shown;
let busy = false;
let again = false;

function refused(message) {
  view = null;
  place.classList.remove("first");
  place.replaceChildren(h("h1", {}, "reinas"), h("p", { id: "trouble", class: "trouble", role: "alert" }, message));
}

async function open() {
  const [path] = where();
  for (const link of document.querySelectorAll("nav a")) {
    const own = held ? link.hash.slice(1) === path : link.pathname === path;
    if (own) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shown = false;
  if (held && path === "/report") view = { elements: report, update() {} };
  else if (!VIEWS[path]) return refused(`There is no view ${path}.`);
  else {
    const { default: View } = await import(`/${VIEWS[path]}.js`);
    if (where()[0] !== path) return null; // somebody has gone on meanwhile
    view = new View(place);
  }
  return update();
}

async function update() {
  if (busy) {
    again = true;
    return;
  }
  if (!view) return;
  busy = true;
  const mine = view; // somebody may go on to another one meanwhile
  try {
    if (!shown) place.replaceChildren(...view.elements); // charts need to know how wide they are
    place.classList.toggle("first", !shown);
    // a view may show its words before its charts are drawn
    await mine.update(() => mine === view && place.classList.remove("first"));
    if (mine === view) {
      place.classList.remove("first");
      shown = true;
      document.getElementById("trouble")?.remove();
    }
  } catch (error) {
    const trouble = h("p", { id: "trouble", class: "trouble", role: "alert" }, error.message);
    if (mine !== view) {
      // what was wrong with the view before does not matter any more
    } else if (shown) {
      document.getElementById("trouble")?.remove();
      place.prepend(trouble);
    } else {
      place.classList.remove("first");
      place.replaceChildren(...view.elements.filter((element) => element.tagName === "H1"), trouble);
    }
  }
  setTimeout(() => {
    busy = false;
    if (again) {
      again = false;
      update();
    }
  }, held ? 0 : QUIET);
}

if (held) {
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#/")) return; // the link that skips to the content
    open();
    scrollTo(0, 0);
  });
}
await open();
if (held) {
  live.textContent = `written ${new Date(held.written * 1000).toLocaleString()}`;
} else if (view && view.isLive !== false) {
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
