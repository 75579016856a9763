// A canvas to draw on. The strokes are sent when one ends: each is a list of [x, y] from 0 to 1. What the network sees
// is made of them in Python (trainers/trying/drawing.py), so what is drawn here is only for the eye.

const element = (tag, text, label) => {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  return made;
};

const colour = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;
const round = (value) => Math.round(value * 1000) / 1000;

function paint(state) {
  const { canvas, data, strokes } = state;
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.fillStyle = colour(data.ground);
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(canvas.width, canvas.height);
  pen.strokeStyle = pen.fillStyle = colour(data.ink);
  pen.lineWidth = data.pen / data.width;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    pen.beginPath();
    pen.moveTo(...stroke[0]);
    for (const point of stroke) pen.lineTo(...point);
    pen.stroke();
  }
  for (const button of state.buttons) button.disabled = !strokes.length;
}

function place(state, event) {
  const area = state.canvas.getBoundingClientRect();
  const within = (value) => round(Math.min(Math.max(value, 0), 1));
  return [within((event.clientX - area.left) / area.width), within((event.clientY - area.top) / area.height)];
}

function build(state, host) {
  const { width, height } = state.data;
  const box = element("div");
  box.className = "draw";
  const canvas = element("canvas", "", "Drawing");
  canvas.setAttribute("role", "img");
  const dense = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  let drawing = null; // the pointer that draws
  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    state.strokes.push([place(state, event)]);
    paint(state);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const stroke = state.strokes.at(-1);
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const [x, y] = place(state, each);
      const [before, above] = stroke.at(-1);
      if (Math.abs(x - before) + Math.abs(y - above) > 0.004) stroke.push([x, y]);
    }
    paint(state);
  });
  const end = (event) => {
    if (event.pointerId !== drawing) return;
    drawing = null;
    state.send();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  const row = element("div");
  row.className = "buttons";
  const button = (text, act) => {
    const made = element("button", text);
    made.type = "button";
    made.addEventListener("click", () => {
      act();
      paint(state);
      state.send();
    });
    return made;
  };
  state.buttons = [button("Undo stroke", () => state.strokes.pop()), button("Clear", () => state.strokes.splice(0))];
  row.append(...state.buttons);
  box.append(canvas, row);
  host.append(box);
  state.canvas = canvas;
  return box;
}

const states = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let state = states.get(parentElement);
  if (!state) {
    state = { strokes: data.strokes.map((stroke) => [...stroke]) };
    states.set(parentElement, state);
  }
  state.send = () => setStateValue("strokes", state.strokes.map((stroke) => [...stroke]));
  const look = JSON.stringify([data.width, data.height, data.ground, data.ink, data.pen]);
  if (state.look !== look) {
    state.box?.remove();
    state.look = look;
    state.data = data;
    state.box = build(state, parentElement);
    paint(state);
  }
  return () => {
    state.box.remove();
    states.delete(parentElement);
  };
}
