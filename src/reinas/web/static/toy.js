// The review's toy: four networks, a controller of five numbers, exact and sampled gradients.

import { COLOURS, Chart } from "/charts.js";
import { fill, h, number, parameters, remember, table } from "/dom.js";

const LOSSES = [[0.0535, 91.1902], [0.3961, 34.4771]]; // the review's, by [h][g]: 0 linear, 1 sigmoid
const NAMES = ["c", "w1", "b1", "w2", "b2"];
const STARTS = [[-8, 77, 77, 0, -8], [5, 1, 1, 5, 5], [15, 0, 0, 3, -15], [0, 0, 0, 0, 0]];
const SIDE = 41; // points of the surface along each axis
const SPAN = 20; // it reaches from minus this to plus this
const LONGEST = 100000; // steps after which it stops by itself
const PAUSE = 60; // milliseconds between two steps that run by themselves

const TEXT = {
  en: {
    title: "The toy, playable",
    intro: "A network has two layers; each is linear (0) or sigmoid (1), so there are four networks, and their losses are known. The controller draws the first answer with probability sigmoid(c) of a 1, the second with sigmoid(w2 tanh(w1 a + b1) + b2). What descends is the expected loss J. On the left the exact gradient of J, on the right REINFORCE, which sees only the losses of the networks that it has drawn.",
    look: "Look for this: from (5, 1, 1, 5, 5) the exact descent with steps of size 1 rests for tens of thousands of steps at the network (sigmoid, linear), with loss 0.3961, and then goes on to the best one; a plateau is no minimum. The sampled path shakes, and where one answer has become almost certain it is hardly ever drawn otherwise, so it learns nothing more.",
    start: "Start", rate: "Step size", batch: "Networks per sampled batch", step: "One step", run: "Run", stop: "Stop", again: "Begin again",
    across: "Across", up: "Up", surface: "Expected loss J (others as on the exact path)", way: "Expected loss by step", exact: "exact", sampled: "sampled",
    probabilities: "probability", network: "network", loss: "loss", linear: "linear", sigmoid: "sigmoid", steps: "steps", language: "한국어",
  },
  ko: {
    title: "직접 해 보는 장난감 예제",
    intro: "신경망은 두 층이고, 각 층은 선형(0) 아니면 시그모이드(1)입니다. 그래서 신경망은 네 가지이고 손실은 이미 알려져 있습니다. 컨트롤러는 첫 번째 답이 1일 확률을 sigmoid(c)로, 두 번째 답이 1일 확률을 sigmoid(w2 tanh(w1 a + b1) + b2)로 정합니다. 줄이려는 것은 기대 손실 J입니다. 왼쪽은 J의 정확한 그래디언트, 오른쪽은 뽑은 신경망의 손실만 보는 REINFORCE입니다.",
    look: "눈여겨볼 점: (5, 1, 1, 5, 5)에서 출발한 걸음 크기 1로 정확히 내려가면 손실 0.3961인 (시그모이드, 선형)에서 수만 걸음을 머물다가 다시 내려가 가장 좋은 신경망에 이릅니다. 평평한 곳은 극소점이 아닙니다. 표본으로 구한 경로는 흔들리고, 어떤 답이 거의 확실해지면 다른 답이 뽑히지 않으므로 더 배우지 못합니다.",
    start: "출발점", rate: "걸음 크기", batch: "한 번에 뽑는 신경망 수", step: "한 걸음", run: "실행", stop: "멈춤", again: "처음부터",
    across: "가로축", up: "세로축", surface: "기대 손실 J(나머지는 정확한 경로의 값)", way: "걸음에 따른 기대 손실", exact: "정확한 그래디언트", sampled: "표본",
    probabilities: "확률", network: "신경망", loss: "손실", linear: "선형", sigmoid: "시그모이드", steps: "걸음", language: "English",
  },
};

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

export function parts([c, w1, b1, w2, b2]) {
  const hidden = [Math.tanh(b1), Math.tanh(w1 + b1)];
  return { first: sigmoid(c), hidden, second: hidden.map((value) => sigmoid(w2 * value + b2)) };
}

export function expected(theta) {
  const { first, second } = parts(theta);
  const given = [0, 1].map((a) => LOSSES[a][0] * (1 - second[a]) + LOSSES[a][1] * second[a]);
  return (1 - first) * given[0] + first * given[1];
}

