// The canvas's companion: styles the flow inside its same-origin iframe, listens there for what the flow component does
// not report (keys, a selection of several nodes, a double click), and moves the view when Python asks for it.

const CANVAS = 'iframe[title="streamlit_flow.streamlit_flow"]';
const SMALLEST = 0.1; // the flow's own limit
const SMALLEST_WHILE_ADDING = 0.4; // below that a view that grows with every new layer is of no use
const MARGIN = 28;

const flowOf = (state) => state.frame?.contentDocument?.querySelector(".react-flow");

// ---- the view ---------------------------------------------------------------------------------------------------

function viewOf(flow) {
  const matrix = new DOMMatrix(flow.querySelector(".react-flow__viewport").style.transform);
  return { x: matrix.e, y: matrix.f, zoom: matrix.a };
}

// The flow keeps its transform to itself, but it zooms about the pointer on a wheel event; zooming from k0 to k about
// the right point lands exactly on the wanted transform. An unchanged zoom goes by way of another one. The page shows
// a wheel's effect only later, so the second step starts from the computed view and not from what is drawn.
function setView(flow, wanted, now = viewOf(flow)) {
  if (Math.abs(wanted.x - now.x) < 1 && Math.abs(wanted.y - now.y) < 1 && Math.abs(wanted.zoom - now.zoom) < 0.001) return;
  let ratio = wanted.zoom / now.zoom;
  if (Math.abs(ratio - 1) < 0.02) {
    ratio = now.zoom > 0.5 ? 0.8 : 1.25;
    wheel(flow, { x: 0, y: 0 }, ratio);
    now = { x: now.x * ratio, y: now.y * ratio, zoom: now.zoom * ratio };
    ratio = wanted.zoom / now.zoom;
  }
  wheel(flow, { x: (wanted.x - now.x * ratio) / (1 - ratio), y: (wanted.y - now.y * ratio) / (1 - ratio) }, ratio);
}

function wheel(flow, point, ratio) {
  const area = flow.getBoundingClientRect();
  const Wheel = flow.ownerDocument.defaultView.WheelEvent;
  const common = { bubbles: true, cancelable: true, clientX: area.left + point.x, clientY: area.top + point.y };
  flow.querySelector(".react-flow__pane").dispatchEvent(
    new Wheel("wheel", { ...common, deltaMode: 0, deltaY: -Math.log2(ratio) / 0.002 }));
}

function boundsOf(flow) {
  const boxes = [...flow.querySelectorAll(".react-flow__node")].map((node) => {
    const matrix = new DOMMatrix(node.style.transform);
    return { left: matrix.e, top: matrix.f, right: matrix.e + node.offsetWidth, bottom: matrix.f + node.offsetHeight };
  });
  if (!boxes.length) return null;
  const pick = (side, choose) => choose(...boxes.map((box) => box[side]));
  return { left: pick("left", Math.min), top: pick("top", Math.min), right: pick("right", Math.max), bottom: pick("bottom", Math.max) };
}

// The zoom at which everything is in view, at most 1.
function wholeZoom(flow, bounds) {
  const [width, height] = [flow.clientWidth - 2 * MARGIN, flow.clientHeight - 2 * MARGIN];
  return Math.min(1, width / (bounds.right - bounds.left), height / (bounds.bottom - bounds.top));
}

// Everything in view, in the middle.
function fit(state, flow) {
  const bounds = boundsOf(flow);
  if (!bounds) return;
  const zoom = Math.max(wholeZoom(flow, bounds), SMALLEST);
  const place = (size, low, high) => Math.max(MARGIN, (size - (high - low) * zoom) / 2) - low * zoom;
  const wanted = {
    x: place(flow.clientWidth, bounds.left, bounds.right), y: place(flow.clientHeight, bounds.top, bounds.bottom), zoom,
  };
  state.fitted = wanted;
  setView(flow, wanted);
}

const inside = (box, area) =>
  box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;

const boxOf = (flow, name) => flow.querySelector(`.react-flow__node[data-id="${CSS.escape(name)}"]`)?.getBoundingClientRect();

// Bring one node into view by the smallest move; move nothing if it is in view already.
function reveal(flow, name) {
  const [box, area] = [boxOf(flow, name), flow.getBoundingClientRect()];
  if (!box || inside(box, area)) return;
  const shift = (low, high, from, to) => Math.max(0, from + MARGIN - low) || Math.min(0, to - MARGIN - high);
  const view = viewOf(flow);
  setView(flow, {
    zoom: view.zoom,
    x: view.x + shift(box.left, box.right, area.left, area.right),
    y: view.y + shift(box.top, box.bottom, area.top, area.bottom),
  });
}

