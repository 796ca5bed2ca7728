// The list of files: up with progress, down, away with a question first. The kernel side is files.py.

function render({ model, el }) {
  body(el);
  const chooser = element("input", { type: "file", multiple: true });
  const drop = element("div", { class: "claude-magic-drop" });
  drop.append(field("Upload files (choose, or drop them here)", chooser, `Up to ${bytes(model.get("state").largest)} each.`));
  const said = element("div", { role: "status" });
  const progress = element("div", { class: "claude-magic-progress" });
  const cancel = button("Cancel");
  const place = element("div");
  const again = button("Refresh", { "data-key": "again" });
  const before = button("Previous page", { "data-key": "before" });
  const after = button("Next page", { "data-key": "after" });
  const which = element("span");
  progress.hidden = true;
  el.append(drop, progress, said, row(again, before, which, after), place);

  // Up: one after another; `sending` is the part of the way that the browser knows of.
  let sending = null;
  let queue = [];
  let over = null;
  async function upload(files) {
    const busy = queue.length || sending;
    queue.push(...files);
    if (busy) return;
    while (queue.length) {
      const file = queue.shift();
      said.textContent = "";
      const ended = new Promise((resolve) => (over = resolve));
      sending = sendFile(model, file, (done) => advance(`Reading ${file.name}`, done, file.size));
      advance(`Reading ${file.name}`, 0, file.size);
      try {
        await sending.done;
        await ended;
      } catch (problem) {
        said.textContent = `${file.name}: ${problem.message}`;
      }
      sending = null;
      if (!model.get("state").work) advance(null);
    }
    chooser.value = "";
  }
  function advance(what, done = 0, total = 0) {
    progress.hidden = what === null;
    if (what === null) return progress.replaceChildren();
    const share = total ? done / total : 1;
    const text = element("span", {}, `${what}: ${bytes(done)} of ${bytes(total)}`);
    const filled = bar(share, what);
    filled.setAttribute("role", "progressbar");
    if (!progress.contains(cancel)) progress.replaceChildren(element("div"), cancel);
    progress.firstChild.replaceChildren(text, filled);
  }
  chooser.addEventListener("change", () => upload([...chooser.files]));
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("claude-magic-over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("claude-magic-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    drop.classList.remove("claude-magic-over");
    upload([...event.dataTransfer.files]);
  });
  cancel.addEventListener("click", () => {
    queue = [];
    sending?.cancel();
    model.send({ kind: "cancel" });
  });

  // Down
  function save(name, content) {
    const address = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
    const link = element("a", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  const hear = (message, buffers) => {
    if (message.kind === "over" && message.file === sending?.id) over?.();
    if (message.kind === "content") save(message.name, buffers[0]);
  };
  model.on("msg:custom", hear);

  // The list
  again.addEventListener("click", () => {
    said.textContent = "";
    model.send({ kind: "list" });
  });
  before.addEventListener("click", () => model.send({ kind: "page", to: model.get("state").page - 1 }));
  after.addEventListener("click", () => model.send({ kind: "page", to: model.get("state").page + 1 }));

  function actions(file) {
    const box = element("div", { class: "claude-magic-row" });
    const act = (kind, label, title) => {
      const made = button(label, { "aria-label": `${title} ${file.name}`, title, "data-key": `${kind} ${file.id}` });
      made.addEventListener("click", () => model.send({ kind, id: file.id }));
      return made;
    };
    if (file.downloadable) {
      box.append(act("download", "Download", "Download to the notebook's folder"));
      if (file.size <= model.get("state").small) box.append(act("fetch", "To browser", "Download with the browser"));
    }
    const ask = button("Delete", { "aria-label": `Delete ${file.name}`, "data-key": `ask ${file.id}` });
    ask.addEventListener("click", () => confirm(box, file, ask));
    box.append(ask);
    return box;
  }
  function confirm(box, file, ask) {
    const kept = [...box.childNodes];
    const yes = button("Delete for good", { "aria-label": `Delete ${file.name} for good` });
    const no = button("Keep", { "aria-label": `Keep ${file.name}` });
    const back = () => {
      box.replaceChildren(...kept);
      ask.focus();
    };
    yes.addEventListener("click", () => {
      back();
      model.send({ kind: "delete", id: file.id });
    });
    no.addEventListener("click", back);
    box.addEventListener("keydown", (event) => event.key === "Escape" && box.contains(no) && back());
    box.replaceChildren(element("span", {}, "Delete it at the server?"), no, yes);
    no.focus();
  }

  const heads = ["Name", "Actions", "Size", "Type", "Created", "Expires", "Used for"];
  const ends = [
    watch(model, ["rows", "page", "more"], ({ rows, page, more }) => {
      before.disabled = !page;
      after.disabled = !more;
      if (rows === null) return place.replaceChildren();
      which.textContent = rows.length ? `${page * 20 + 1} to ${page * 20 + rows.length}` : "No files at the server.";
      const lines = rows.map((f) => [f.name, actions(f), bytes(f.size), f.type, f.created, f.expires || "never", f.used]);
      refill(place, ...(rows.length ? [table("Files at the server", heads, lines)] : []));
    }),
    watch(model, ["work"], ({ work }) => {
      if (work) advance(work.what, work.done, work.total);
      else if (!sending) advance(null);
    }),
  ];

  model.send({ kind: "hello" });
  return () => {
    queue = [];
    sending?.cancel();
    model.off("msg:custom", hear);
    ends.forEach((end) => end());
  };
}

export default { render };
