// The palette: layers by family with a search box. A chip is dragged onto the canvas, clicked, or chosen with Enter.
// Everything it shows comes from `data.families`, which Python makes from the catalogue. Text is set as textContent.

const CANVAS = 'iframe[title="streamlit_flow.streamlit_flow"]';
const NODE_WIDTH = 140;
const NODE_HEIGHT = 60;

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

// The pointer's position on the canvas, from the transform of the flow's viewport.
function toCanvas(frame, clientX, clientY) {
  const area = frame.getBoundingClientRect();
  const viewport = frame.contentDocument.querySelector(".react-flow__viewport");
  const matrix = new DOMMatrix(viewport.style.transform);
  return {
    x: Math.round((clientX - area.left - matrix.e) / matrix.a - NODE_WIDTH / 2),
    y: Math.round((clientY - area.top - matrix.f) / matrix.a - NODE_HEIGHT / 2),
  };
}

// An iframe swallows drag events, so while a chip is dragged a transparent zone lies over the canvas.
function layDropZone(state, what) {
  const frame = document.querySelector(CANVAS);
  if (!frame) return;
  const area = frame.getBoundingClientRect();
  const zone = element("div");
  zone.id = "netloom-drop-zone";
  Object.assign(zone.style, {
    position: "fixed", left: `${area.left}px`, top: `${area.top}px`, width: `${area.width}px`,
    height: `${area.height}px`, zIndex: 999999, borderRadius: "8px", boxShadow: "inset 0 0 0 2px #4F46E5",
  });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    const position = toCanvas(frame, event.clientX, event.clientY);
    state.send({ ...what, ...position });
    zone.remove();
  });
  document.body.appendChild(zone);
}

function liftDropZone() {
  document.getElementById("netloom-drop-zone")?.remove();
}

// The cross on the chip of a block that nothing uses.
function remover(state, layer, tip) {
  const cross = element("span", "plus remove", "×");
  cross.setAttribute("role", "button");
  cross.setAttribute("aria-label", `Remove the block ${layer.label}`);
  cross.addEventListener("click", (event) => {
    event.stopPropagation();
    tip.hidden = true;
    state.send({ block: layer.block, remove: true });
  });
  return cross;
}

function chip(state, layer, tip) {
  const button = element("button", "chip", layer.label);
  button.type = "button";
  button.draggable = true;
  button.dataset.type = layer.type;
  const what = { type: layer.type };
  if (layer.block) what.block = button.dataset.block = layer.block;
  button.dataset.words = [layer.type, layer.label, ...layer.search, layer.sentence].join(" ").toLowerCase();
  button.dataset.names = [layer.type, layer.label, ...layer.search].join(" ").toLowerCase();
  button.setAttribute("aria-label", `Add ${layer.label}: ${layer.sentence}`);
  button.appendChild(layer.unused ? remover(state, layer, tip) : element("span", "plus", "+"));
  button.addEventListener("click", () => { tip.hidden = true; state.send(what); });
  button.addEventListener("dragstart", (event) => {
    tip.hidden = true;
    event.dataTransfer.setData("text/plain", layer.type);
    event.dataTransfer.effectAllowed = "copy";
    // In the same tick Chromium would end the drag, because the element under the pointer changes.
    setTimeout(() => layDropZone(state, what), 0);
  });
  button.addEventListener("dragend", liftDropZone);
  const show = () => {
    const area = button.getBoundingClientRect();
    tip.textContent = layer.sentence;
    tip.hidden = false;
    tip.style.left = `${area.right + 10}px`;
    tip.style.top = `${Math.min(area.top, window.innerHeight - tip.offsetHeight - 8)}px`;
  };
  button.addEventListener("mouseenter", show);
  button.addEventListener("focus", () => { if (button.matches(":focus-visible")) show(); });
  for (const leave of ["mouseleave", "blur"]) button.addEventListener(leave, () => { tip.hidden = true; });
  return button;
}

