// What `reinas compare` has found so far on a table: a line with its interval per policy.

import { COLOURS, Chart } from "/charts.js";
import { ago, fill, h, number, parameters, read, table } from "/dom.js";

const DASHES = ["solid", "dash", "dot", "dashdot"];

export default class Comparison {
  constructor() {
    this.of = parameters().get("of") ?? "";
    document.title = "comparison · reinas";
    this.heading = h("h1", {}, "Comparison");
    this.about = h("p", { class: "quiet" });
    this.chart = new Chart("Best reward so far", "evaluations", "best reward so far", { height: 460 });
    this.list = h("section");
    this.elements = [this.heading, this.about, this.chart.element, this.list];
  }

  async update() {
    const found = await read("comparison", { of: this.of });
    this.heading.textContent = found.name;
    document.title = `${found.name} · reinas`;
    this.about.textContent = `${number(found.runs)} runs of ${number(found.evaluations)} evaluations have finished, the last one ${ago(found.seen, Date.now() / 1000)}. Bands are 95 % intervals of the mean over seeds (Student's t); a loss counts negated.`;
    this.draw(found);
    const last = (values) => values.at(-1);
    const rows = [...found.lines].sort((a, b) => last(b.mean) - last(a.mean)).map((line) => [
      line.label, number(line.seeds),
      line.low[0] === null ? number(last(line.mean)) : `${number(last(line.mean))} [${number(last(line.low))}, ${number(last(line.high))}]`,
      number(line.distinct, 1), `${number(line.own_milliseconds, 2)} ms`,
    ]);
    fill(this.list, h("h2", {}, `After ${number(found.evaluations)} evaluations`),
      table(["policy", "seeds", "best reward", "different networks", "policy time per evaluation"], rows, { numbers: [1, 2, 3, 4], label: "the policies" }));
  }

  draw({ points, lines }) {
    const traces = lines.flatMap((line, place) => {
      const color = COLOURS[place % COLOURS.length];
      const dash = DASHES[Math.floor(place / COLOURS.length) % DASHES.length];
      const edge = { mode: "lines", type: "scatter", x: points, line: { width: 0, color }, showlegend: false, hoverinfo: "skip", legendgroup: line.label };
      const band = line.low[0] === null ? [] : [
        { ...edge, name: `${line.label}, lower bound`, y: line.low },
        { ...edge, name: `${line.label}, upper bound`, y: line.high, fill: "tonexty", fillcolor: `${color}33` },
      ];
      return [...band, { name: `${line.label}, ${line.seeds} seed${line.seeds === 1 ? "" : "s"}`, legendgroup: line.label, mode: "lines", type: "scatter", x: points, y: line.mean, line: { color, dash, width: 2.5 } }];
    });
    return this.chart.draw(traces);
  }
}
