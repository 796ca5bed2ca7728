// Counts while one types: each change goes to the kernel, which waits for a pause; the counts come back as state.

function render({ model, el }) {
  body(el);
  const prompt = element("textarea", { rows: "5", spellcheck: "true" });
  const system = element("textarea", { rows: "2" });
  const models = element("select");
  const history = element("input", { type: "checkbox" });
  history.checked = true;
  const historyField = field("With the conversation so far", history);
  const frames = element("select");
  const addFrame = button("Add variable");
  const path = element("input", { type: "text", autocomplete: "off" });
  const files = element("datalist", { id: `claude-magic-files-${Math.random().toString(36).slice(2)}` });
  path.setAttribute("list", files.id);
  const addFile = button("Add file");
  const now = button("Count now");
  const again = button("Look again", { title: "Look again for variables, files and models" });
  const result = element("div", { class: "claude-magic-result", "aria-live": "polite" });
  const tables = element("div");
  el.append(
    field("Prompt", prompt, "{{ expression }} is replaced by its value; one that calls something waits for “Count now”."),
    row(field("Variable", frames), addFrame, field("File", path), files, addFile, again),
    field("System prompt", system),
    row(field("Model", models), historyField, now),
    result,
    tables,
  );

  const asked = (kind) => model.send({
    kind,
    prompt: prompt.value,
    system: system.value,
    model: models.value,
    history: history.checked,
  });
  for (const control of [prompt, system]) control.addEventListener("input", () => asked("typed"));
  for (const control of [models, history]) control.addEventListener("change", () => asked("typed"));
  now.addEventListener("click", () => asked("now"));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) asked("now");
  });
  addFrame.addEventListener("click", () => frames.value && model.send({ kind: "frame", name: frames.value }));
  const takeFile = () => model.send({ kind: "file", path: path.value });
  addFile.addEventListener("click", takeFile);
  path.addEventListener("keydown", (event) => event.key === "Enter" && takeFile());
  again.addEventListener("click", () => model.send({ kind: "look" }));

  const hear = (message) => {
    if (message.kind !== "insert") return;
    const at = prompt.selectionEnd;
    const gap = at && !/\s$/.test(prompt.value.slice(0, at)) ? "\n" : "";
    prompt.setRangeText(`${gap}${message.text}\n`, at, at, "end");
    asked("typed");
  };
  model.on("msg:custom", hear);

  const ends = [
    watch(model, ["frames"], (state) => {
      options(frames, state.frames.length ? state.frames : [""], state.frames.length ? state.frames : ["no frame yet"]);
      addFrame.disabled = !state.frames.length;
    }),
    watch(model, ["files"], (state) => options(files, state.files)),
    watch(model, ["models", "model"], (state) => {
      const ids = state.models.filter((id) => id !== state.model);
      options(models, ["", ...ids], [state.model ? `default: ${state.model}` : "default", ...ids]);
    }),
    watch(model, ["system"], (state) => (system.placeholder = state.system || "none")),
    watch(model, ["thread"], (state) => {
      historyField.querySelector("label").textContent = `With the conversation ${state.thread || "so far"}`;
    }),
    watch(model, ["counted"], (state) => show(state.counted)),
  ];

  function show(counted) {
    if (!counted) {
      result.textContent = "";
      tables.replaceChildren();
      return;
    }
    result.textContent = `${count(counted.tokens)} input tokens for ${counted.model}`;
    const made = [];
    if (counted.parts.length) {
      const rows = counted.parts.map(({ name, tokens }) => [
        name,
        tokens,
        bar(counted.tokens ? tokens / counted.tokens : 0, `${name}, share of all tokens`),
      ]);
      made.push(table("By part", ["Part", "Tokens", "Share"], rows));
    }
    const rows = counted.prices.map((one) => {
      const share = one.window ? one.tokens / one.window : null;
      const filled = element("div");
      if (share === null) filled.textContent = "window not known";
      else {
        const said = share > 1 ? "does not fit" : `${(share * 100).toFixed(share < 0.1 ? 2 : 0)} %`;
        filled.append(bar(share, `share of the window of ${one.model}`), `${said} of ${count(one.window)}`);
      }
      return [one.model, one.tokens, filled, dollars(one.cost)];
    });
    made.push(table("By model", ["Model", "Tokens", "Context window", "Input price"], rows));
    refill(tables, ...made);
  }

  model.send({ kind: "hello" });
  return () => {
    model.off("msg:custom", hear);
    ends.forEach((end) => end());
  };
}

export default { render };
