// What every page needs from the browser and streamlit does not do itself.

// Streamlit keeps the chosen theme under the address that the tab was opened at, so a choice made on one page would be
// forgotten by a tab opened on another. Copy it to the addresses of all pages.
function keepTheme(paths) {
  const opened = performance.getEntriesByType("navigation")[0]?.name ?? location.href;
  const key = (path) => `stActiveTheme-${path}-v2`;
  const here = new URL(opened).pathname;
  const chosen = localStorage.getItem(key(here));
  const root = here.slice(0, here.lastIndexOf("/") + 1);
  for (const path of paths) {
    if (chosen) localStorage.setItem(key(root + path), chosen);
    else localStorage.removeItem(key(root + path));
  }
}

// Code that is wider or higher than its box can be scrolled with the keyboard.
function focusableCode() {
  for (const code of document.querySelectorAll(".stCode pre:not([tabindex])")) {
    code.tabIndex = 0;
    code.setAttribute("aria-label", "Code");
    code.setAttribute("role", "region");
  }
}

// The theme that the browser shows; streamlit tells Python of it only with the next run of the page.
function shownTheme() {
  const [red, green, blue] = getComputedStyle(document.querySelector(".stApp")).backgroundColor.match(/[\d.]+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? "dark" : "light";
}

function followTheme(state) {
  const shown = shownTheme();
  if (shown === state.theme) state.asked = null;
  else if (shown !== state.asked) {
    state.asked = shown;
    state.send(shown);
  }
}

const states = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let state = states.get(parentElement);
  if (!state) {
    state = { observer: new MutationObserver(focusableCode) };
    state.observer.observe(document.body, { childList: true, subtree: true });
    state.timer = setInterval(() => followTheme(state), 250);
    states.set(parentElement, state);
  }
  state.send = (theme) => setTriggerValue("theme", theme);
  state.theme = data.theme;
  keepTheme(data.paths);
  focusableCode();
  return () => {
    state.observer.disconnect();
    clearInterval(state.timer);
    states.delete(parentElement);
  };
}
