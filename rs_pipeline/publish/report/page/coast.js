/* View `coast`: shorelines, transects and their rates. */
const drawCoast = () => {
  const coast = part("coast"),
    head = heading(t("Coastline"), t("Seaward is positive. A rate counts only where its 95 % interval leaves zero."));
  if (!core.coast) return [head, note(t("No coastline in this run: the configuration has no section coastline."))];
  if (!coast) return [head, note(t("The coastline is not made yet: coastline/shorelines.gpkg or transects.gpkg is missing."))];
  if (coast.empty) return [head, note(t("No shoreline was found; the indicators' reasons say why."))];
  const colour = (i) => mix(coast.shores.length < 2 ? 1 : 0.35 + (0.65 * i) / (coast.shores.length - 1)),
    column = (name) => 6 + coast.rates.indexOf(name);
  const told = (x) =>
    `${x[0]} · ${nameOf(x[1])}\n${plain(x[2])}${comma()}${plain(x[3])}\n${t("{rate} ± {half} m a year", { rate: fmt(x[column("lrr_m_yr")]), half: fmt(x[column("lrr_ci95_m_yr")]) })}`;
  const svg = s(
    "svg",
    { class: "map", tabindex: 0, role: "img", "aria-label": t("Shorelines by period and transects by class") },
    coast.shores.map((x, i) => s("path", { d: x.path, class: "shore", stroke: colour(i) })),
    coast.transects.map((x) =>
      s("path", { d: `M${x[4]},${x[5]}h0`, class: "transect", stroke: TREND[x[2]] || "#999", ...tipped(() => told(x)) }),
    ),
  );
  return [
    head,
    h(
      "div",
      { class: "split" },
      h(
        "figure",
        { class: "figure" },
        zoomable(svg, [0, 0, ...coast.view], [0, 0, ...coast.view]),
        h(
          "figcaption",
          { class: "legend" },
          coast.shores.map((x, i) => swatch(`background:${colour(i)}`, x.period)),
          Object.keys(coast.km).map((name) =>
            swatch(`background:${TREND[name] || "#999"}`, `${plain(name)} ${fmt(coast.km[name])} km`, true),
          ),
        ),
      ),
      h(
        "div",
        {},
        h("h3", {}, t("Shorelines")),
        plainTable(
          "shores",
          [t("Period"), t("Length, km"), t("Position error, m"), t("Reference"), t("By class, km")],
          coast.shores.map((x) => [
            x.period,
            x.length_km,
            x.error_m,
            x.reference,
            Object.entries(x.classes)
              .map(([name, v]) => `${plain(name)} ${fmt(v)}`)
              .join(comma()),
          ]),
          [1, 2],
        ),
        Object.keys(coast.unit_km).length > 0 && [
          h("h3", {}, t("Coast by nature")),
          plainTable(
            "nature",
            [t("Class"), "km"],
            [
              [t("Natural coast (indicator)"), regionFigure("natural_coast", periods[periods.length - 1])],
              ...Object.entries(coast.unit_km).map(([name, v]) => [t("measured: {class}", { class: plain(name) }), v]),
            ],
            [1],
          ),
        ],
      ),
    ),
    h("h3", {}, t("Rate of change along the coast, metres a year")),
    h(
      "p",
      { class: "hint" },
      t("Least-squares rate of each transect in order along the coast, with its 95 % interval; seaward is positive."),
    ),
    rates(coast, column, told),
  ];
};
const rates = (coast, column, told) => {
  const rows = coast.transects
    .map((x, i) => ({
      x,
      i,
      v: x[column("lrr_m_yr")] ?? x[column("epr_m_yr")],
      half: x[column("lrr_m_yr")] === null ? null : x[column("lrr_ci95_m_yr")],
    }))
    .filter((r) => r.v !== null);
  if (!rows.length) return note(t("No transect has a rate: at least two periods with a shoreline are needed."));
  const reach = rows.map((r) => Math.abs(r.v) + Math.min(r.half ?? 0, Math.abs(r.v) * 3)).sort((a, b) => a - b),
    top = Math.max(1, reach[Math.floor(reach.length * 0.98)] || 1) * 1.15;
  const width = 1180,
    height = 230,
    y = (v) => 10 + (height - 30) * (1 - (Math.min(top, Math.max(-top, v)) + top) / (2 * top)),
    x = (i) => 56 + (width - 66) * (coast.transects.length < 2 ? 0.5 : i / (coast.transects.length - 1));
  return h(
    "div",
    { class: "scroll" },
    s(
      "svg",
      { class: "ranking", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("Rates of the transects") },
      axis(-top, top, y, width, 50),
      s("line", { x1: 50, x2: width, y1: y(0), y2: y(0), stroke: "#47555d" }),
      rows.map((r) => [
        r.half !== null &&
          s("line", {
            x1: x(r.i),
            x2: x(r.i),
            y1: y(r.v - r.half),
            y2: y(r.v + r.half),
            stroke: TREND[r.x[2]] || "#999",
            opacity: 0.4,
            "stroke-width": 2,
          }),
        s("circle", { cx: x(r.i), cy: y(r.v), r: 2.8, fill: TREND[r.x[2]] || "#999", ...tipped(() => told(r.x)) }),
      ]),
      s("text", { x: width / 2, y: height - 4, class: "tick middle" }, t("transects in order along the coast")),
    ),
  );
};
