// The policy at each moment: what it was before each batch, and what the batch did to it.

import { COLOURS, Chart } from "/charts.js";
import { address, fill, h, number, parameters, read, remember, table } from "/dom.js";

const TALLEST = 40; // decisions that a heat map names on its axis

export default class Policy {
  constructor() {
    const query = parameters();
    this.name = query.get("name") ?? "";
    this.batch = query.get("batch") === null ? null : Number(query.get("batch"));
    this.decision = query.get("decision") ?? "";
    this.trial = query.get("trial");
    this.pair = [query.get("one"), query.get("other")];
    document.title = `policy of ${this.name} · reinas`;
    this.intro = h("p");
    this.slider = h("input", {
      type: "range", id: "batch", min: 0, max: 0, step: 1,
      oninput: () => { this.label(); },
      onchange: () => { this.batch = Number(this.slider.value); remember({ batch: this.batch, trial: null }); this.trial = null; this.show(); },
    });
    this.which = h("output", { for: "batch" });
    this.select = h("select", { id: "decision", onchange: () => { this.decision = this.select.value; remember({ decision: this.decision }); this.show(); } });
    this.charts = h("div");
    this.moment = h("section");
    this.elements = [
      h("h1", {}, "The policy under a microscope"),
      h("p", {}, h("a", { href: address("/study", { name: this.name }) }, `Study ${this.name}`)),
      this.intro,
      h("p", { class: "row" }, h("label", { for: "batch" }, "Before it learned from batch"), this.slider, this.which),
      h("p", { class: "row" }, h("label", { for: "decision" }, "Decision"), this.select),
      this.charts, this.moment,
    ];
  }

  async update() {
    do {
      this.found = await read("policy", { name: this.name });
      this.intro.textContent = this.said();
    } while (!this.found.done);
    const last = this.found.learned - 1;
    this.slider.max = Math.max(last, 0);
    this.slider.value = this.batch ?? last;
    this.label();
    const names = this.found.decisions.map((decision) => decision.name);
    if (this.select.options.length !== names.length) {
      this.select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    }
    if (!names.includes(this.decision)) this.decision = names[0] ?? "";
    this.select.value = this.decision;
    this.view ??= this.found.kind === "gradient" ? new Gradient(this) : new Belief(this);
    if (!this.charts.childElementCount) this.charts.append(...this.view.elements);
    await this.show();
  }

  said() {
    const { learned, done, exact } = this.found;
    const same = exact
      ? "what it reports agrees with what the study has recorded"
      : "some of what it reports differs from what the study has recorded, as on another kind of machine: read it as close, not as exact";
    return `The policy is made anew here and learns the study's ${learned} batches again${done ? "" : " (still learning)"}; ${same}.`;
  }

  label() {
    this.which.textContent = `${this.slider.value} of ${this.slider.max}`;
  }

  get place() {
    return this.found.decisions.findIndex((decision) => decision.name === this.decision);
  }

  // The moment that was looked at last before the chosen batch
  get near() {
    const batch = Number(this.slider.value);
    return this.found.moments.filter((moment) => moment.batch <= batch).at(-1) ?? this.found.moments[0];
  }

  async show() {
    if (!this.found.learned) {
      fill(this.moment, h("p", { class: "quiet" }, "The policy has not learned from a batch yet."));
      return;
    }
    const given = { name: this.name, batch: this.slider.value };
    if (this.found.kind === "belief" && this.found.decisions.length > 1) {
      [given.one, given.other] = this.view.chosen();
    }
    const told = await read("moment", given);
    await this.view.show(told);
  }
}

class Gradient {
  constructor(page) {
    this.page = page;
    this.ribbon = new Chart("Probability of each option", "batch", "probability", { height: 300, y: { range: [0, 1] } });
    this.entropy = new Chart("Entropy of each decision (nats)", "batch", "decision", { height: 380 });
    this.links = new Chart("Probability that layer j feeds layer i", "from layer j", "to layer i", { height: 420, y: { autorange: "reversed", dtick: 1 }, x: { dtick: 1 } });
    this.steps = new Chart("What the update did to the log-probability of each answer", "decision", "change (nats)", { height: 300 });
    this.elements = [this.ribbon.element, this.entropy.element, this.links.element];
  }