// Matches in names come before matches in the sentence of a layer.
function filter(root, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const chips = [...root.querySelectorAll(".chip")];
  const matching = (field) => chips.filter((item) => words.every((word) => item.dataset[field].includes(word)));
  let shown = matching("names");
  if (!shown.length) shown = matching("words");
  for (const item of chips) item.hidden = !shown.includes(item);
  root.classList.toggle("searching", words.length > 0);
  for (const group of root.querySelectorAll(".family")) {
    group.hidden = ![...group.querySelectorAll(".chip")].some((item) => !item.hidden);
  }
  root.querySelector(".none").hidden = shown.length > 0;
}

function walk(root, event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const stops = [root.querySelector("input"), ...root.querySelectorAll(".title, .chip")].filter((item) => item.offsetParent);
  const here = stops.indexOf(root.activeElement ?? root.getRootNode().activeElement);
  const next = stops[here + (event.key === "ArrowDown" ? 1 : -1)];
  if (next) { event.preventDefault(); next.focus(); }
}

// A click on a family's name folds it; the tab remembers which are folded.
const FOLDED = "netloom-folded-families";
const remembered = () => JSON.parse(sessionStorage.getItem(FOLDED) ?? "{}");

function title(family, group) {
  const heading = element("h3");
  const button = element("button", "title");
  button.type = "button";
  button.append(element("span", "arrow"), element("span", "", family.label), element("span", "count", family.layers.length));
  const fold = (folded) => { group.classList.toggle("folded", folded); button.setAttribute("aria-expanded", String(!folded)); };
  fold(remembered()[family.label] ?? false);
  button.addEventListener("click", () => {
    const folded = !group.classList.contains("folded");
    sessionStorage.setItem(FOLDED, JSON.stringify({ ...remembered(), [family.label]: folded }));
    fold(folded);
  });
  heading.append(button);
  return heading;
}

function build(state, host, data) {
  const root = element("div", "palette");
  const search = element("input");
  search.type = "search";
  search.placeholder = `Search ${data.total} layers`;
  search.setAttribute("aria-label", "Search layers");
  const box = element("div", "search");
  box.append(search, element("kbd", "", "/"));
  const tip = element("div", "tip");
  tip.hidden = true;
  tip.setAttribute("role", "tooltip");
  const list = element("div", "list");
  for (const family of data.families) {
    const group = element("section", "family");
    group.style.setProperty("--light", family.colour);
    group.style.setProperty("--dark", family.colour_dark);
    const chips = element("div", "chips");
    chips.append(...family.layers.map((layer) => chip(state, layer, tip)));
    group.append(title(family, group), chips);
    list.append(group);
  }
  const none = element("p", "none", "No layer matches. Try what a layer does, such as “average” or “noise”.");
  none.hidden = true;
  list.append(none);
  search.addEventListener("input", () => filter(root, search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") root.querySelector(".chip:not([hidden])")?.click();
    if (event.key === "Escape") { search.value = ""; filter(root, ""); search.blur(); }
  });
  list.addEventListener("scroll", () => { tip.hidden = true; });
  root.addEventListener("keydown", (event) => walk(root, event));
  root.append(box, list, tip);
  host.append(root);
  return { root, search };
}

const states = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = {};
    states.set(parentElement, state);
    state.slash = (event) => {
      const typing = event.composedPath()[0]?.closest?.("input, textarea, [contenteditable=true]");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      state.search.focus();
    };
    document.addEventListener("keydown", state.slash);
    window.netloomFocusSearch = () => state.search.focus();
  }
  state.send = (value) => setTriggerValue("add", { ...value, at: Date.now() });
  const shown = JSON.stringify(data.families);
  if (state.shown !== shown) {
    const [words, top] = [state.search?.value ?? "", state.root?.querySelector(".list").scrollTop ?? 0];
    state.root?.remove();
    Object.assign(state, build(state, parentElement, data), { shown });
    if (words) { state.search.value = words; filter(state.root, words); }
    state.root.querySelector(".list").scrollTop = top;
  }
  state.root.dataset.theme = data.theme;
  return () => {
    document.removeEventListener("keydown", state.slash);
    liftDropZone();
    states.delete(parentElement);
  };
}
