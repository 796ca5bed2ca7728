// Files from the browser to the kernel, past the websocket's limit of 10 MB a message: pieces of 1 MB, at most four of
// them unacknowledged. The other side is incoming.py.

const PIECE = 1 << 20;
const WINDOW = 4;

// Returns {id, done: a promise, cancel()}; `progress(bytes)` is called with what the kernel has.
function sendFile(model, file, progress = () => {}) {
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
  let next = 0;
  let acknowledged = 0;
  let over = false;
  let finish;
  const done = new Promise((resolve, reject) => (finish = { resolve, reject }));
  const end = (settle, value) => {
    over = true;
    model.off("msg:custom", hear);
    settle(value);
  };
  let reading = false; // one piece at a time: of two readings the later may end first, and pieces go in their order
  const pump = async () => {
    if (reading) return;
    reading = true;
    while (!over && next < file.size && next - acknowledged < WINDOW * PIECE) {
      const at = next;
      next = Math.min(file.size, at + PIECE);
      try {
        const piece = await file.slice(at, next).arrayBuffer();
        if (!over) model.send({ kind: "piece", file: id, at }, undefined, [piece]);
      } catch {
        model.send({ kind: "drop-file", file: id });
        end(finish.reject, new Error("The browser cannot read the file."));
      }
    }
    reading = false;
  };
  const hear = (message) => {
    if (message.file !== id) return;
    if (message.kind === "got") {
      acknowledged = message.bytes;
      progress(acknowledged);
      if (message.whole) end(finish.resolve, id);
      else pump();
    } else if (message.kind === "refused") {
      end(finish.reject, new Error(message.why));
    }
  };
  model.on("msg:custom", hear);
  model.send({ kind: "file", file: id, name: file.name, size: file.size, type: file.type });
  return {
    id,
    done,
    cancel() {
      if (over) return;
      model.send({ kind: "drop-file", file: id });
      end(finish.reject, new Error("Cancelled."));
    },
  };
}
