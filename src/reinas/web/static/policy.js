// The policy at each moment: what it was before each batch, and what the batch did to it.

import Belief from "/belief.js";
import { address, fill, h, held, parameters, read, remember } from "/dom.js";
import Family from "/family.js";
import Gradient from "/gradient.js";

const KINDS = { gradient: Gradient, belief: Belief, family: Family };

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
      onchange: () => this.goTo(Number(this.slider.value)),
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
    } while (!this.found.done && !held);
    const last = this.found.learned - 1;
    this.slider.max = Math.max(last, 0);
    this.slider.value = near(this.batch ?? last);
    this.label();
    const names = this.found.decisions.map((decision) => decision.name);
    if (this.select.options.length !== names.length) {
      this.select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    }
    if (!names.includes(this.decision)) this.decision = names[0] ?? "";
    this.select.value = this.decision;
    this.view ??= new KINDS[this.found.kind](this);
    this.select.parentElement.hidden = this.found.kind === "family";
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

  goTo(batch) {
    [this.batch, this.trial] = [near(batch), null];
    this.slider.value = this.batch;
    this.label();
    remember({ batch: this.batch, trial: null });
    this.show();
  }

  // The buttons of a moment choose one of its trials; the one that was pressed keeps the focus
  chooses(redraw) {
    for (const button of this.moment.querySelectorAll("button[data-trial]")) {
      button.onclick = () => {
        this.trial = button.dataset.trial;
        remember({ trial: this.trial });
        redraw();
        this.moment.querySelector(`button[data-trial="${this.trial}"]`)?.focus();
      };
    }
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

// In a file, the batch nearest to one of which it holds the moment
function near(batch) {
  if (!held) return batch;
  const distance = (other) => Math.abs(other - batch);
  return Object.keys(held.moments).map(Number).sort((a, b) => distance(a) - distance(b))[0] ?? batch;
}
