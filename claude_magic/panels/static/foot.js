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
  return () => model.off("change", show);
}

export default { render };