  async show(told) {
    const { found, place } = this.page;
    const decision = found.decisions[place];
    const moments = found.moments.filter((moment) => moment.probabilities[place]);
    const x = moments.map((moment) => moment.batch);
    this.ribbon.draw(decision.options.map((option, k) => ({
      name: decision.link ? (k ? "connected" : "not connected") : option, mode: "lines", type: "scatter", stackgroup: "one",
      x, y: moments.map((moment) => moment.probabilities[place][k]),
      line: { width: 1, color: COLOURS[k % COLOURS.length] }, fillpattern: { shape: ["", "/", "x", "."][Math.floor(k / COLOURS.length) % 4] },
    })), `${decision.name}, mean over ${found.samples} samples`);
    const names = found.decisions.map((one) => one.name);
    this.entropy.draw([{
      type: "heatmap", x: found.moments.map((moment) => moment.batch), y: names,
      z: names.map((_, t) => found.moments.map((moment) => moment.entropies[t])), colorscale: "Cividis", zmin: 0,
    }], "dark: decided");
    this.entropy.options.y = { showticklabels: names.length <= TALLEST, autorange: "reversed" };
    this.matrix();
    this.batch(told);
  }

  matrix() {
    const { found, near } = this.page;
    const linked = found.decisions.map((decision, t) => [decision.link, t]).filter(([link]) => link);
    this.links.element.hidden = !linked.length;
    if (!linked.length) return;
    const layers = [...new Set(linked.flatMap(([link]) => link))].sort((a, b) => a - b);
    const z = layers.map(() => layers.map(() => null));
    for (const [[source, target], t] of linked) {
      z[layers.indexOf(target)][layers.indexOf(source)] = near.probabilities[t]?.[1] ?? null;
    }
    this.links.draw([{ type: "heatmap", x: layers, y: layers, z, zmin: 0, zmax: 1, colorscale: "Cividis" }], `before batch ${near.batch}`);
  }

  batch(told) {
    const { page } = this;
    const chosen = told.trials.find((trial) => String(trial.trial) === page.trial) ?? told.trials[0];
    const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
    const rows = told.trials.map((trial) => [
      h("a", { href: address("/network", { name: page.name, trial: trial.trial }) }, `${trial.trial}`),
      number(trial.reward), number(trial.advantage), number(sum(trial.before), 3), number(sum(trial.after) - sum(trial.before), 4),
      h("button", { type: "button", "data-trial": trial.trial, "aria-pressed": `${trial === chosen}` }, "show"),
    ]);
    const { decisions } = page.found;
    const details = decisions.slice(0, chosen.before.length).map((decision, t) => [
      decision.name, chosen.answers[t], number(chosen.before[t], 4), number(chosen.after[t], 4),
      chosen.before[t] === null ? "not asked" : number(chosen.after[t] - chosen.before[t], 5),
      told.norms ? number(told.norms[t], 5) : "–",
    ]);
    fill(page.moment, h("h2", {}, `Batch ${told.batch}`),
      h("p", {}, `Baseline ${number(told.baseline)}. The advantage of a trial is its reward less the baseline; the update makes answers of trials with positive advantage likelier.`),
      table(["trial", "reward", "advantage", "log-probability before", "change by the update", "decisions"], rows, { numbers: [0, 1, 2, 3, 4], label: "trials of the batch" }),
      h("h2", {}, `Decisions of trial ${chosen.trial}`),
      table(["decision", "answer", "log-probability before", "after", "change", "gradient norm of the batch"], details, { numbers: [2, 3, 4, 5], label: "decisions of the trial" }));
    for (const button of page.moment.querySelectorAll("button[data-trial]")) {
      button.onclick = () => {
        page.trial = button.dataset.trial;
        remember({ trial: page.trial });
        this.batch(told);
      };
    }
  }
}

