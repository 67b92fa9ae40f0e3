"use strict";
// Pointing at a column, a step or a box shows its way. The page says everything without this.
(() => {
  const svg = document.querySelector("svg.lineage");
  if (!svg) return;
  const lines = [...svg.querySelectorAll("[data-l]")].map((e) => [e, ...e.dataset.l.split(" ")]);
  const ports = new Map([...svg.querySelectorAll("[data-p]")].map((e) => [e.dataset.p, e]));
  const head = (port) => port.split(".")[0] + ".-1";
  const leave = [new Map(), new Map()];
  const add = (side, key, line) => (leave[side].get(key) || leave[side].set(key, []).get(key)).push(line);
  const boxes = new Map();
  for (const port of ports.keys()) boxes.set(head(port), [...(boxes.get(head(port)) || []), port]);
  for (const line of lines) { add(0, line[1], line); add(1, line[2], line); }
  const walk = (start, side, seen) => {
    const queue = [start], done = new Set(queue);
    while (queue.length) {
      const port = queue.pop();
      seen.add(ports.get(port));
      seen.add(ports.get(head(port)));
      const from = port === head(port) ? boxes.get(port) || [port] : [port, head(port)];
      for (const key of from) for (const line of leave[side].get(key) || []) {
        seen.add(line[0]);
        const next = line[2 - side];
        if (!done.has(next)) { done.add(next); queue.push(next); }
      }
    }
  };
  const clear = () => { svg.classList.remove("pointed"); svg.querySelectorAll(".lit").forEach((e) => e.classList.remove("lit")); };
  const show = (event) => {
    const spot = event.target.closest("[data-p]");
    clear();
    if (!spot) return;
    const seen = new Set();
    walk(spot.dataset.p, 0, seen);
    walk(spot.dataset.p, 1, seen);
    svg.classList.add("pointed");
    for (const e of seen) if (e) { e.classList.add("lit"); e.closest(".box")?.classList.add("lit"); }
  };
  svg.addEventListener("mouseover", show);
  svg.addEventListener("focusin", show);
  svg.addEventListener("mouseleave", clear);
  svg.addEventListener("focusout", clear);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && location.hash.length > 1) location.hash = "#drawing"; });
})();
