// All studies in the store.

import { address, ago, fill, h, number, parameters, read, remember, table } from "/dom.js";

const COLUMNS = [
  ["name", "name"], ["state", "state"], ["space", "space"], ["task", "task"], ["policy", "policy"],
  ["finished", "trials"], ["best", "best reward"], ["seen", "last sign of life"], ["machines", "machines"],
];

function state(study) {
  if (study.running) return "running";
  return study.finished >= study.trials ? "done" : "stopped";
}

export default class Studies {
  constructor() {
    const query = parameters();
    this.sort = query.get("sort") ?? "";
    this.ticked = new Set(query.getAll("tick"));
    this.filter = h("input", {
      type: "search", id: "filter", placeholder: "name, space, task, policy or state", value: query.get("q") ?? "",
      oninput: () => { remember({ q: this.filter.value }); this.show(); },
    });
    this.list = h("div");
    this.compare = h("p");
    this.comparisons = h("section");
    this.elements = [
      h("h1", {}, "Studies"),
      h("p", { class: "row" }, h("label", { for: "filter" }, "Filter"), this.filter),
      this.compare,
      this.list, this.comparisons,
    ];
  }

  async update() {
    const found = await read("studies");
    this.found = found.studies;
    this.showComparisons(found.comparisons);
    document.title = "reinas";
    this.show();
  }

  show() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (s) => [s.name, s.space, s.task, s.policy, state(s)].join(" ").toLowerCase();
    const rows = this.found.filter((s) => words.every((word) => text(s).includes(word)));
    this.ordered(rows);
    const now = Date.now() / 1000;
    const head = ["compare", ...COLUMNS.map(([key, title]) => this.title(key, title))];
    const cells = rows.map((s) => [
      h("input", {
        type: "checkbox", "aria-label": `compare ${s.name}`, checked: this.ticked.has(s.name),
        onchange: (event) => this.tick(s.name, event.target.checked),
      }),
      h("a", { href: address("/study", { name: s.name }) }, s.name),
      h("span", { class: `state ${state(s)}` }, state(s)),
      s.space, s.task, s.policy,
      [h("progress", { max: s.trials, value: s.finished, "aria-label": `${s.finished} of ${s.trials} trials` }),
        ` ${number(s.finished)} / ${number(s.trials)}${s.failed ? ` (${s.failed} failed)` : ""}`],
      number(s.best), ago(s.seen ?? s.created, now), s.machines.join(", ") || "–",
    ]);
    const none = h("p", { class: "quiet" }, this.found.length ? "No study fits the filter." : "No search has begun in this store.");
    fill(this.list, rows.length ? table(head, cells, { numbers: [7], label: "studies" }) : none);
    for (const box of this.list.querySelectorAll("input[type=checkbox]")) {
      const name = box.getAttribute("aria-label").slice("compare ".length);
      box.checked = this.ticked.has(name); // which its markup does not say
    }
    this.offer();
  }

  showComparisons(found) {
    this.comparisons.hidden = !found.length;
    const rows = found.map((one) => [
      h("a", { href: address("/comparison", { of: one.id }) }, one.name), number(one.policies), number(one.runs),
      number(one.evaluations), ago(one.seen, Date.now() / 1000),
    ]);
    fill(this.comparisons, h("h2", {}, "Comparisons on tables"),
      table(["table", "policies", "finished runs", "evaluations each", "the last finished"], rows, { numbers: [1, 2, 3, 4], label: "comparisons" }));
  }

  title(key, text) {
    const [by, down] = [this.sort.replace("-", ""), this.sort.startsWith("-")];
    const arrow = by === key ? (down ? " ↓" : " ↑") : "";
    return h("button", { type: "button", class: "sort", onclick: () => this.order(key) }, text + arrow);
  }

  order(key) {
    this.sort = this.sort === key ? `-${key}` : key;
    remember({ sort: this.sort });
    this.show();
  }

  ordered(rows) {
    const [key, down] = [this.sort.replace("-", ""), this.sort.startsWith("-")];
    if (!key) {
      rows.reverse(); // the newest first
      return;
    }
    const value = (s) => (key === "state" ? state(s) : key === "machines" ? s.machines.join() : s[key]);
    rows.sort((a, b) => {
      const [x, y] = [value(a) ?? -Infinity, value(b) ?? -Infinity];
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
  }

  tick(name, wanted) {
    if (wanted) this.ticked.add(name);
    else this.ticked.delete(name);
    remember({ tick: [...this.ticked] });
    this.offer();
  }

  offer() {
    const names = [...this.ticked];
    fill(
      this.compare,
      names.length < 2
        ? h("span", { class: "quiet" }, "Tick two or more studies to compare them.")
        : h("a", { class: "action", href: address("/compare", { name: names }) }, `Compare ${names.length} studies`),
    );
  }
}
