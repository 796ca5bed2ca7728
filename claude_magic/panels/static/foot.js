// The lower edge of a panel. Everything is set as text: what comes over the wire never becomes markup.

function render({ model, el }) {
  const error = element("div", { class: "claude-magic-error", role: "alert" });
  const status = element("div", { class: "claude-magic-status", role: "status" });
  const line = element("div", { class: "claude-magic-command" });
  const code = element("code");
  const copy = button("Copy", { "aria-label": "Copy the command" });
  copy.addEventListener("click", () => copied(model.get("command"), copy));
  line.append("The same as a command: ", code, copy);
  el.classList.add("claude-magic-foot");
  el.append(error, status, line);

  const show = () => {
    error.textContent = model.get("error");
    status.textContent = model.get("status");
    code.textContent = model.get("command");
    line.hidden = !model.get("command");
  };
  model.on("change", show);
  show();

  // Without its kernel (restarted, or died) a panel would look alive: it says so instead, and nothing in it can be used.
  const end = (panel) => {
    const over = panel.classList.contains("jupyter-widgets-disconnected");
    if (over === panel.classList.contains("claude-magic-ended")) return;
    panel.classList.toggle("claude-magic-ended", over);
    for (const part of panel.children) if (!part.contains(el)) part.inert = over;
    if (!over) return show();
    error.textContent = "The kernel that this panel belongs to is gone. Run the panel's cell again.";
    status.textContent = "";
  };
  const watched = new MutationObserver(([{ target }]) => end(target));
  requestAnimationFrame(() => {
    const panel = el.closest(".claude-magic-panel");
    if (!panel) return;
    watched.observe(panel, { attributes: true, attributeFilter: ["class"] });
    end(panel);
  });
  return () => {
    watched.disconnect();
    model.off("change", show);
  };
}

export default { render };
