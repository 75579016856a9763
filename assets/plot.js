// Draws plotly figures: new numbers change the lines of the chart that is there (Plotly.react).
// plotly.min.js comes from the Python package, through streamlit, once for the page; `data.library` is its address.
const states = new WeakMap();

function library(address) {
  window.netloomPlotly ??= new Promise((found, failed) => {
    if (window.Plotly) return found(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL(address, document.baseURI).href;
    script.onload = () => found(window.Plotly);
    script.onerror = () => failed(new Error("plotly.min.js could not be loaded"));
    document.head.append(script);
  });
  return window.netloomPlotly;
}

const SELDOM = 5000; // milliseconds between two drawings of a chart that is out of sight

async function paint(state) {
  if (state.busy) return; // the newest figure is drawn when the one before is drawn
  if (!state.seen && state.drawn && performance.now() - state.drawn < SELDOM) return;
  state.busy = true;
  try {
    const plotly = await library(state.library);
    while (state.wanted && !state.gone) {
      const { data, layout } = state.wanted;
      state.wanted = null;
      const width = state.box.clientWidth;
      if (!width) continue;
      await plotly.react(state.box, data, { ...ticks(layout, state), width }, state.config);
      state.drawn = performance.now();
      if (!state.listens) listen(state);
    }
  } finally {
    state.busy = false;
    if (state.gone) window.Plotly?.purge(state.box); // it was removed while plotly was drawing
  }
}

// The ticks of a log axis are chosen for its whole range; where somebody has zoomed in, plotly chooses.
function ticks(layout, state) {
  if (!state.zoomed || layout.yaxis?.type !== "log") return layout;
  return { ...layout, yaxis: { ...layout.yaxis, tickmode: "auto", tickvals: null, ticktext: null } };
}

// A click on a point with customdata is sent to Python, if the chart was drawn with `picked`.
function listen(state) {
  state.listens = true;
  state.box.on("plotly_relayout", (change) => {
    const zoomed = "yaxis.range[0]" in change;
    if (zoomed === Boolean(state.zoomed) || !(zoomed || "yaxis.autorange" in change || "yaxis.range" in change)) return;
    state.zoomed = zoomed;
    state.wanted = state.figure;
    paint(state);
  });
  state.box.on("plotly_click", (event) => {
    const picked = event.points?.[0]?.customdata;
    if (picked !== undefined && state.send) state.send("picked", { value: picked, at: Date.now() });
  });
}

function open(parentElement) {
  const box = document.createElement("div");
  box.className = "nl-plot";
  parentElement.append(box);
  const state = { box, shown: "", wanted: null, figure: null, busy: false, gone: false };
  state.follow = (figure, at) => at >= (state.at ?? 0) && show(state, figure);
  state.config = { displayModeBar: false, doubleClick: "reset" };
  state.resized = new ResizeObserver(() => {
    if (!state.figure || box.clientWidth === state.width) return;
    state.width = box.clientWidth;
    state.wanted = state.figure;
    paint(state);
  });
  state.resized.observe(box);
  state.sight = new IntersectionObserver((entries) => {
    state.seen = entries.at(-1).isIntersecting;
    if (state.seen && state.wanted) paint(state);
  });
  state.sight.observe(box);
  return state;
}

// Show a figure, unless it is the one that is shown: from Python, or from assets/feed.js by the name of the chart.
function show(state, figure) {
  if (state.shown === figure) return;
  state.shown = figure;
  state.figure = state.wanted = JSON.parse(figure);
  state.box.style.height = `${state.figure.layout.height}px`;
  state.width = state.box.clientWidth;
  paint(state);
}

export default function (component) {
  const { data, parentElement } = component;
  let state = states.get(parentElement);
  if (!state) states.set(parentElement, (state = open(parentElement)));
  state.library = data.library;
  state.at = data.at;
  state.send = data.picks ? component.setTriggerValue : null;
  if (state.given !== data.figure) {
    state.given = data.figure; // the same one is given again with every rerun, when the feed may have brought a newer one
    show(state, data.figure);
  }
  const charts = (window.netloomCharts ??= new Map());
  charts.set(data.key, state.follow);
  return () => {
    if (charts.get(data.key) === state.follow) charts.delete(data.key);
    state.gone = true;
    state.resized.disconnect();
    state.sight.disconnect();
    if (!state.busy) window.Plotly?.purge(state.box);
    state.box.remove();
    states.delete(parentElement);
  };
}