// The gradient of log P(a1, a2) with respect to (c, w1, b1, w2, b2)
function score(theta, a1, a2) {
  const { first, hidden, second } = parts(theta);
  const slope = a2 - second[a1];
  const inner = slope * theta[3] * (1 - hidden[a1] ** 2);
  return [a1 - first, inner * a1, inner, slope * hidden[a1], slope];
}

function probability(theta, a1, a2) {
  const { first, second } = parts(theta);
  return (a1 ? first : 1 - first) * (a2 ? second[a1] : 1 - second[a1]);
}

export function exactGradient(theta) {
  const total = [0, 0, 0, 0, 0];
  for (const a1 of [0, 1]) for (const a2 of [0, 1]) {
    const weight = probability(theta, a1, a2) * LOSSES[a1][a2];
    score(theta, a1, a2).forEach((value, k) => { total[k] += weight * value; });
  }
  return total;
}

export function sampledGradient(theta, count, baseline, random) {
  const total = [0, 0, 0, 0, 0];
  let sum = 0;
  for (let n = 0; n < count; n += 1) {
    const { first, second } = parts(theta);
    const a1 = random() < first ? 1 : 0;
    const a2 = random() < second[a1] ? 1 : 0;
    sum += LOSSES[a1][a2];
    const weight = (LOSSES[a1][a2] - (baseline ?? LOSSES[a1][a2])) / count;
    score(theta, a1, a2).forEach((value, k) => { total[k] += weight * value; });
  }
  return [total, sum / count];
}

// Mulberry32: the same address plays the same way
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

export default class Toy {
  constructor() {
    this.isLive = false;
    const query = parameters();
    this.language = query.get("lang") === "ko" ? "ko" : "en";
    this.t = TEXT[this.language];
    document.documentElement.lang = this.language;
    document.title = `${this.t.title} · reinas`;
    const typed = (query.get("start") ?? "").split(",").map(Number);
    this.start = typed.length === 5 && typed.every(Number.isFinite) ? typed : STARTS[1];
    this.rate = within(Number(query.get("rate") ?? 1), 0.001, 10, 1);
    this.count = Math.round(within(Number(query.get("batch") ?? 8), 1, 256, 8));
    this.axes = [NAMES.indexOf(query.get("across") ?? "c"), NAMES.indexOf(query.get("up") ?? "b2")].map((k, n) => (k < 0 ? [0, 4][n] : k));
    this.build();
    this.reset();
  }

  build() {
    const { t } = this;
    const field = (label, id, value, change, more = {}) => [h("label", { for: id }, label), h("input", { id, value, type: "number", ...more, onchange: change })];
    const pick = (label, id, k) => [h("label", { for: id }, label), h("select", { id, onchange: (event) => { this.axes[k] = Number(event.target.value); remember({ [["across", "up"][k]]: NAMES[this.axes[k]] }); this.draw(); } },
      NAMES.map((name, n) => h("option", { value: n, selected: n === this.axes[k] }, name)))];
    this.starts = h("p", { class: "row" }, t.start, STARTS.map((start) => h("button", { type: "button", onclick: () => { this.start = start; this.reset(); } }, `(${start.join(", ")})`)));
    this.numbers = NAMES.map((name, k) => h("input", { type: "number", id: `theta-${name}`, step: "any", onchange: (event) => {
      this.start = this.start.map((value, n) => (n === k ? Number(event.target.value) : value));
      this.reset();
    } }));
    this.runner = h("button", { type: "button", onclick: () => this.toggle() }, t.run);
    this.surface = new Chart(t.surface, "", "", { height: 420 });
    this.way = new Chart(t.way, t.steps, "J", { height: 420 });
    this.sides = h("div", { class: "pair" });
    this.elements = [
      h("h1", {}, t.title),
      h("p", {}, h("a", { href: `?lang=${this.language === "ko" ? "en" : "ko"}`, lang: this.language === "ko" ? "en" : "ko" }, t.language)),
      h("p", {}, t.intro), h("p", {}, t.look), this.starts,
      h("p", { class: "row" }, NAMES.map((name, k) => [h("label", { for: `theta-${name}` }, name), this.numbers[k]])),
      h("p", { class: "row" },
        field(t.rate, "rate", this.rate, (event) => { this.rate = within(Number(event.target.value), 0.001, 10, 1); event.target.value = this.rate; remember({ rate: this.rate }); }, { min: 0.001, max: 10, step: "any" }),
        field(t.batch, "count", this.count, (event) => { this.count = Math.round(within(Number(event.target.value), 1, 256, 8)); event.target.value = this.count; remember({ batch: this.count }); }, { min: 1, max: 256 })),
      h("p", { class: "row" }, h("button", { type: "button", onclick: () => { this.step(1); this.draw(); } }, t.step), this.runner,
        h("button", { type: "button", onclick: () => this.reset() }, t.again), pick(t.across, "across", 0), pick(t.up, "up", 1)),
      this.sides,
      h("div", { class: "pair" }, this.surface.element, this.way.element),
    ];
  }

