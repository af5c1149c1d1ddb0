// One study: rewards, curves, failures, machines, the best networks.

import { COLOURS, Chart, thinned } from "/charts.js";
import { address, ago, choice, duration, fill, h, held, number, parameters, read, remember, table } from "/dom.js";

const [NUMBER, STATE, VALUE, SECONDS, AT, STEP, ERROR, MEASURED] = [0, 2, 3, 4, 5, 6, 7, 8];
const WINDOW = 16; // trials in the moving mean
const KINDS = {
  complete: { symbol: "circle", color: COLOURS[0] },
  repeat: { symbol: "circle-open", color: COLOURS[6] },
  pruned: { symbol: "diamond-open", color: COLOURS[5], opacity: 0.6 },
  failed: { symbol: "x", color: COLOURS[1] },
};
const AXES = { trials: "trial", cost: "training time, summed (s)", time: "time since the beginning (s)" };

// Rows of a study, kept up to date: only what is new is read.
export class Rows {
  constructor(name) {
    this.name = name;
    this.rows = [];
    this.diagnostics = [];
    this.feed = "";
  }

  async update() {
    const batch = this.diagnostics.at(-1)?.batch ?? 0;
    const found = await read("study", { name: this.name, feed: this.feed, since: this.rows.length, batch });
    if (found.since === 0) [this.rows, this.diagnostics] = [[], []];
    this.rows.push(...found.rows);
    this.diagnostics.push(...found.diagnostics);
    this.feed = found.feed;
    this.about = found;
    return found;
  }

  // [horizontal place, row] in the order of finishing
  placed(axis) {
    let cost = 0;
    return this.rows.map((row) => {
      if (row[STATE] !== "repeat") cost += row[SECONDS];
      const at = { trials: row[NUMBER], cost, time: row[AT] - this.about.created };
      return [at[axis], row];
    });
  }

  // The best reward so far, where it rises
  best(axis) {
    const [x, y] = [[], []];
    const placed = this.placed(axis);
    if (axis === "trials") placed.sort((a, b) => a[0] - b[0]);
    for (const [at, row] of placed) {
      if (row[STATE] === "complete" && !(row[VALUE] <= y.at(-1))) {
        x.push(at);
        y.push(row[VALUE]);
      }
    }
    if (x.length && placed.length) {
      x.push(placed.at(-1)[0]);
      y.push(y.at(-1));
    }
    return { x, y };
  }
}

export default class Study {
  constructor() {
    this.name = parameters().get("name") ?? "";
    this.axis = parameters().get("x") ?? "trials";
    this.data = new Rows(this.name);
    document.title = `${this.name} · reinas`;
    this.rewards = new Chart("Rewards", AXES[this.axis], "reward");
    this.curves = new Chart("Learning curves", "epoch or reported step", "score");
    this.learned = new Chart("What the policy reports", "batch", "", { height: 260 });
    this.front = new Chart("The Pareto front", "", "", { height: 380 });
    this.facts = h("dl", { class: "facts" });
    this.parts = Object.fromEntries(["front", "best", "failures", "rungs", "workers", "settings"].map((k) => [k, h("section")]));
    this.elements = [
      h("h1", {}, this.name),
      h("p", { class: "row" },
        h("a", { href: address("/policy", { name: this.name }) }, "The policy under a microscope"),
        held ? null : h("a", { href: address("/compare", { name: this.name }) }, "Compare")),
      this.facts,
      choice("Rewards over", [["trials", "trials"], ["cost", "cost"], ["time", "time"]], this.axis, (axis) => {
        this.axis = axis;
        remember({ x: axis });
        this.rewards.axes[0] = AXES[axis];
        this.drawRewards();
      }),
      this.rewards.element, this.front.element, this.parts.front, this.curves.element, this.parts.best, this.learned.element, this.parts.failures,
      this.parts.rungs, this.parts.workers, this.parts.settings,
    ];
    for (const chart of [this.rewards, this.front]) {
      chart.onPoint((point) => {
        if (point.customdata !== undefined) location.assign(address("/network", { name: this.name, trial: point.customdata }));
      });
    }
  }

  async update(show) {
    const [about, curves] = await Promise.all([this.data.update(), read("curves", { name: this.name })]);
    this.showFacts(about);
    this.showTables(about, curves.texts);
    const drawn = [this.drawRewards(), this.drawFront(about), this.drawCurves(curves), this.drawLearned()];
    show();
    await Promise.all(drawn);
  }

