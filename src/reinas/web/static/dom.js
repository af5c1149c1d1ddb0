// Elements, numbers and addresses. Text always enters the page as text, never as markup.

export const TALLEST = 40; // decisions that a heat map names on its axis

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && typeof value === "boolean") element[key] = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

// Replaces the rows or parts of an element only where they differ, so that focus stays.
export function fill(element, ...children) {
  const fresh = children.flat(9).filter((child) => child !== null && child !== undefined);
  const before = element.innerHTML;
  const holder = document.createElement(element.tagName);
  holder.append(...fresh);
  if (holder.innerHTML !== before) element.replaceChildren(...holder.childNodes);
}

export function drawing(svg) {
  const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  return document.importNode(parsed, true);
}

// A page that was written to a file holds all that it shows, and its addresses are behind the #.
const holder = document.getElementById("documents");
export const held = holder ? JSON.parse(holder.textContent) : null;

function added(query, changes) {
  for (const [key, value] of Object.entries(changes)) {
    query.delete(key);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(key, one);
    }
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export function address(path, parameters) {
  return (held ? "#" : "") + path + added(new URLSearchParams(), parameters);
}

// The path of the view, and its parameters
export function place() {
  if (!held) return [location.pathname, location.search];
  const [path, query] = location.hash.startsWith("#/") ? location.hash.slice(1).split("?") : [];
  return [path ?? "/study", query ?? ""];
}

export function parameters() {
  const query = new URLSearchParams(place()[1]);
  if (held) query.set("name", held.name);
  return query;
}

// The address is the state of the view: a link to it shows the same.
export function remember(changes) {
  const [path, query] = place();
  history.replaceState(null, "", (held ? "#" : "") + path + added(new URLSearchParams(query), changes));
}

function within(name, given) {
  const found = { network: () => held.networks[given.trial], moment: () => held.moments[given.batch] };
  const document = (found[name] ?? (() => held[name]))();
  if (document?.error) throw new Error(document.error);
  if (document) return document;
  const what = name === "network" ? `trial ${given.trial}` : `batch ${given.batch}`;
  throw new Error(`${what} is not in this file, which holds the best and some others: \`reinas watch\` shows all`);
}

export async function read(name, given = {}) {
  if (held) return within(name, given);
  const answer = await fetch(address(`/api/${name}`, given));
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error ?? `status ${answer.status}`);
  return found;
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : value.toFixed(digits);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3597) return `${(seconds / 60).toFixed(1)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} d`;
}

export function ago(seconds, now) {
  return seconds ? `${duration(Math.max(0, now - seconds))} ago` : "–";
}

export function table(head, rows, options = {}) {
  const numbers = new Set(options.numbers ?? []);
  const cell = (tag, content, place) =>
    h(tag, { class: numbers.has(place) ? "n" : null, scope: tag === "th" ? "col" : null }, content);
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": options.label ?? "table" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, head.map((title, place) => cell("th", title, place)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((content, place) => cell("td", content, place))))),
    ),
  );
}

export function choice(label, options, chosen, changed) {
  const name = `choice-${label.replaceAll(" ", "-")}`;
  return h(
    "fieldset",
    { class: "choice" },
    h("legend", {}, label),
    options.map(([value, text]) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => changed(value) }),
        text,
      ),
    ),
  );
}

export function download(name, text, kind) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
