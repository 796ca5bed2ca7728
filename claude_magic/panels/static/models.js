// The table of models: sorted and filtered here, without the kernel. Everything is set as text.

function render({ model, el }) {
  el.classList.add("claude-magic-models");
  keepKeys(el);
  const unique = crypto.getRandomValues(new Uint32Array(1))[0];
  const bar = element("div", { class: "claude-magic-row" });
  const filter = element("input", { type: "search", id: `filter-${unique}`, size: 18 });
  const stage = element("select", { id: `stage-${unique}` });
  const refresh = button("Refresh");
  bar.append(
    element("label", { for: filter.id }, "Filter"), filter,
    element("label", { for: stage.id }, "Lifecycle"), stage, refresh,
  );
  const count = element("span", { role: "status" });
  const frame = element("div", { class: "claude-magic-table", tabindex: 0, role: "region", "aria-label": "Models" });
  const table = element("table");
  frame.append(table);
  const below = element("div", { class: "claude-magic-row" });
  const pick = button("Make it the default", { disabled: true });
  const said = element("span");
  below.append(pick, said);
  el.append(bar, count, frame, below);

  let told = { columns: [], rows: [], default: "", said: "" };
  let order = { key: "", down: false };
  let chosen = "";

  const words = (row) => Object.values(row).join(" ").toLowerCase();
  const wanted = () => {
    const parts = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = told.rows.filter(
      (row) => parts.every((part) => words(row).includes(part)) && (!stage.value || row.lifecycle.startsWith(stage.value)),
    );
    if (!order.key) return rows; // as the server has them: newest first
    const sign = order.down ? -1 : 1;
    return rows.sort((a, b) => {
      const [x, y] = [a[order.key], b[order.key]];
      if (x === null || y === null) return (x === null) - (y === null); // what is not known stands last
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y));
    });
  };
  const heading = () => {
    const row = element("tr");
    row.append(element("td"));
    for (const column of told.columns) {
      const is = order.key === column.key;
      const head = element("th", { scope: "col", "aria-sort": is ? (order.down ? "descending" : "ascending") : "none" });
      const sort = button(column.title + (is ? (order.down ? " ▼" : " ▲") : ""), { "aria-label": `Sort by ${column.title}` });
      sort.addEventListener("click", () => {
        order = { key: column.key, down: is && !order.down };
        show();
        table.querySelectorAll("thead button")[told.columns.indexOf(column)].focus();
      });
      head.append(sort);
      row.append(head);
    }
    const made = element("thead");
    made.append(row);
    return made;
  };
  const cell = (row, column) => {
    const value = row[column.key];
    const text = typeof value === "number" ? value.toLocaleString("en") : value ?? "–";
    if (column.key !== "id") return element("td", { class: column.number ? "claude-magic-number" : "" }, text);
    return element("th", { scope: "row" }, text + (row.id === told.default ? " (default)" : ""));
  };
  const line = (row) => {
    const made = element("tr");
    const choice = element("td");
    const radio = element("input", { type: "radio", name: `model-${unique}`, value: row.id, "aria-label": `Choose ${row.id}` });
    radio.checked = row.id === chosen;
    radio.addEventListener("change", () => {
      chosen = row.id;
      pick.disabled = chosen === told.default;
    });
    choice.append(radio);
    made.append(choice, ...told.columns.map((column) => cell(row, column)));
    return made;
  };
  const show = () => {
    const rows = wanted();
    const body = element("tbody");
    body.append(...rows.map(line));
    table.replaceChildren(heading(), body);
    count.textContent = `${rows.length} of ${told.rows.length} models`;
    said.textContent = told.said;
    pick.disabled = !chosen || chosen === told.default;
  };
  const hear = (message) => {
    if (message.kind !== "table") return;
    told = message;
    const stages = [...new Set(told.rows.map((row) => row.lifecycle.split(",")[0]))].filter(Boolean);
    const before = stage.value;
    stage.replaceChildren(element("option", { value: "" }, "all"), ...stages.map((s) => element("option", { value: s }, s)));
    stage.value = stages.includes(before) ? before : "";
    show();
  };
  model.on("msg:custom", hear);
  filter.addEventListener("input", show);
  stage.addEventListener("change", show);
  refresh.addEventListener("click", () => model.send({ kind: "refresh" }));
  pick.addEventListener("click", () => model.send({ kind: "default", model: chosen }));
  model.send({ kind: "hello" });
  return () => model.off("msg:custom", hear);
}

export default { render };
