// A policy that is trained by policy gradient: ribbons, entropies, links, and what a batch changed.

import { COLOURS, Chart } from "/charts.js";
import { TALLEST, address, fill, h, number, table } from "/dom.js";

export default class Gradient {
  constructor(page) {
    this.page = page;
    this.ribbon = new Chart("Probability of each option", "batch", "probability", { height: 300, y: { range: [0, 1] } });
    this.entropy = new Chart("Entropy of each decision (nats)", "batch", "decision", { height: 380 });
    this.links = new Chart("Probability that layer j feeds layer i", "from layer j", "to layer i", { height: 420, y: { autorange: "reversed", dtick: 1 }, x: { dtick: 1 } });
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
    this.entropy.options.y = { showticklabels: names.length <= TALLEST, autorange: "reversed" };
    this.entropy.draw([{
      type: "heatmap", x: found.moments.map((moment) => moment.batch), y: names,
      z: names.map((_, t) => found.moments.map((moment) => moment.entropies[t])), colorscale: "Cividis", zmin: 0,
    }], "dark: decided");
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
      h("p", {}, `Baseline ${number(told.baseline)}. The advantage of a trial is its reward less the baseline; the update pushes towards the answers of trials with a positive advantage. All answers share the parameters, and one step is taken for the whole batch, so some become less likely all the same.`),
      table(["trial", "reward", "advantage", "log-probability before", "change by the update", "decisions"], rows, { numbers: [0, 1, 2, 3, 4], label: "trials of the batch" }),
      h("h2", {}, `Decisions of trial ${chosen.trial}`),
      table(["decision", "answer", "log-probability before", "after", "change", "gradient norm of the batch"], details, { numbers: [2, 3, 4, 5], label: "decisions of the trial" }));
    page.chooses(() => this.batch(told));
  }
}
