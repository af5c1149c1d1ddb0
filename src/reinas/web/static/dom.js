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

export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(key, one);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export function parameters() {
  return new URLSearchParams(location.search);
}

// The address is the state of the view: a link to it shows the same.
export function remember(changes) {
  const query = parameters();
  for (const [key, value] of Object.entries(changes)) {
    query.delete(key);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(key, one);
    }
  }
  const text = query.toString();
  history.replaceState(null, "", text ? `${location.pathname}?${text}` : location.pathname);
}

export async function read(name, given = {}) {
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