// A new node out of view: everything is brought into view, so that the first nodes stay there, unless it is too much.
function revealAdded(state, flow, name) {
  const box = boxOf(flow, name);
  if (!box || inside(box, flow.getBoundingClientRect())) return;
  if (wholeZoom(flow, boundsOf(flow)) >= SMALLEST_WHILE_ADDING) fit(state, flow);
  else reveal(flow, name);
}

// The flow got another size: what was fitted is fitted again; a view that a person chose stays.
function resized(state) {
  const flow = flowOf(state);
  if (!flow || flow.clientHeight <= 50) return;
  const [view, was] = [viewOf(flow), state.fitted];
  const untouched = was && Math.abs(view.x - was.x) < 3 && Math.abs(view.y - was.y) < 3 && Math.abs(view.zoom - was.zoom) < 0.01;
  if (untouched) fit(state, flow);
}

function watchSize(state) {
  const flow = flowOf(state);
  if (!flow || state.sized === flow) return;
  state.sized = flow;
  state.sizes?.disconnect();
  state.sizes = new ResizeObserver(() => {
    clearTimeout(state.resizing);
    state.resizing = setTimeout(() => resized(state), 150);
  });
  state.sizes.observe(flow);
}

// The nodes may not be drawn yet when the command arrives: try until they are. Each has the class of its graph.
function run(state, command) {
  const flow = flowOf(state);
  const drawn = flow?.querySelectorAll(`.react-flow__node.${command.path}`).length;
  if (!flow || drawn < command.nodes || flow.clientHeight <= 50) {
    if ((command.tries = (command.tries ?? 0) + 1) < 200) setTimeout(() => run(state, command), 50);
    return;
  }
  if (command.kind === "fit") fit(state, flow);
  if (command.kind === "open") { state.views.clear(); fit(state, flow); }
  if (command.kind === "reveal") reveal(flow, command.node);
  if (command.kind === "added") revealAdded(state, flow, command.node);
  if (command.kind === "enter") enter(state, flow, command);
  state.path = command.path;
}

// Into a block or back out of it: each graph keeps the view that it was left with.
function enter(state, flow, command) {
  if (state.path) state.views.set(state.path, viewOf(flow));
  const known = state.views.get(command.path);
  if (known) setView(flow, known);
  else fit(state, flow);
  if (command.node) setTimeout(() => reveal(flow, command.node), 250); // after the page has shown the effect of the wheel
}

// ---- the selection ----------------------------------------------------------------------------------------------

const MULTI = navigator.userAgent.includes("Mac") ? "Meta" : "Control"; // the flow's key to select several nodes
const BOX = "Shift"; // the flow's key to draw a box around nodes
const nodeOf = (event) => event.target.closest?.(".react-flow__node");

// The flow receives keys only while its iframe has the focus, and draws a box with Shift but does not add nodes with
// it. So before the pointer does anything, it is sent the key that it should treat as held.
function holdKey(state, inner, event) {
  if (event.type === "pointermove" && event.buttons) return;
  const several = event.ctrlKey || event.metaKey || (event.shiftKey && nodeOf(event));
  const wanted = several ? MULTI : event.shiftKey ? BOX : "";
  if (state.held === wanted) return;
  const Key = inner.defaultView.KeyboardEvent;
  const send = (type, key) => key && inner.body.dispatchEvent(new Key(type, { key, bubbles: true }));
  send("keyup", state.held);
  send("keydown", wanted);
  state.held = inner.documentElement.dataset.held = wanted;
}

// What the browser shows as selected, if Python does not know it yet.
function report(state) {
  setTimeout(() => {
    const [nodes, edges] = [selected(state, "node"), selected(state, "edge")];
    const shown = [...nodes, ...edges].sort().join("\n");
    if (shown !== [...state.selected].sort().join("\n")) state.send({ kind: "select", nodes, edges });
  }, 40);
}

function onClick(state, event) {
  const node = nodeOf(event);
  if (event.target.classList?.contains("react-flow__pane")) return report(state);
  if (!node) return;
  if (node.classList.contains("is-frame")) {
    event.stopPropagation(); // a click on the name of a network selects all of its nodes
    state.send({ kind: "network", nodes: [node.dataset.id] });
    return;
  }
  if (event.shiftKey || event.ctrlKey || event.metaKey) {
    event.stopPropagation(); // the flow would report this node alone
    report(state);
  } else if (selected(state, "node").length > 1) {
    event.stopPropagation();
    state.send({ kind: "only", nodes: [node.dataset.id] });
  }
}

