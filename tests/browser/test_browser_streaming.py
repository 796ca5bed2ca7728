"""An answer that arrives, in JupyterLab: what goes over the wire, what is saved, what the reader sees."""

from __future__ import annotations

from itertools import pairwise

# Looks at every frame: the height of the output, so that a shrinking or an empty one is seen.
WATCH = """(window.heights = [], window.watching = true, (function look() {
  const areas = document.querySelectorAll('.jp-Notebook .jp-Cell');
  const area = areas[areas.length - 1].querySelector('.jp-Cell-outputArea');
  window.heights.push(area ? area.getBoundingClientRect().height : 0);
  if (window.watching) requestAnimationFrame(look);
})(), 0)"""
# Puts the output's beginning a hand's breadth below the top of the window, as a reader does, and looks at every frame
# where it is.
READ = """(() => {
  const areas = document.querySelectorAll('.jp-Notebook .jp-Cell');
  const area = areas[areas.length - 1].querySelector('.jp-Cell-outputArea');
  let box = area.parentElement;
  while (box && !(box.scrollHeight > box.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(box).overflowY)))
    box = box.parentElement;
  box.scrollTop += area.getBoundingClientRect().top - box.getBoundingClientRect().top - 100;
  window.tops = [];
  (function look() {
    window.tops.push(area.getBoundingClientRect().top - box.getBoundingClientRect().top);
    if (window.watching) requestAnimationFrame(look);
  })();
  return box.scrollHeight - box.clientHeight;
})()"""
STREAM = r"""
import time
from claude_magic.messages import Growing
from claude_magic.rendering import Footer, bundle, painter
part = (
    "Here is **some** text about `columns` and \\(x^2\\), with $5 and a [link](https://example.org/a).\n\n"
    "- item one\n- item two with *emphasis*\n\n"
    "```python\nimport pandas as pd\ndf = pd.read_csv('x.csv')\nprint(df.groupby('a').sum())\n```\n\n"
    "A paragraph of plain words that goes on for a while, as the most of an answer does. " * 6 + "\n\n"
)
text = (part * 200)[:100_000]
growing = Growing()
with painter(get_ipython()) as p:
    growing.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    for at in range(0, 100_000, 50):
        delta = {"type": "text_delta", "text": text[at : at + 50]}
        growing.feed({"type": "content_block_delta", "index": 0, "delta": delta})
        p.show(growing)
        time.sleep(0.002)
    growing.feed({"type": "message_stop"})
    p.settle(bundle(growing.message(), footer=Footer(("model", "$0.01"))))
"""


def test_a_streamed_answer_is_small_steady_and_saved_once(open_notebook):
    """2,000 deltas of 100 kB: at most 1.5 MB come over the websocket, one output never shrinks, no place is lost."""
    lab = open_notebook("lab")
    at = lab.add(STREAM)
    received = lab.received
    lab.js(WATCH)
    lab.start(at)
    lab.wait_for("window.heights.at(-1) > 2500", seconds=60)
    assert lab.js(READ) > 0
    read = len(lab.js("window.heights"))
    lab.finish(at, seconds=120)
    lab.page.wait_for_timeout(500)
    lab.js("(window.watching = false)")
    assert lab.received - received <= 1_500_000
    outputs = lab.outputs(at)
    assert [set(output["data"]) for output in outputs] == [{"text/html", "text/plain"}]
    assert "model · $0.01" in lab.output(at).inner_text()
    heights = [h for h in lab.js("window.heights") if h]
    assert len({round(h) for h in heights}) >= 5, "it was not painted on the way"
    drops = [(a, b) for a, b in pairwise(heights) if a - b > max(24, 0.1 * a)]
    assert drops == []
    tops = lab.js("window.tops")
    assert len(heights) - read > 20, "it was over before the reader had scrolled"
    assert max(heights[read:]) > heights[read] + 2000, "nothing more arrived"
    assert max(tops) - min(tops) <= 2, "what the reader looks at has moved"
    saved = lab.save()
    assert len(saved.cells[at].outputs) == 1
