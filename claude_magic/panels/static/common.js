// What our widgets' scripts share; `foot.script` puts it before each of them.

async function copied(text, button) {
  const before = button.textContent;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https (a server in the local network) browsers have no clipboard API; a selected field still copies.
    const field = document.createElement("textarea");
    field.value = text;
    button.after(field);
    field.select();
    said = document.execCommand("copy") ? "Copied" : "Not copied";
    field.remove();
    button.focus();
  }
  button.textContent = said;
  setTimeout(() => (button.textContent = before), 1500);
}

// An element with attributes and text; text is only ever set as text.
function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  if (text) made.textContent = text;
  return made;
}

function button(label, attributes = {}) {
  return element("button", { type: "button", class: "jupyter-button widget-button", ...attributes }, label);
}

// JupyterLab's one-letter shortcuts stay out of a panel, so that Enter and letters mean what they say. Their selectors end
// in `:focus`, so the mark that keeps them out must be on what has the focus, not around it.
function keepKeys(el) {
  const quiet = (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  el.addEventListener("focusin", quiet);
  requestAnimationFrame(() => el.closest(".claude-magic-panel")?.addEventListener("focusin", quiet));
}