  showFacts(about) {
    const { rows } = this.data;
    const done = rows.length;
    const best = this.data.best("trials").y.at(-1);
    const running = about.running.length;
    const state = running ? "running" : done >= about.trials ? "done" : "stopped";
    const recent = rows.slice(-20);
    const pace = recent.length > 1 ? (recent.at(-1)[AT] - recent[0][AT]) / (recent.length - 1) : null;
    const left = running && pace !== null ? duration(pace * (about.trials - done)) : "–";
    const facts = [
      ["state", h("span", { class: `state ${state}` }, state)],
      ["trials", [h("progress", { max: about.trials, value: done, "aria-label": "progress" }), ` ${number(done)} of ${number(about.trials)}`]],
      ["best reward", number(best)],
      ["training time", duration(rows.reduce((sum, row) => sum + (row[STATE] === "repeat" ? 0 : row[SECONDS]), 0))],
      ["time left", left],
      ["last sign of life", ago(rows.at(-1)?.[AT] ?? about.created, about.now)],
    ];
    if (about.final) facts.push([`test of trial ${about.final.trial}`, about.final.summary]);
    fill(this.facts, facts.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
  }

  drawRewards() {
    const placed = this.data.placed(this.axis);
    const least = Math.min(0, ...placed.map(([, row]) => row[VALUE] ?? 0).slice(-50000));
    const traces = [];
    let drawn = 0;
    for (const [kind, marker] of Object.entries(KINDS)) {
      const all = placed.filter(([, row]) => row[STATE] === kind);
      const points = thinned(all);
      drawn += points.length;
      if (!points.length) continue;
      traces.push({
        name: `${kind} (${number(all.length)})`, mode: "markers", type: "scatter", marker: { size: 7, ...marker },
        x: points.map(([x]) => x), y: points.map(([, row]) => row[VALUE] ?? least),
        customdata: points.map(([, row]) => row[NUMBER]),
        text: points.map(([, row]) => `trial ${row[NUMBER]}${row[ERROR] ? `: ${plain(row[ERROR])}` : ""}`),
        hovertemplate: "%{text}<br>%{y:.4f}<extra></extra>",
      });
    }
    const mean = moving(placed.filter(([, row]) => row[VALUE] !== null).sort((a, b) => a[0] - b[0]));
    if (mean.x.length) {
      traces.push({ name: `mean of the last ${WINDOW}`, mode: "lines", type: "scatter", ...mean, line: { width: 1.5, color: COLOURS[3] } });
    }
    traces.push({
      name: "best so far", mode: "lines", type: "scatter", ...this.data.best(this.axis),
      line: { shape: "hv", width: 2.5, color: COLOURS[2] },
    });
    const note = drawn < placed.length ? `${number(drawn)} of ${number(placed.length)} trials drawn` : "";
    return this.rewards.draw(traces, placed.length ? note : "no trial has finished yet");
  }

  // All complete trials by the first two objectives; a table has all of them
  drawFront({ objectives, lower, front }) {
    this.front.element.hidden = !objectives.length;
    const own = this.data.rows.filter((row) => row[STATE] === "complete");
    part(this.parts.front, "On the front", front.length && table(["trial", ...objectives], front.map((trial) => {
      const row = own.find((one) => one[NUMBER] === trial);
      return [this.link(trial), ...row[MEASURED].map((value) => number(value))];
    }), { numbers: [0, ...objectives.map((_, k) => k + 1)], label: "the Pareto front" }));
    if (!objectives.length) return null;
    const [vertical, horizontal] = objectives;
    const found = new Set(front);
    this.front.axes = [horizontal, vertical];
    this.front.options.x = lower.includes(horizontal) ? { type: "log" } : {};
    const dots = (name, some, marker, mode = "markers") => ({
      name, mode, type: "scatter", marker, line: { shape: "hv", color: COLOURS[1], width: 1.5 },
      x: some.map((row) => row[MEASURED][1]), y: some.map((row) => row[MEASURED][0]),
      text: some.map((row) => `trial ${row[NUMBER]}`), customdata: some.map((row) => row[NUMBER]),
      hovertemplate: "%{text}<br>%{x:.4s}, %{y:.4f}<extra></extra>",
    });
    const best = own.filter((row) => found.has(row[NUMBER])).sort((a, b) => a[MEASURED][1] - b[MEASURED][1]);
    return this.front.draw([
      dots("trials", thinned(own.filter((row) => !found.has(row[NUMBER]))), { size: 7, color: COLOURS[0], opacity: 0.6 }),
      dots("on the front", best, { size: 10, symbol: "diamond", color: COLOURS[1] }, objectives.length === 2 ? "lines+markers" : "markers"),
    ], "no other network is at least as good in all of these, and better in one");
  }

  link(trial) {
    return h("a", { href: address("/network", { name: this.name, trial }) }, `${trial}`);
  }

  drawCurves({ best, curves, running }) {
    const traces = [
      ...curves.map((curve) => line(curve, best.includes(curve.trial) ? "best" : curve.state)),
      ...running.filter((curve) => curve.points.length).map((curve) => line(curve, "running")),
    ];
    const seen = new Set();
    for (const trace of traces) {
      trace.showlegend = !seen.has(trace.legendgroup);
      seen.add(trace.legendgroup);
    }
    this.curves.element.hidden = !traces.length;
    return traces.length ? this.curves.draw(traces, "the best, the latest, and those that train now") : null;
  }

  drawLearned() {
    const rows = this.data.diagnostics;
    const names = Object.keys(rows.at(-1) ?? {}).filter((name) => name !== "batch");
    this.learned.element.hidden = !names.length;
    if (!names.length) return null;
    const shown = thinned(rows);
    return this.learned.draw(names.map((name, place) => ({
      name, mode: "lines", type: "scatter", x: shown.map((row) => row.batch), y: shown.map((row) => row[name]),
      line: { color: COLOURS[place % COLOURS.length], width: 2, dash: place < COLOURS.length ? "solid" : "dot" },
    })));
  }

  showTables(about, texts) {
    const { rows } = this.data;
    const link = (trial) => this.link(trial);
    // of equal rewards the earliest comes first, as in the text of a report
    const best = rows.filter((row) => row[STATE] === "complete" && texts[row[NUMBER]] !== undefined)
      .sort((a, b) => b[VALUE] - a[VALUE] || a[NUMBER] - b[NUMBER]);
    part(this.parts.best, "The best networks", best.length && table(
      ["trial", "reward", "training time", "beside the best", "architecture"],
      best.map((row, place) => [link(row[NUMBER]), number(row[VALUE]), duration(row[SECONDS]), place ? h("a", {
        href: address("/network", { name: this.name, trial: best[0][NUMBER], with: row[NUMBER] }),
      }, "compare") : "–", h("code", {}, texts[row[NUMBER]])]), { numbers: [0, 1, 2], label: "the best networks" }));
    const failures = counted(rows.filter((row) => row[ERROR]), (row) => row[ERROR]);
    part(this.parts.failures, "Failures", failures.length && table(
      ["trials", "reason", "the last"], failures.map(([reason, some]) => [some.length, reason, link(some.at(-1)[NUMBER])]),
      { numbers: [0], label: "failures" }));
    const rungs = counted(rows.filter((row) => row[STATE] === "pruned"), (row) => row[STEP]).sort((a, b) => a[0] - b[0]);
    part(this.parts.rungs, "Stopped early", rungs.length && table(
      ["after step", "children", "best score there"],
      rungs.map(([step, some]) => [step, some.length, number(Math.max(...some.map((row) => row[VALUE])))]),
      { numbers: [0, 1, 2], label: "stopped early" }));
    const busy = (worker) => about.running.filter((r) => r.worker === worker).map((r) => r.trial).join(", ") || "–";
    const holders = counted(about.running, (r) => r.worker);
    const known = about.workers.length
      ? about.workers.map((w) => [w.worker, w.children, w.lost, ago(w.last, about.now), busy(w.worker)])
      : holders.map(([worker, some]) => [worker, "–", "–", "–", some.map((r) => r.trial).join(", ")]);
    part(this.parts.workers, "Machines", known.length && table(
      ["worker", "children begun", "lost", "last began", "busy with trial"], known, { numbers: [1, 2], label: "machines" }));
    part(this.parts.settings, "Settings", h("details", {}, h("summary", {}, "as recorded"),
      h("pre", { tabindex: "0" }, JSON.stringify(about.settings, null, 2))));
  }
}

// The mean of the last rewards, where there are as many
function moving(placed) {
  const [x, y] = [[], []];
  let sum = 0;
  placed.forEach(([at, row], place) => {
    sum += row[VALUE] - (place >= WINDOW ? placed[place - WINDOW][1][VALUE] : 0);
    if (place >= WINDOW - 1) {
      x.push(at);
      y.push(sum / WINDOW);
    }
  });
  const points = thinned(x.map((at, place) => [at, y[place]]));
  return { x: points.map(([at]) => at), y: points.map(([, value]) => value) };
}

function line(curve, kind) {
  const colours = { best: COLOURS[2], complete: COLOURS[0], pruned: COLOURS[5], failed: COLOURS[1], running: COLOURS[4] };
  return {
    name: kind, legendgroup: kind, mode: curve.points.length > 1 ? "lines" : "markers", type: "scatter",
    x: curve.points.map(([step]) => step), y: curve.points.map(([, score]) => score),
    text: curve.points.map(() => `trial ${curve.trial}`), hovertemplate: "%{text}<br>%{y:.4f}<extra></extra>",
    line: { color: colours[kind], width: kind === "best" || kind === "running" ? 2.5 : 1.2, dash: kind === "running" ? "dot" : "solid" },
    opacity: kind === "pruned" || kind === "failed" ? 0.35 : kind === "complete" ? 0.6 : 1,
  };
}

// Plotly reads <b> and the like in its own texts
function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").slice(0, 200);
}

function part(section, title, content) {
  section.hidden = !content;
  if (content) fill(section, h("h2", {}, title), content);
}

function counted(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups].sort((a, b) => b[1].length - a[1].length);
}
