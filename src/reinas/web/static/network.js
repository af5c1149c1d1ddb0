// One network, or two beside each other with their differences marked.

import { COLOURS, Chart } from "/charts.js";
import { address, download, drawing, duration, fill, h, number, parameters, read, table } from "/dom.js";

const HOW = "Point at a layer for its numbers and its connections.";

export default class Network {
  constructor() {
    const query = parameters();
    this.name = query.get("name") ?? "";
    this.trials = [query.get("trial"), query.get("with")].filter((one) => one !== null);
    document.title = `trial ${this.trials.join(" and ")} of ${this.name} · reinas`;
    this.curve = new Chart("Learning curve", "epoch or reported step", "score", { height: 280 });
    this.heads = h("p", { class: "row" });
    this.drawings = h("div", { class: "pair" });
    this.facts = h("section");
    this.decisions = h("section");
    this.recipe = h("section");
    this.code = h("section");
    this.elements = [
      h("h1", {}, `Trial ${this.trials.join(" and trial ")}`),
      this.heads, this.drawings, this.facts, this.curve.element, this.decisions, this.recipe, this.code,
    ];
  }

  async update() {
    if (!this.trials.length) throw new Error("The address names no trial: choose one on the page of a study.");
    const found = await Promise.all(this.trials.map((trial) => read("network", { name: this.name, trial })));
    fill(this.heads, h("a", { href: address("/study", { name: this.name }) }, `Study ${this.name}`));
    this.draw(found);
    this.compare(found);
    const traces = found.filter((one) => one.points.length).map((one, place) => ({
      name: `trial ${one.trial}`, mode: "lines+markers", type: "scatter", marker: { size: 5 },
      line: { color: COLOURS[place], width: 2 }, x: one.points.map(([step]) => step), y: one.points.map(([, score]) => score),
    }));
    this.curve.element.hidden = !traces.length;
    if (traces.length) await this.curve.draw(traces);
  }

  draw(found) {
    fill(this.drawings, found.map((one) => h(
      "section", { class: "network" },
      found.length > 1 ? h("h2", {}, `Trial ${one.trial}`) : null,
      h("p", {}, h("code", {}, one.architecture)),
      one.error ? h("p", { class: "trouble" }, one.error) : null,
      one.formulas ? h("pre", { tabindex: "0" }, one.formulas) : null,
      one.svg
        ? [
          h("p", { class: "told quiet", role: "status" }, HOW),
          h("div", { class: "drawing scroll", tabindex: "0", role: "region", "aria-label": `drawing of trial ${one.trial}` }, drawing(one.svg)),
        ]
        : h("p", { class: "quiet" }, "No drawing: the space or the data of this study are not here."),
    )));
    for (const svg of this.drawings.querySelectorAll("svg")) followed(svg);
  }

  compare(found) {
    const head = ["measure", ...found.map((one) => `trial ${one.trial}`)];
    const names = [...new Set(found.flatMap((one) => Object.keys(one.metrics)))];
    const facts = [
      ["state", ...found.map((one) => (one.repeat_of === null ? one.state : `repeat of trial ${one.repeat_of}`))],
      ["reward", ...found.map((one) => number(one.reward))],
      ["training time", ...found.map((one) => duration(one.seconds))],
      ...names.map((name) => [name, ...found.map((one) => number(one.metrics[name]))]),
    ];
    fill(this.facts, h("h2", {}, "Measured"), table(head, facts, { numbers: [1, 2], label: "measurements" }));
    const rows = new Map();
    found.forEach((one, place) => one.decisions.forEach(([name, value]) => {
      if (!rows.has(name)) rows.set(name, found.map(() => null));
      rows.get(name)[place] = value;
    }));
    const text = (value) => (value === null ? "–" : Array.isArray(value) ? value.join(" × ") : String(value));
    const shown = [...rows].filter(([, values]) => values.some((value) => value !== null));
    fill(this.decisions, h("h2", {}, "Decisions"), shown.length ? table(["decision", ...head.slice(1)], shown.map(([name, values]) => {
      const differs = found.length > 1 && text(values[0]) !== text(values[1]);
      return [name, ...values.map((value) => (differs ? h("mark", {}, text(value)) : text(value)))];
    }), { label: "decisions" }) : h("p", { class: "quiet" }, "The space of this study cannot be made here."));
    fill(this.recipe, h("h2", {}, "Recipe"), found[0].recipe
      ? h("details", {}, h("summary", {}, "how it was trained"), h("pre", { tabindex: "0" }, JSON.stringify(found[0].recipe, null, 2)))
      : h("p", { class: "quiet" }, "Nothing was trained by a recipe of reinas."));
    const written = found.filter((one) => one.code);
    this.code.hidden = !written.length;
    fill(this.code, h("h2", {}, "Code"), written.map((one) => h("details", {},
      h("summary", {}, `trial ${one.trial} as plain PyTorch`),
      h("p", {}, h("button", { type: "button", "data-code": one.trial }, `Save trial-${one.trial}.py`),
        " The network as it is exported, without its weights: it takes standardised examples."),
      h("pre", { tabindex: "0" }, one.code))));
    for (const button of this.code.querySelectorAll("button[data-code]")) {
      const one = written.find(({ trial }) => String(trial) === button.dataset.code);
      button.onclick = () => download(`trial-${one.trial}.py`, one.code, "text/x-python");
    }
  }
}

// Pointing at a layer, or moving to it by the keyboard, tells its numbers and marks its connections.
function followed(svg) {
  const told = svg.closest(".network").querySelector(".told");
  const links = [...svg.querySelectorAll("g.link")];
  for (const group of svg.querySelectorAll("g.box, g.link")) {
    group.setAttribute("tabindex", "0");
    const { box } = group.dataset;
    const show = () => {
      told.textContent = group.querySelector("title").textContent;
      svg.classList.add("following");
      for (const link of links) {
        link.classList.toggle("followed", link === group || (box !== undefined && [link.dataset.from, link.dataset.to].includes(box)));
      }
    };
    const leave = () => {
      told.textContent = HOW;
      svg.classList.remove("following");
    };
    for (const [event, act] of [["mouseenter", show], ["focus", show], ["mouseleave", leave], ["blur", leave]]) {
      group.addEventListener(event, act);
    }
  }
}
