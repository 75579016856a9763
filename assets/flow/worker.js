// Keeps the canvas's files in the browser. Streamlit serves a component's files without anything by which a browser could
// keep them (no date, no tag, no age), so each way to the Build page would load, unpack and compile 3 MB again.

const FILES = new URL("../streamlit_flow.streamlit_flow/", self.location);
const NAMES = ["bootstrap.min.css", "static/js/main.9ad46f33.js", "static/css/main.c1c58933.css"];
const CACHE = "netloom-canvas-1.6.1"; // the version of streamlit-flow: the name of one of its files has none

self.addEventListener("install", (event) => {
  const kept = NAMES.map((name) => new URL(name, FILES));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(kept)).then(() => self.skipWaiting()));
  // Browsers that know routes need not start this worker to read a file.
  event.addRoutes?.([
    ...kept.map(({ pathname }) => ({ condition: { urlPattern: { pathname } }, source: { cacheName: CACHE } })),
    { condition: { requestMode: "navigate" }, source: "network" },
  ]);
});

self.addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name.startsWith("netloom-canvas-") && name !== CACHE);
  event.waitUntil(caches.keys().then((names) => Promise.all(others(names).map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !event.request.url.startsWith(FILES.href)) return;
  event.respondWith(caches.open(CACHE).then((cache) => cache.match(event.request)).then((kept) => kept ?? fetch(event.request)));
});