function listen(state, inner) {
  inner.addEventListener("keydown", (event) => {
    if (event.isTrusted && (event.key === BOX || event.key === MULTI)) state.held = event.key;
    onKey(state, event);
  }, true);
  inner.addEventListener("keyup", (event) => {
    if (event.isTrusted && event.key === state.held) state.held = "";
  }, true);
  for (const kind of ["pointermove", "pointerdown"]) {
    inner.addEventListener(kind, (event) => holdKey(state, inner, event), true);
  }
  inner.addEventListener("pointerup", (event) => { if (event.shiftKey && !nodeOf(event)) report(state); }, true);
  inner.addEventListener("click", (event) => onClick(state, event), true);
  inner.addEventListener("dblclick", (event) => {
    const node = nodeOf(event);
    if (node?.classList.contains("is-block")) state.send({ kind: "open", nodes: [node.dataset.id] });
  }, true);
}

// ---- keys -------------------------------------------------------------------------------------------------------

const typing = (event) => event.composedPath()[0]?.closest?.("input, textarea, select, [contenteditable=true], [role=combobox]");

function selected(state, kind) {
  const flow = flowOf(state);
  return flow ? [...flow.querySelectorAll(`.react-flow__${kind}.selected`)].map((item) =>
    item.dataset.id ?? item.dataset.testid?.replace(/^rf__edge-/, "")).filter(Boolean) : [];
}

function onKey(state, event) {
  if (typing(event) || document.querySelector('[role="dialog"]')) return;
  const key = event.key.toLowerCase();
  const command = event.ctrlKey || event.metaKey;
  const take = (value) => { event.preventDefault(); event.stopPropagation(); if (value) state.send(value); };
  if (key === "backspace" || key === "delete") {
    const [nodes, edges] = [selected(state, "node"), selected(state, "edge")];
    take(nodes.length || edges.length ? { kind: "delete", nodes, edges } : null);
  } else if (command && key === "d") {
    const nodes = selected(state, "node");
    take(nodes.length ? { kind: "duplicate", nodes } : null);
  } else if (command && key === "g") {
    const nodes = selected(state, "node");
    take(nodes.length ? { kind: "block", nodes } : null);
  } else if (key === "escape") state.send({ kind: "up" });
  else if (key === "enter" && event.view !== window) {
    const block = flowOf(state)?.querySelector(".react-flow__node.is-block.selected");
    if (block) take({ kind: "open", nodes: [block.dataset.id] });
  } else if (command && (key === "y" || (key === "z" && event.shiftKey))) take({ kind: "redo" });
  else if (command && key === "z") take({ kind: "undo" });
  else if (key === "/" && event.view !== window) { take(null); window.netloomFocusSearch?.(); }
  else if (key.startsWith("arrow") && event.view !== window) event.stopPropagation(); // would move nodes unreported
}

// ---- the iframe -------------------------------------------------------------------------------------------------

// The flow's iframe has its own fonts; copy the page's.
function copyFonts(inner) {
  for (const sheet of document.styleSheets) {
    let rules = [];
    try { rules = [...sheet.cssRules]; } catch { continue; }
    const faces = rules.filter((rule) => rule instanceof CSSFontFaceRule && /Source Sans/.test(rule.cssText));
    if (!faces.length) continue;
    const style = inner.createElement("style");
    const base = sheet.href ?? document.baseURI;
    style.textContent = faces.map((rule) =>
      rule.cssText.replace(/url\("?([^")]+)"?\)/g, (_, url) => `url("${new URL(url, base)}")`)).join("\n");
    inner.head.appendChild(style);
  }
}

function applyStyle(state) {
  const frame = document.querySelector(CANVAS);
  const inner = frame?.contentDocument;
  if (!inner?.head || inner.URL === "about:blank") return;
  inner.documentElement.dataset.theme = state.theme;
  let style = inner.getElementById("netloom-style");
  if (!style) {
    style = inner.createElement("style");
    style.id = "netloom-style";
    inner.head.appendChild(style);
    copyFonts(inner);
    listen(state, inner);
  }
  if (style.textContent !== state.css) { style.textContent = state.css; inner.head.appendChild(style); }
  state.frame = frame;
  watchSize(state);
}

const states = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = { done: new Set(), views: new Map(), selected: [], held: "" };
    states.set(parentElement, state);
    state.key = (event) => onKey(state, event);
    document.addEventListener("keydown", state.key, true);
    // The iframe may appear later than this component, or be replaced by the page.
    state.timer = setInterval(() => applyStyle(state), 30);
    setTimeout(() => { clearInterval(state.timer); state.timer = setInterval(() => applyStyle(state), 300); }, 8000);
  }
  state.css = data.css;
  state.theme = data.theme;
  state.selected = data.selected;
  state.send = (value) => setTriggerValue("event", { ...value, path: data.path, at: Date.now() });
  applyStyle(state);
  const command = data.command;
  if (command && !state.done.has(command.id)) {
    state.done.add(command.id);
    run(state, { ...command });
  }
  return () => {
    clearInterval(state.timer);
    state.sizes?.disconnect();
    document.removeEventListener("keydown", state.key, true);
    states.delete(parentElement);
  };
}
