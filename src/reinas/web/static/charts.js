// Charts by Plotly's own bundle, in colours that the colour-blind tell apart (Okabe and Ito).

import { download, h, held } from "/dom.js";

export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000"];
const HEIGHT = 360;
export const MOST = 2000; // points that a chart draws of one series

// Plotly writes a few styles as attributes, which the page's policy refuses; by the style object,
// which is the same to Plotly, they are allowed.
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function styled(name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

const MISSING = "Not drawn: charts need Plotly, which was not installed where this file was written (pip install 'reinas[report]').";

let loading = null;

function plotly() {
  if (held) {
    // a file has the library in it, unless it was not there to be put in
    return window.Plotly ? Promise.resolve(window.Plotly) : Promise.reject(new Error(MISSING));
  }
  loading ??= new Promise((done, failed) => {
    const script = h("script", { src: "/plotly.js" });
    script.onload = () => done(window.Plotly);
    script.onerror = () => failed(new Error("the charts cannot be loaded"));
    document.head.append(script);
  });
  return loading;
}

// After the words of a view are on the screen; a hidden tab has no frames
function painted() {
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
    setTimeout(done, 200);
  });
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Every k-th point, so that thousands stay quick; the caller says so beside the chart.
export function thinned(points, most = MOST) {
  if (points.length <= most) return points;
  const step = points.length / most;
  return Array.from({ length: most }, (_, place) => points[Math.floor(place * step)]);
}

export class Chart {
  constructor(title, horizontal, vertical, options = {}) {
    this.options = options;
    this.title = title;
    this.axes = [horizontal, vertical];
    this.note = h("span", { class: "quiet" });
    this.holder = h("div", { class: "chart", role: "img", "aria-label": title });
    this.holder.style.minHeight = `${options.height ?? HEIGHT}px`; // so that nothing jumps when it is drawn
    this.traces = [];
    this.drawn = false;
    this.element = h(
      "figure",
      {},
      h(
        "figcaption",
        {},
        h("strong", {}, title),
        this.note,
        h("span", { class: "push" }),
        h("button", { type: "button", onclick: () => this.svg() }, "SVG"),
        h("button", { type: "button", onclick: () => this.csv() }, "CSV"),
      ),
      this.holder,
    );
    document.addEventListener("themechange", () => this.draw(this.traces));
  }

  layout() {
    const ink = colour("--ink");
    const line = colour("--line");
    const axis = (title, more = {}) => ({
      title: { text: title, standoff: 8 }, gridcolor: line, zerolinecolor: line, linecolor: line,
      automargin: true, ...more,
    });
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: "system-ui, sans-serif", size: 13 },
      margin: { l: 60, r: 16, t: 8, b: 46 },
      height: this.options.height ?? HEIGHT,
      hovermode: "closest",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      uirevision: this.axes.join(),
      xaxis: axis(this.axes[0], this.options.x),
      yaxis: axis(this.axes[1], this.options.y),
      ...this.options.layout,
    };
  }

  async draw(traces, note = "") {
    this.traces = traces;
    this.note.textContent = note ? ` · ${note}` : "";
    if (!this.drawn) await painted();
    let library;
    try {
      library = await plotly();
    } catch (error) {
      this.note.textContent = ` · ${error.message}`;
      return;
    }
    await library.react(this.holder, traces, this.layout(), { displayModeBar: false, responsive: true });
    if (!this.drawn) this.holder.on("plotly_click", (event) => this.clicked?.(event.points[0]));
    this.drawn = true;
  }

  onPoint(action) {
    this.clicked = action;
  }

  async svg() {
    const library = await plotly();
    const { width, height } = this.holder.getBoundingClientRect();
    const url = await library.toImage(this.holder, { format: "svg", width, height });
    download(`${this.title}.svg`, decodeURIComponent(url.slice(url.indexOf(",") + 1)), "image/svg+xml");
  }

  csv() {
    const quoted = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
    const lines = [["series", ...this.axes].map(quoted).join(",")];
    for (const trace of this.traces) {
      trace.x?.forEach((x, place) => lines.push([trace.name, x, trace.y[place]].map(quoted).join(",")));
    }
    download(`${this.title}.csv`, `${lines.join("\n")}\n`, "text/csv");
  }
}
