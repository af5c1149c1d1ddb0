// Several studies in one chart; those that differ by their seed alone are one line with a band.

import { COLOURS, Chart, thinned } from "/charts.js";
import { address, choice, duration, fill, h, number, parameters, remember, table } from "/dom.js";
import { Rows } from "/study.js";

const AXES = { trials: "trials", cost: "training time, summed (s)", time: "time since the beginning (s)" };
const PLACES = 200; // where the band of several seeds is computed

export default class Compare {
  constructor() {
    this.studies = parameters().getAll("name").map((name) => new Rows(name));
    this.axis = parameters().get("x") ?? "trials";
    document.title = "comparison · reinas";
    this.chart = new Chart("Best reward so far", AXES[this.axis], "best reward so far", { height: 440 });
    this.list = h("section");
    this.elements = [
      h("h1", {}, "Comparison"),
      choice("Over", [["trials", "trials"], ["cost", "cost"], ["time", "time"]], this.axis, (axis) => {
        this.axis = axis;
        remember({ x: axis });
        this.chart.axes[0] = AXES[axis];
        this.draw();
      }),
      this.chart.element, this.list,
    ];
  }

  async update(show) {
    if (!this.studies.length) throw new Error("no study is named: tick some in the list of studies");
    await Promise.all(this.studies.map((study) => study.update()));
    fill(this.list, table(["study", "policy", "trials", "best reward", "training time"], this.studies.map((study) => [
      h("a", { href: address("/study", { name: study.name }) }, study.name),
      study.about.settings.policy?.name ?? "–", number(study.rows.length), number(study.best("trials").y.at(-1)),
      duration(study.rows.reduce((sum, row) => sum + (row[2] === "repeat" ? 0 : row[4]), 0)),
    ]), { numbers: [2, 3, 4], label: "the studies" }));
    show();
    await this.draw();
  }

  draw() {
    const traces = [];
    const groups = new Map();
    for (const study of this.studies) {
      const key = JSON.stringify(withoutSeeds(study.about.settings));
      groups.set(key, [...(groups.get(key) ?? []), study]);
    }
    [...groups.values()].forEach((some, place) => {
      const color = COLOURS[place % COLOURS.length];
      const lines = some.map((study) => study.best(this.axis)).filter((line) => line.x.length);
      if (!lines.length) return;
      const dash = ["solid", "dash", "dot", "dashdot"][Math.floor(place / COLOURS.length) % 4];
      if (lines.length === 1) {
        const points = thinned(lines[0].x.map((x, k) => [x, lines[0].y[k]]));
        traces.push({ name: some[0].name, mode: "lines", type: "scatter", x: points.map((p) => p[0]), y: points.map((p) => p[1]), line: { shape: "hv", color, dash, width: 2.5 } });
        return;
      }
      traces.push(...band(lines, `${some[0].about.settings.policy?.name ?? some[0].name}, ${lines.length} seeds`, color, dash));
    });
    return this.chart.draw(traces, this.studies.length > groups.size ? "lines of several seeds: mean, and the range of the seeds" : "");
  }
}

function withoutSeeds(value) {
  if (Array.isArray(value)) return value.map(withoutSeeds);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "seed").map(([key, inner]) => [key, withoutSeeds(inner)]));
}

function band(lines, name, color, dash) {
  // only where every seed has a best reward already, and has got so far
  const [first, last] = [Math.max(...lines.map((line) => line.x[0])), Math.min(...lines.map((line) => line.x.at(-1)))];
  const x = Array.from({ length: PLACES }, (_, k) => first + ((last - first) * k) / (PLACES - 1));
  const at = x.map((place) => lines.map((line) => line.y[line.x.findLastIndex((one) => one <= place)]));
  const low = at.map((values) => Math.min(...values));
  const high = at.map((values) => Math.max(...values));
  const mean = at.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const edge = { mode: "lines", type: "scatter", x, line: { width: 0, color }, showlegend: false, hoverinfo: "skip" };
  return [
    { ...edge, name: `${name}, lowest`, y: low },
    { ...edge, name: `${name}, highest`, y: high, fill: "tonexty", fillcolor: `${color}33` },
    { name, mode: "lines", type: "scatter", x, y: mean, line: { color, dash, width: 2.5 } },
  ];
}
