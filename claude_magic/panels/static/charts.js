// The charts of an answer: pictures from the kernel, as bytes; their names are text.

function render({ model, el }) {
  el.classList.add("claude-magic-charts");
  let addresses = [];
  const clear = () => {
    addresses.forEach((address) => URL.revokeObjectURL(address));
    addresses = [];
    el.replaceChildren();
  };
  const hear = (message, buffers) => {
    if (message.kind !== "charts") return;
    clear();
    message.names.forEach((name, n) => {
      const address = URL.createObjectURL(new Blob([buffers[n]], { type: "image/png" }));
      addresses.push(address);
      el.append(element("img", { src: address, alt: `Chart ${name}`, title: name }));
    });
  };
  model.on("msg:custom", hear);
  model.send({ kind: "hello" });
  return () => {
    model.off("msg:custom", hear);
    clear();
  };
}

export default { render };
