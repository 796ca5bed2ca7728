// Pick a frame, choose its columns and what is told of it, upload, ask. The kernel side is data.py.

function render({ model, el }) {
  body(el);
  const frames = element("select");
  const again = button("Look again", { title: "Look again for frames in the kernel" });
  const share = element("select");
  options(share, ["none", "schema", "stats", "sample", "full"], [
    "none: only the file's name",
    "schema: names, types, counts",
    "stats: and figures of each column",
    "sample: and some rows",
    "full: all rows that fit",
  ]);
  const rows = element("input", { type: "number", min: "1", max: "9999999", value: "5" });
  const rowsField = field("Rows of the sample", rows);
  const columns = element("div");
  const all = button("All columns");
  const none = button("No column");
  const chosen = element("span", { "aria-live": "polite" });
  const choice = row(all, none, chosen);
  const toldName = element("div", { class: "claude-magic-result" }, "What Claude is told");
  const told = element("pre", { class: "claude-magic-told", tabindex: "0", role: "region", "aria-label": "What Claude is told" });
  const upload = button("Upload");
  const receipt = element("div", { "aria-live": "polite" });
  const prompt = element("textarea", { rows: "3", spellcheck: "true" });
  const out = element("input", { type: "text", value: "reply", autocomplete: "off", spellcheck: "false" });
  const ask = button("Ask");
  const stop = button("Stop");
  const bound = element("div");
  const form = element("div", { class: "claude-magic-form" });
  form.append(
    columns,
    choice,
    row(field("What the prompt may tell", share), rowsField),
    toldName,
    told,
    row(upload),
    receipt,
    field("Question", prompt, "The frame goes into Claude's container, where code reads all of its chosen columns."),
    row(field("Bind the reply to", out), ask, stop),
    bound,
  );
  el.append(row(field("Frame", frames), again), form);

  let left = new Set();
  frames.addEventListener("change", () => {
    left = new Set();
    if (frames.value) model.send({ kind: "pick", name: frames.value });
  });
  again.addEventListener("click", () => model.send({ kind: "look" }));
  const level = () => {
    rowsField.hidden = share.value !== "sample";
    rowsField.style.display = rowsField.hidden ? "none" : "";
    return share.value === "sample" ? `sample=${Math.max(1, Math.floor(Number(rows.value)) || 1)}` : share.value;
  };
  for (const control of [share, rows]) {
    control.addEventListener("change", () => model.send({ kind: "share", level: level() }));
  }
  all.addEventListener("click", () => choose(new Set(), []));
  none.addEventListener("click", () => choose(new Set(Array(model.get("state").total).keys()), true));
  function choose(now, message) {
    left = now;
    columns.querySelectorAll("input").forEach((box) => (box.checked = !left.has(Number(box.dataset.at))));
    counted();
    model.send({ kind: "columns", out: message });
  }
  function counted() {
    const { total, rows: many } = model.get("state");
    chosen.textContent = `${count(total - left.size)} of ${count(total)} columns, ${count(many)} rows`;
  }
  upload.addEventListener("click", () => model.send({ kind: "upload" }));
  const asked = () => model.send({ kind: "ask", prompt: prompt.value, out: out.value.trim() });
  ask.addEventListener("click", asked);
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !ask.disabled) asked();
  });
  stop.addEventListener("click", () => model.send({ kind: "stop" }));

  const ends = [
    watch(model, ["frames", "frame"], (state) => {
      const names = state.frames;
      options(frames, ["", ...names], [names.length ? "choose a frame" : "no frame in the kernel yet", ...names]);
      if (state.frame && names.includes(state.frame)) frames.value = state.frame;
    }),
    watch(model, ["share"], (state) => {
      const [name, number] = state.share.split("=");
      share.value = name;
      if (number) rows.value = number;
      level();
    }),
    watch(model, ["frame", "columns", "total", "rows"], (state) => {
      form.style.display = state.columns ? "" : "none";
      if (!state.columns) return;
      left = new Set([...left].filter((n) => n < state.total));
      const lines = state.columns.map((one, n) => {
        const box = element("input", { type: "checkbox", "aria-label": `Send ${one.name}`, "data-at": n, "data-key": `c${n}` });
        box.checked = !left.has(n);
        box.addEventListener("change", () => {
          if (box.checked) left.delete(n);
          else left.add(n);
          counted();
          model.send({ kind: "columns", out: [...left] });
        });
        return [one.name, box, one.dtype, one.missing];
      });
      const more = state.total - lines.length;
      const made = [table(`Columns of ${state.frame}`, ["Column", "Send", "Type", "Missing"], lines)];
      made[0].classList.add("claude-magic-tall");
      if (more) made.push(element("small", {}, `${count(more)} more columns are not listed; they go along.`));
      refill(columns, ...made);
      choice.style.display = state.total > 1 ? "" : "none";
      counted();
    }),
    watch(model, ["told"], (state) => (told.textContent = state.told)),
    watch(model, ["receipt"], (state) => {
      refill(receipt, ...(state.receipt ? [table("Receipt", ["What", "Value"], state.receipt)] : []));
    }),
    watch(model, ["asking"], (state) => {
      ask.disabled = upload.disabled = state.asking;
      stop.disabled = !state.asking;
    }),
    watch(model, ["bound"], (state) => {
      bound.replaceChildren();
      if (!state.bound) return;
      const copy = button("Copy", { "aria-label": `Copy ${state.bound}` });
      copy.addEventListener("click", () => copied(state.bound, copy));
      bound.append("The reply is the variable ", element("code", {}, state.bound), " (text, files, charts, cost) ", copy);
    }),
  ];

  model.send({ kind: "hello" });
  return () => ends.forEach((end) => end());
}

export default { render };
