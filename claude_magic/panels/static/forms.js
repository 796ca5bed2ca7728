// Fields, tables and bars that the panels' bodies are made of. Everything is set as text.

let fields = 0;
const SHORT = 26; // characters

// The root of a body.
function body(el) {
  el.classList.add("claude-magic-form");
  keepKeys(el);
  return el;
}

// A control with its label, and a hint that screen readers read with it.
function field(label, control, hint = "") {
  const id = `claude-magic-field-${++fields}-${Math.random().toString(36).slice(2)}`;
  control.id = id;
  const whole = element("div", { class: control.type === "checkbox" ? "claude-magic-check" : "claude-magic-field" });
  const name = element("label", { for: id }, label);
  whole.append(...(control.type === "checkbox" ? [control, name] : [name, control]));
  if (hint) {
    const said = element("small", { id: `${id}-hint` }, hint);
    control.setAttribute("aria-describedby", said.id);
    whole.append(said);
  }
  return whole;
}

function row(...children) {
  const made = element("div", { class: "claude-magic-row" });
  made.append(...children);
  return made;
}

// Fill a select (or a datalist) and keep what is chosen, where it is still there.
function options(select, values, labels = values) {
  const chosen = select.value;
  select.replaceChildren(...values.map((value, n) => element("option", { value }, labels[n])));
  if (values.includes(chosen)) select.value = chosen;
}

// A bar that says its share; `share` from 0 to 1.
function bar(share, label) {
  const part = Math.min(1, Math.max(0, share));
  const made = element("div", { class: "claude-magic-bar", role: "meter", "aria-label": label });
  made.setAttribute("aria-valuemin", "0");
  made.setAttribute("aria-valuemax", "100");
  made.setAttribute("aria-valuenow", String(Math.round(part * 100)));
  const filled = element("div");
  filled.style.width = `${part * 100}%`;
  if (share > 1) filled.classList.add("claude-magic-over");
  made.append(filled);
  return made;
}

// A table in a region that can be scrolled by keyboard; a cell is text, a number (set to the right), or an element.
function table(caption, heads, rows) {
  const region = element("div", { class: "claude-magic-table", role: "region", "aria-label": caption, tabindex: "0" });
  const made = element("table");
  made.append(element("caption", {}, caption));
  const head = element("tr");
  for (const name of heads) head.append(element("th", { scope: "col" }, name));
  made.append(element("thead"), element("tbody"));
  made.tHead.append(head);
  for (const cells of rows) {
    const line = element("tr");
    cells.forEach((cell, n) => {
      const made = element(n ? "td" : "th", n ? {} : { scope: "row" });
      if (cell instanceof Node) made.append(cell);
      else made.textContent = typeof cell === "number" ? count(cell) : cell ?? "";
      // What is short stays in one line; what is long is broken, so that one long name does not take all the room.
      if (cell instanceof Node || made.textContent.length <= SHORT) made.classList.add("claude-magic-short");
      if (typeof cell === "number") made.classList.add("claude-magic-number");
      line.append(made);
    });
    made.tBodies[0].append(line);
  }
  region.append(made);
  return region;
}

// Replace what an element holds; the focus stays on what has the same data-key.
function refill(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children);
  if (key) [...place.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key)?.focus();
}

function count(number) {
  return number.toLocaleString("en-US");
}

function bytes(number) {
  let amount = number;
  for (const unit of ["B", "kB", "MB"]) {
    if (amount < 1000) return `${unit === "B" ? amount : amount.toFixed(1)} ${unit}`;
    amount /= 1000;
  }
  return `${amount.toFixed(1)} GB`;
}

function dollars(amount) {
  if (amount == null) return "not known";
  if (!amount) return "$0";
  return amount >= 0.1 ? `$${amount.toFixed(2)}` : amount >= 0.0001 ? `$${Number(amount.toPrecision(2))}` : "< $0.0001";
}

// Call `draw(state)` now and whenever one of the keys of the state has changed; returns what ends it.
function watch(model, keys, draw) {
  let before = null;
  const look = () => {
    const state = model.get("state");
    const now = JSON.stringify(keys.map((key) => state[key] ?? null));
    if (now === before) return;
    before = now;
    draw(state);
  };
  model.on("change:state", look);
  look();
  return () => model.off("change:state", look);
}
