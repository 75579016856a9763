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

async function paint(state) {
  if (state.busy) return; // the newest figure is drawn when the one before is drawn
  state.busy = true;
  try {
    const plotly = await library(state.library);
    while (state.wanted && !state.gone) {
      const { data, layout } = state.wanted;
      state.wanted = null;
      const width = state.box.clientWidth;
      if (width) await plotly.react(state.box, data, { ...layout, width }, state.config);
      if (width && !state.listens) listen(state);
    }
  } finally {
    state.busy = false;
    if (state.gone) window.Plotly?.purge(state.box); // it was removed while plotly was drawing
  }
}

// A click on a point with customdata is sent to Python, if the chart was drawn with `picked`.
function listen(state) {
  state.listens = true;
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
  state.config = { displayModeBar: false, doubleClick: "reset" };
  state.resized = new ResizeObserver(() => {
    if (!state.figure || box.clientWidth === state.width) return;
    state.width = box.clientWidth;
    state.wanted = state.figure;
    paint(state);
  });
  state.resized.observe(box);
  return state;
}

export default function (component) {
  const { data, parentElement } = component;
  let state = states.get(parentElement);
  if (!state) states.set(parentElement, (state = open(parentElement)));
  state.library = data.library;
  state.send = data.picks ? component.setTriggerValue : null;
  if (state.shown !== data.figure) {
    state.shown = data.figure;
    state.figure = state.wanted = JSON.parse(data.figure);
    state.box.style.height = `${state.figure.layout.height}px`;
    state.width = state.box.clientWidth;
    paint(state);
  }
  return () => {
    state.gone = true;
    state.resized.disconnect();
    if (!state.busy) window.Plotly?.purge(state.box);
    state.box.remove();
    states.delete(parentElement);
  };
}
