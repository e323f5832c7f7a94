/* Zoom and drag for a map. `seen` is [x, y, width, height] and is changed in place, so that a redraw keeps it. */
const zoomable = (svg, home, seen, shown = () => {}) => {
  const show = (box) => {
    box.forEach((v, i) => {
      seen[i] = v;
    });
    svg.setAttribute("viewBox", seen.join(" "));
    shown();
  };
  const zoom = (factor, x = seen[0] + seen[2] / 2, y = seen[1] + seen[3] / 2) => {
    const f = Math.max(seen[2] / home[2], Math.min(factor, (seen[2] / home[2]) * 60));
    show([x - (x - seen[0]) / f, y - (y - seen[1]) / f, seen[2] / f, seen[3] / f]);
  };
  let from = null,
    moved = false;
  svg.addEventListener("pointerdown", (e) => {
    from = [e.clientX, e.clientY, seen[0], seen[1]];
    moved = false;
  });
  svg.addEventListener("pointermove", (e) => {
    if (!from || seen[2] >= home[2]) return;
    const scale = seen[2] / svg.clientWidth,
      dx = e.clientX - from[0],
      dy = e.clientY - from[1];
    moved = moved || Math.hypot(dx, dy) > 4;
    if (moved) show([from[2] - dx * scale, from[3] - dy * scale, seen[2], seen[3]]);
  });
  for (const end of ["pointerup", "pointerleave"])
    svg.addEventListener(end, () => {
      from = null;
    });
  svg.addEventListener(
    "click",
    (e) => {
      if (moved) e.stopPropagation();
      moved = false;
    },
    true,
  );
  svg.addEventListener(
    "wheel",
    (e) => {
      if (!e.ctrlKey) return;
      e.preventDefault();
      const box = svg.getBoundingClientRect();
      zoom(
        e.deltaY < 0 ? 1.25 : 0.8,
        seen[0] + ((e.clientX - box.left) / box.width) * seen[2],
        seen[1] + ((e.clientY - box.top) / box.height) * seen[3],
      );
    },
    { passive: false },
  );
  svg.addEventListener("keydown", (e) => {
    if (e.key === "+" || e.key === "=") zoom(1.5);
    else if (e.key === "-") zoom(1 / 1.5);
    else if (e.key === "0") show([...home]);
  });
  show([...seen]);
  return h(
    "div",
    { class: "mapbox" },
    svg,
    h(
      "div",
      { class: "zoom", role: "group", "aria-label": t("Zoom") },
      h("button", { type: "button", onclick: () => zoom(1.6), "aria-label": t("Zoom in") }, "+"),
      h("button", { type: "button", onclick: () => zoom(1 / 1.6), "aria-label": t("Zoom out") }, "−"),
      h("button", { type: "button", onclick: () => show([...home]) }, t("Whole")),
    ),
  );
};
