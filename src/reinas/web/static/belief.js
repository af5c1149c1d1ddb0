// What Bayesian search believes: importance, effects, a slice, and why it proposed a batch.

import { COLOURS, Chart } from "/charts.js";
import { TALLEST, address, fill, h, held, number, remember, table } from "/dom.js";

export default class Belief {
  constructor(page) {
    this.page = page;
    this.importance = new Chart("Importance of each decision (share of the predictions' variance)", "batch", "decision", { height: 380 });
    this.effects = new Chart("Predicted score of each option", "option", "mean (standard score)", { height: 280, x: { type: "category" } });
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
    this.pickers.hidden = !slice || held !== null; // a file holds one slice
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