class Belief {
  constructor(page) {
    this.page = page;
    this.importance = new Chart("Importance of each decision (share of the predictions' variance)", "batch", "decision", { height: 380 });
    this.effects = new Chart("Predicted score of each option", "option", "mean prediction (standard scores)", { height: 280 });
    this.mean = new Chart("Predicted score along two decisions", "", "", { height: 340 });
    this.doubt = new Chart("Standard deviation of the prediction", "", "", { height: 340 });
    const picker = (id) => h("select", { id, onchange: () => this.picked() });
    [this.one, this.other] = [picker("one"), picker("other")];
    this.pickers = h("p", { class: "row" }, "A slice through the best architecture so far, along",
      h("label", { for: "one" }, "one decision"), this.one, h("label", { for: "other" }, "and another"), this.other);
    this.elements = [this.importance.element, this.effects.element, this.pickers, h("div", { class: "pair" }, this.mean.element, this.doubt.element)];
  }

  chosen() {
    const names = this.page.found.decisions.map((decision) => decision.name);
    if (this.one.options.length !== names.length) {
      const importance = this.page.found.moments.at(-1)?.importance ?? names.map(() => 0);
      const order = names.map((_, t) => t).sort((a, b) => importance[b] - importance[a]);
      [this.one, this.other].forEach((select, k) => {
        select.replaceChildren(...names.map((name, t) => h("option", { value: t }, name)));
        select.value = this.page.pair[k] ?? String(order[k]);
      });
    }
    return [this.one.value, this.other.value];
  }

  picked() {
    if (this.one.value === this.other.value) {
      this.other.value = String((Number(this.one.value) + 1) % this.one.options.length);
    }
    remember({ one: this.one.value, other: this.other.value });
    this.page.show();
  }

  async show(told) {
    const { found, place, near } = this.page;
    const names = found.decisions.map((decision) => decision.name);
    const some = found.moments.length > 0;
    for (const chart of [this.importance, this.effects]) chart.element.hidden = !some;
    if (some) {
      this.importance.options.y = { showticklabels: names.length <= TALLEST, autorange: "reversed" };
      this.importance.draw([{
        type: "heatmap", x: found.moments.map((moment) => moment.batch), y: names, zmin: 0,
        z: names.map((_, t) => found.moments.map((moment) => moment.importance[t])), colorscale: "Cividis",
      }]);
      const effects = near.effects[place];
      this.effects.draw([{ name: "prediction", type: "bar", x: found.decisions[place].options.map((option) => `${option}`), y: effects, marker: { color: COLOURS[0] } }],
        `${names[place]}, before batch ${near.batch}, mean over random architectures`);
    }
    this.slice(told.slice);
    this.table(told);
  }

  slice(slice) {
    const { decisions } = this.page.found;
    this.pickers.hidden = !slice;
    for (const chart of [this.mean, this.doubt]) chart.element.hidden = !slice;
    if (!slice) return;
    const [one, other] = slice.pair.map((t) => decisions[t]);
    const axis = { type: "category" };
    for (const [chart, z] of [[this.mean, slice.mean], [this.doubt, slice.deviation]]) {
      chart.axes = [other.name, one.name];
      chart.options.x = axis;
      chart.options.y = axis;
      chart.draw([{ type: "heatmap", x: other.options, y: one.options, z, colorscale: "Cividis" }]);
    }
  }

  table(told) {
    const link = (trial) => h("a", { href: address("/network", { name: this.page.name, trial }) }, `${trial}`);
    const rows = told.trials.map((trial) => [
      link(trial.trial), trial.mean === undefined ? "no model yet" : `${number(trial.mean, 3)} ± ${number(trial.deviation, 3)}`,
      trial.chance === undefined ? "–" : `${number(100 * trial.chance, 1)} %`, number(trial.reward),
    ]);
    fill(this.page.moment, h("h2", {}, `Why batch ${told.batch} was proposed`),
      h("p", {}, "Each slot of a batch maximises the probability of improving on the best by another margin, so some are close to what is known to be good and some are far. Predictions are in standard scores: rewards by their ranks, as normal deviates."),
      table(["trial", "predicted score", "chance to be better than the best", "reward that came out"], rows, { numbers: [0, 1, 2, 3], label: "trials of the batch" }));
  }
}
