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

// The cross on the chip of a block that nothing uses: for the pointer only, as a button may not contain another. The
// Delete key on the chip does the same.
function makeRemovable(state, button, layer, tip) {
  const remove = (event) => {
    event.preventDefault();
    event.stopPropagation();
    tip.hidden = true;
    state.send({ block: layer.block, remove: true });
  };
  const cross = element("span", "plus remove", "×");
  cross.setAttribute("aria-hidden", "true");
  cross.title = `Remove the block ${layer.label}`;
  cross.addEventListener("click", remove);
  button.addEventListener("keydown", (event) => { if (event.key === "Delete" || event.key === "Backspace") remove(event); });
  button.setAttribute("aria-keyshortcuts", "Delete");
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
  button.dataset.title = (layer.block ?? layer.type).toLowerCase();
  button.dataset.label = layer.label.toLowerCase();
  button.tabIndex = -1; // the list is one Tab stop; arrow keys walk it
  button.setAttribute("aria-label", `Add ${layer.label}: ${layer.sentence}`);
  button.appendChild(layer.unused ? makeRemovable(state, button, layer, tip) : element("span", "plus", "+"));
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

// How well a chip matches what is typed: smaller is better, null is not at all. A name that is typed in full comes first,
// then names that begin with it, then names and search words that contain it, then words of the sentence. Spaces,
// hyphens and underscores do not count: "max pool 2d" is MaxPool2d.
const squeeze = (text) => text.replace(/[\s_-]+/g, "");

function rank(chip, text, words) {
  const typed = squeeze(text);
  const names = [squeeze(chip.dataset.title), squeeze(chip.dataset.label)];
  if (names.includes(typed)) return 0;
  if (chip.dataset.names.split(/\s+/).includes(text)) return 1;
  if (names.some((name) => name.startsWith(typed))) return 2;
  if (names.some((name) => name.includes(typed))) return 3;
  if (words.every((word) => chip.dataset.names.includes(word))) return 4;
  return words.every((word) => chip.dataset.words.includes(word)) ? 5 : null;
}

// The chips that match, the best first; matches in a sentence are shown only if nothing else matches.
function ranked(root, text) {
  const typed = text.trim().toLowerCase();
  const words = typed.split(/\s+/);
  const found = [...root.querySelectorAll(".chip")]
    .map((chip) => ({ chip, rank: rank(chip, typed, words) }))
    .filter((item) => item.rank !== null)
    .sort((one, other) => one.rank - other.rank);
  const named = found.filter((item) => item.rank < 5);
  return named.length ? named : found;
}

// While something is typed the families stand in the order of their best chip, and so do the chips of a family; else all
// stand as Python sent them. The elements themselves move, so that a screen reader meets them in the order shown.
function filter(root, text) {
  const searching = text.trim() !== "";
  const found = searching ? ranked(root, text) : [];
  const place = new Map(found.map((item, index) => [item.chip, index]));
  const chips = [...root.querySelectorAll(".chip")];
  for (const item of chips) {
    item.hidden = searching && !place.has(item);
    item.classList.toggle("best", item === found[0]?.chip);
  }
  const groups = [...root.querySelectorAll(".family")].map((group) => {
    const own = sorted([...group.querySelectorAll(".chip")], (item) => place.get(item));
    group.querySelector(".chips").append(...own);
    group.hidden = searching && own.every((item) => item.hidden);
    return { group, place: place.get(own[0]) };
  });
  root.querySelector(".none").before(...sorted(groups, (item) => item.place, (item) => item.group).map((item) => item.group));
  root.classList.toggle("searching", searching);
  root.querySelector(".none").hidden = !searching || found.length > 0;
  root.querySelector(".list").scrollTop = 0;
  rest(root, visible(root)[0]);
  return found[0]?.chip;
}

// By the place among what was found, the rest as it was at first.
function sorted(items, placeOf, elementOf = (item) => item) {
  const key = (item) => [placeOf(item) ?? Infinity, Number(elementOf(item).dataset.index)];
  return items.sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    return (a[0] === b[0] ? 0 : a[0] - b[0]) || a[1] - b[1];
  });
}

const visible = (root) => [...root.querySelectorAll(".title, .chip")]
  .filter((item) => item.offsetParent)
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top);

// One item of the list can be reached with Tab: the one that had the focus last, else the first.
function rest(root, wanted) {
  const items = visible(root);
  const chosen = wanted ?? items.find((item) => item.tabIndex === 0) ?? items[0];
  for (const item of root.querySelectorAll(".title, .chip")) item.tabIndex = item === chosen ? 0 : -1;
}

function walk(root, event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  const here = root.activeElement ?? root.getRootNode().activeElement;
  const search = root.querySelector("input");
  if (step === undefined || (here === search && event.key !== "ArrowDown")) return;
  const items = visible(root);
  const at = items.indexOf(here);
  event.preventDefault();
  if (at + step < 0 && event.key === "ArrowUp") return search.focus();
  const next = items[Math.max(0, Math.min(items.length - 1, at + step))];
  if (!next) return;
  rest(root, next);
  next.focus();
}

// A click on a family's name folds it; the tab remembers which are folded.
const FOLDED = "netloom-folded-families";
const remembered = () => JSON.parse(sessionStorage.getItem(FOLDED) ?? "{}");

function title(family, group) {
  const heading = element("h3");
  const button = element("button", "title");
  button.type = "button";
  button.tabIndex = -1;
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
    [...chips.children].forEach((item, index) => { item.dataset.index = index; });
    group.dataset.index = list.children.length;
    group.append(title(family, group), chips);
    list.append(group);
  }
  const none = element("p", "none", "No layer matches. Try what a layer does, such as “average” or “noise”.");
  none.hidden = true;
  list.append(none);
  search.addEventListener("input", () => filter(root, search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const best = search.value.trim() ? filter(root, search.value) : null;
      search.value = "";
      filter(root, "");
      best?.click();
    }
    if (event.key === "Escape") { search.value = ""; filter(root, ""); search.blur(); }
  });
  list.addEventListener("scroll", () => { tip.hidden = true; });
  root.addEventListener("keydown", (event) => walk(root, event));
  root.append(box, list, tip);
  root.addEventListener("focusin", (event) => { if (event.target.matches(".title, .chip")) rest(root, event.target); });
  host.append(root);
  rest(root);
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
