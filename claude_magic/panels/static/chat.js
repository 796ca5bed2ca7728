// The chat. Questions, names and errors are set as text; an answer is HTML that claude_magic.rendering made.

function render({ model, el }) {
  el.classList.add("claude-magic-chat");
  keepKeys(el);
  const unique = crypto.getRandomValues(new Uint32Array(1))[0];
  const manager = model.widget_manager;

  // The thread
  const bar = element("div", { class: "claude-magic-row" });
  const choice = element("select", { id: `thread-${unique}` });
  const fresh = element("input", { type: "text", id: `fresh-${unique}`, maxlength: 60, size: 12 });
  const begin = button("Start", { "aria-label": "Start the new thread" });
  bar.append(
    element("label", { for: choice.id }, "Thread"), choice,
    element("label", { for: fresh.id }, "New thread"), fresh, begin,
  );

  // The conversation
  const log = element("div", { class: "claude-magic-log", role: "log", "aria-live": "off", tabindex: 0 });
  log.setAttribute("aria-label", "Conversation");

  // The message
  const label = element("label", { for: `message-${unique}` }, "Message (Enter sends, Shift+Enter starts a new line)");
  const message = element("textarea", { id: `message-${unique}`, rows: 3 });
  const chips = element("ul", { class: "claude-magic-chips", "aria-label": "Attachments" });
  const tools = element("div", { class: "claude-magic-row" });
  const send = button("Send", { class: "jupyter-button widget-button mod-primary" });
  const stop = button("Stop", { disabled: true });
  const retry = button("Retry", { title: "Ask the last question again" });
  const attach = button("Attach…", { title: "Or drop files here, or paste a picture" });
  const chooser = element("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files to attach" });
  const run = element("input", { type: "checkbox", id: `run-${unique}` });
  const runLabel = element("label", { for: run.id }, "Let Claude run code");
  const runs = element("span", { class: "claude-magic-runs" }); // the box and its words stay in one line
  runs.append(run, runLabel);
  tools.append(send, stop, retry, attach, chooser, runs);
  const said = element("div", { role: "status", class: "claude-magic-status" });
  el.append(bar, log, label, message, chips, tools, said);

  let busy = false;
  const turns = new Map(); // key → {node, answer, pieces: [element], bar}
  const attached = new Map(); // file id → {name, whole}
  const addresses = []; // of pictures, to be given back

  const note = (text) => (said.textContent = text);
  const working = (is) => {
    busy = is;
    stop.disabled = !is;
    enable();
  };
  const enable = () => {
    send.disabled = busy || [...attached.values()].some((file) => !file.whole);
    retry.disabled = !turns.size;
  };
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const follow = (was) => was && (log.scrollTop = log.scrollHeight);

  // Into the notebook: the manager of Lab's and Notebook 7's widgets knows the document. Elsewhere the code is copied.
  const intoCell = async (source, button) => {
    const shared = manager?.context?.model?.sharedModel;
    if (typeof shared?.insertCell !== "function") {
      await copied(source, button);
      return note("Copied: this front end does not let a panel add cells, so paste it into one.");
    }
    const here = Number.parseInt(el.closest(".jp-Cell")?.dataset.windowedListIndex ?? "", 10);
    const at = Number.isNaN(here) ? shared.cells.length : here + 1;
    shared.insertCell(at, { cell_type: "code", source, metadata: { trusted: true } });
    note(Number.isNaN(here) ? "Put into a new cell at the end." : "Put into a new cell below this one.");
  };

  // An answer's piece that will not change any more: its links, its maths, buttons at its code.
  const finish = (piece) => {
    if (piece.dataset.finished) return;
    piece.dataset.finished = "yes";
    for (const block of piece.querySelectorAll("div.highlight")) {
      const code = block.querySelector("pre")?.textContent ?? "";
      const row = element("div", { class: "claude-magic-row claude-magic-code-tools" });
      const copy = button("Copy", { "aria-label": "Copy this code" });
      copy.addEventListener("click", () => copied(code, copy));
      const cell = button("Put in a cell", { "aria-label": "Put this code in a cell" });
      cell.addEventListener("click", () => intoCell(code, cell));
      row.append(copy, cell);
      block.after(row);
    }
    for (const wide of piece.querySelectorAll("pre")) wide.tabIndex = 0; // scrolled with the keyboard
    if (/\\[([]/.test(piece.textContent)) manager?.rendermime?.latexTypesetter?.typeset(piece);
  };
  const paint = (turn, from, pieces, frozen) => {
    for (const old of turn.pieces.splice(from)) old.remove();
    for (const html of pieces) {
      const piece = element("div", { class: "claude-magic-piece" });
      piece.innerHTML = html; // made and cleaned by claude_magic.rendering
      for (const link of piece.querySelectorAll("a")) link.target = "_blank";
      turn.pieces.push(piece);
      turn.answer.append(piece);
    }
    turn.pieces.slice(0, frozen).forEach(finish);
  };
  const settle = (turn, number, text, pictures, was) => {
    turn.node.classList.remove("claude-magic-live");
    pictures.forEach((bytes, at) => {
      const address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      addresses.push(address);
      const image = element("img", { src: address, alt: `Chart ${at + 1} of this answer` });
      image.addEventListener("load", () => follow(was));
      turn.answer.append(image);
    });
    const copy = button("Copy answer");
    copy.addEventListener("click", () => copied(text, copy));
    turn.bar.replaceChildren(copy);
    if (number) {
      const show = button("Show in a cell", { title: "Adds a cell with the command that shows this answer" });
      const name = /^[\w.-]+$/.test(choice.value) ? choice.value : `'${choice.value.replaceAll("'", `'"'"'`)}'`;
      show.addEventListener("click", () => intoCell(`%claude show ${name} ${number}`, show));
      turn.bar.append(show);
    }
  };
  const add = (entry) => {
    const node = element("article", { class: "claude-magic-turn" });
    if (entry.live) node.classList.add("claude-magic-live");
    const asked = element("div", { class: "claude-magic-asked" });
    asked.append(element("strong", {}, "You"), element("div", { class: "claude-magic-text" }, entry.asked));
    const answer = element("div", { class: "claude-magic-answer jp-RenderedHTMLCommon" });
    const row = element("div", { class: "claude-magic-row" });
    node.append(asked, element("strong", {}, "Answer"), answer, row);
    log.append(node);
    const turn = { node, answer, pieces: [], bar: row };
    turns.set(entry.turn, turn);
    paint(turn, 0, entry.pieces, entry.live ? entry.pieces.length - 1 : entry.pieces.length);
    return turn;
  };

  let given = ""; // what was given back, so that Retry can take it again
  const giveBack = (text) => {
    if (message.value || !text) return;
    message.value = given = text;
  };
  const heard = {
    transcript(told, buffers) {
      log.replaceChildren();
      turns.clear();
      addresses.splice(0).forEach(URL.revokeObjectURL);
      choice.replaceChildren(...told.threads.map((name) => element("option", { value: name }, name)));
      choice.value = told.thread;
      let at = 0;
      for (const entry of told.turns) {
        const turn = add(entry);
        if (!entry.live) settle(turn, entry.number, entry.text, buffers.slice(at, (at += entry.pictures)), true);
      }
      log.scrollTop = log.scrollHeight;
      working(told.busy);
    },
    paint(told) {
      const turn = turns.get(told.turn);
      if (!turn) return;
      const was = atEnd(); // asked once a message: the browser lays everything out for it
      paint(turn, told.from, told.pieces, told.frozen);
      follow(was);
    },
    settled(told, buffers) {
      const turn = turns.get(told.turn);
      const was = atEnd();
      if (turn) settle(turn, told.number, told.text, buffers, was);
      follow(was);
      working(false);
    },
    ended(told) {
      const turn = turns.get(told.turn);
      if (turn) {
        turn.node.classList.remove("claude-magic-live");
        turn.answer.append(element("p", {}, told.why));
      }
      giveBack(told.asked);
      working(false);
    },
    "refused-message"(told) {
      giveBack(told.asked);
      working(told.busy);
    },
  };
  const hear = (told, buffers) => heard[told.kind]?.(told, buffers ?? []);
  model.on("msg:custom", hear);

  const files = (list) => {
    for (const file of list) {
      const chip = element("li", {}, "");
      const words = element("span", {}, `${file.name} 0 %`);
      const remove = button("×", { "aria-label": `Remove ${file.name}` });
      chip.append(words, remove);
      chips.append(chip);
      const share = (done) => (words.textContent = `${file.name} ${Math.floor((100 * done) / (file.size || 1))} %`);
      const sending = sendFile(model, file, share);
      attached.set(sending.id, { name: file.name, whole: false });
      const gone = () => {
        chip.remove();
        attached.delete(sending.id);
        enable();
      };
      remove.addEventListener("click", () => {
        sending.cancel();
        if (attached.get(sending.id)?.whole) model.send({ kind: "drop-file", file: sending.id });
        gone();
        message.focus();
      });
      sending.done.then(
        () => {
          words.textContent = file.name;
          if (attached.has(sending.id)) attached.get(sending.id).whole = true;
          note(`${file.name} is attached.`);
          enable();
        },
        (error) => {
          gone();
          note(`${file.name} is not attached: ${error.message}`);
        },
      );
    }
    enable();
  };
  const ask = () => {
    if (send.disabled) return;
    model.send({ kind: "ask", text: message.value, run: run.checked, files: [...attached.keys()] });
    if (!message.value.trim()) return;
    note("");
    message.value = "";
    attached.clear();
    chips.replaceChildren();
    working(true); // the kernel says so, too, but a second Enter may be quicker
  };
  const start = () => {
    if (!fresh.value.trim()) return fresh.focus();
    model.send({ kind: "thread", name: fresh.value });
    fresh.value = "";
  };
  send.addEventListener("click", ask);
  stop.addEventListener("click", () => model.send({ kind: "stop" }));
  retry.addEventListener("click", () => {
    if (message.value === given) message.value = "";
    model.send({ kind: "retry" });
  });
  attach.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    files(chooser.files);
    chooser.value = "";
  });
  choice.addEventListener("change", () => model.send({ kind: "thread", name: choice.value }));
  begin.addEventListener("click", start);
  fresh.addEventListener("keydown", (event) => event.key === "Enter" && start());
  message.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    // Shift+Enter by hand: Lab refuses the browser's own line break inside a cell.
    if (event.shiftKey) message.setRangeText("\n", message.selectionStart, message.selectionEnd, "end");
    else ask();
  });
  message.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    files(event.clipboardData.files);
  });
  const over = (event, is) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    el.classList.toggle("claude-magic-over", is);
    return true;
  };
  el.addEventListener("dragover", (event) => over(event, true));
  el.addEventListener("dragleave", (event) => over(event, false));
  el.addEventListener("drop", (event) => over(event, false) && files(event.dataTransfer.files));

  enable();
  model.send({ kind: "hello" });
  return () => {
    model.off("msg:custom", hear);
    addresses.forEach(URL.revokeObjectURL);
  };
}

export default { render };