  reset() {
    this.random = generator(1);
    this.baseline = null;
    this.paths = { exact: [this.start], sampled: [this.start] };
    this.numbers.forEach((input, k) => { input.value = this.start[k]; });
    remember({ start: this.start.join(",") });
    if (this.ready) this.draw();
  }

  step(times) {
    for (let n = 0; n < times; n += 1) {
      const exact = this.paths.exact.at(-1);
      this.paths.exact.push(moved(exact, exactGradient(exact), this.rate));
      const sampled = this.paths.sampled.at(-1);
      const [gradient, mean] = sampledGradient(sampled, this.count, this.baseline, this.random);
      this.baseline = this.baseline === null ? mean : 0.95 * this.baseline + 0.05 * mean;
      this.paths.sampled.push(moved(sampled, gradient, this.rate));
    }
  }

  toggle() {
    if (this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    } else {
      this.timer = setInterval(() => {
        // the longer it runs, the larger its strides: a plateau takes thousands of steps
        this.step(Math.max(1, Math.round(this.paths.exact.length / 40)));
        this.draw();
        if (this.paths.exact.length > LONGEST) this.toggle();
      }, PAUSE);
    }
    this.runner.textContent = this.timer ? this.t.stop : this.t.run;
  }

  async update() {
    this.ready = true;
    await this.draw();
  }

  async draw() {
    const { t } = this;
    const [across, up] = this.axes;
    const here = this.paths.exact.at(-1);
    const grid = Array.from({ length: SIDE }, (_, k) => -SPAN + (2 * SPAN * k) / (SIDE - 1));
    const z = grid.map((y) => grid.map((x) => expected(here.map((value, k) => (k === across ? x : k === up ? y : value)))));
    const path = (name, color, symbol) => {
      const some = strided(this.paths[name]);
      return { name: t[name], mode: "lines+markers", type: "scatter", x: some.map(([p]) => p[across]), y: some.map(([p]) => p[up]), line: { color, width: 2 }, marker: { color, symbol, size: 5 } };
    };
    this.surface.axes = [NAMES[across], NAMES[up]];
    fill(this.sides, ["exact", "sampled"].map((name) => this.side(name)));
    await Promise.all([
      this.surface.draw([{ name: "J", type: "heatmap", x: grid, y: grid, z, colorscale: "Cividis", reversescale: true }, path("exact", COLOURS[1], "circle"), path("sampled", COLOURS[3], "diamond")]),
      this.way.draw(["exact", "sampled"].map((name, k) => {
        const some = strided(this.paths[name]);
        return { name: t[name], mode: "lines", type: "scatter", x: some.map(([, n]) => n), y: some.map(([p]) => expected(p)), line: { color: [COLOURS[1], COLOURS[3]][k], width: 2, dash: ["solid", "dot"][k] } };
      })),
    ]);
  }

  side(name) {
    const { t } = this;
    const theta = this.paths[name].at(-1);
    const rows = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([a1, a2]) => [
      `${[t.linear, t.sigmoid][a1]}, ${[t.linear, t.sigmoid][a2]}`, number(LOSSES[a1][a2]), number(probability(theta, a1, a2)),
    ]);
    return h("section", {}, h("h2", {}, t[name]),
      h("p", {}, `J = ${number(expected(theta))}, ${t.steps}: ${this.paths[name].length - 1}, θ = (${theta.map((value) => number(value, 2)).join(", ")})`),
      table([t.network, t.loss, t.probabilities], rows, { numbers: [1, 2], label: t[name] }));
  }
}

function moved(theta, gradient, rate) {
  return theta.map((value, k) => value - rate * gradient[k]);
}

function within(value, least, most, usual) {
  return Number.isFinite(value) && value !== 0 ? Math.min(most, Math.max(least, value)) : usual;
}

// At most a few hundred points of a path, with their steps
function strided(path) {
  const stride = Math.max(1, Math.ceil(path.length / 400));
  return path.map((point, n) => [point, n]).filter(([, n]) => n % stride === 0 || n === path.length - 1);
}
