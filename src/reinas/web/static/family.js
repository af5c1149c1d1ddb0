// Who comes from whom: the tree of a policy that changes earlier networks into new ones.

import { COLOURS, Chart, thinned } from "/charts.js";
import { address, fill, h, number, table } from "/dom.js";

export default class Family {
  constructor(page) {
    this.page = page;
    this.tree = new Chart("Family tree: each network and its parent", "trial", "reward", { height: 460 });
    this.elements = [this.tree.element];
    this.tree.onPoint((point) => point.customdata !== undefined && page.goTo(point.customdata));
  }

  async show(told) {
    const chosen = told.trials.find((trial) => String(trial.trial) === this.page.trial) ?? told.trials[0];
    this.draw(chosen);
    this.table(told, chosen);
  }

  draw(chosen) {
    const { nodes } = this.page.found;
    const shown = thinned(nodes);
    const rewards = new Map(nodes.map(([trial, , reward]) => [trial, reward]));
    const [x, y] = [[], []];
    for (const [trial, parent, reward] of shown) {
      if (parent === null) continue;
      x.push(parent, trial, null);
      y.push(rewards.get(parent), reward, null);
    }
    const dots = (name, some, symbol, color) => ({
      name, mode: "markers", type: "scatter", marker: { symbol, color, size: 7 },
      x: some.map(([trial]) => trial), y: some.map(([, , reward]) => reward), customdata: some.map(([, , , batch]) => batch),
      text: some.map(([trial]) => `trial ${trial}`), hovertemplate: "%{text}<br>%{y:.4f}<extra></extra>",
    });
    const line = { name: `line of trial ${chosen.trial}`, mode: "lines+markers", type: "scatter", line: { color: COLOURS[1], width: 3 }, marker: { size: 9 },
      x: chosen.line.map((one) => one.trial), y: chosen.line.map((one) => one.reward) };
    this.tree.draw([
      { name: "parent to child", mode: "lines", type: "scatter", x, y, line: { color: COLOURS[6], width: 0.8 }, hoverinfo: "skip" },
      dots("founders, drawn at random", shown.filter(([, parent]) => parent === null), "diamond", COLOURS[2]),
      dots("children", shown.filter(([, parent]) => parent !== null), "circle", COLOURS[0]),
      line,
    ], shown.length < nodes.length ? `${number(shown.length)} of ${number(nodes.length)} trials drawn` : "");
  }

  table(told, chosen) {
    const { page } = this;
    const link = (trial) => h("a", { href: address("/network", { name: page.name, trial }) }, `${trial}`);
    const rows = chosen.line.map((one, place) => [
      link(one.trial), number(one.reward), place ? number(one.reward - chosen.line[place - 1].reward) : "–",
      place ? one.changes.map(([name, before, after]) => `${name}: ${before} → ${after}`).join(", ") || "nothing" : "a founder: drawn at random",
    ]);
    const others = told.trials.map((trial) => h("button", { type: "button", "data-trial": trial.trial, "aria-pressed": `${trial === chosen}` }, `trial ${trial.trial}`));
    fill(page.moment, h("h2", {}, `The line of trial ${chosen.trial}, of batch ${told.batch}`),
      others.length > 1 ? h("p", { class: "row" }, others) : null,
      h("p", {}, "The parent is the best of a random sample of the living (evolution), or the network around which the search looks (local search). Each step changes it; what became active by that is drawn anew."),
      table(["trial", "reward", "gain over its parent", "what was changed"], rows, { numbers: [0, 1, 2], label: "line of descent" }));
    page.chooses(() => this.show(told));
  }
}
