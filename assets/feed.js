// Fetches what is new of a run (pages/parts/training/feed.py) and changes the charts and texts that are on the page.
// However many components ask for it, each address is fetched once a second, and not while nobody looks at the tab.
const PERIOD = 1000;
const feeds = new Map(); // address → { users, shown, timer }

function clean(html) {
  // The texts are made and escaped by our own code; should that ever fail, nothing in them may run.
  const made = document.createElement("template");
  made.innerHTML = html;
  for (const element of made.content.querySelectorAll("*")) {
    if (["SCRIPT", "IFRAME", "OBJECT", "EMBED"].includes(element.tagName)) element.remove();
    for (const { name, value } of [...element.attributes])
      if (name.startsWith("on") || /^\s*javascript:/i.test(value)) element.removeAttribute(name);
  }
  return made.content;
}

// What Python has drawn later than `at`, when the content was made, stays.
function show(key, content, at) {
  if (content.figure !== undefined) return window.netloomCharts?.get(key)?.(content.figure, at);
  for (const box of document.querySelectorAll(`[data-part="${key}"]`))
    if (Number(box.dataset.at) <= at) box.replaceChildren(clean(content.html));
}

async function fetchFeed(address) {
  const answer = await fetch(new URL(address, document.baseURI), { cache: "no-store" });
  if (!answer.ok) return null;
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).json();
}

async function follow(address, feed) {
  if (feed.busy || document.hidden) return;
  feed.busy = true;
  try {
    const found = await fetchFeed(address);
    if (!found || !feed.users.size) return;
    for (const [key, [version, content]] of Object.entries(found.parts)) {
      if (feed.shown.get(key) === version) continue;
      feed.shown.set(key, version);
      show(key, content, found.at);
    }
    for (const user of feed.users) user(found.signs);
  } catch {
    // the server is away for a moment, or for good: streamlit tells
  } finally {
    feed.busy = false;
  }
}

function leave(address, user) {
  const feed = feeds.get(address);
  feed?.users.delete(user);
  if (feed && !feed.users.size) {
    clearInterval(feed.timer);
    feeds.delete(address);
  }
}

const joined = new WeakMap(); // the element of a component → what it asks for

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  joined.get(parentElement)?.();
  let told = false;
  const user = (signs) => {
    const changed = Object.entries(data.signs).some(([name, sign]) => signs[name] !== undefined && signs[name] !== sign);
    if (!changed || told) return;
    told = true; // until Python has drawn the page anew, with other signs
    setTriggerValue("changed", Date.now());
    setTimeout(() => (told = false), 5000);
  };
  if (!feeds.has(data.address)) {
    const feed = { users: new Set(), shown: new Map(), busy: false };
    feed.timer = setInterval(() => follow(data.address, feed), PERIOD);
    feeds.set(data.address, feed);
  }
  feeds.get(data.address).users.add(user);
  const away = () => leave(data.address, user);
  joined.set(parentElement, away);
  return () => {
    away();
    joined.delete(parentElement);
  };
}
