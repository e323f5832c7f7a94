/* View `coast`: shorelines, transects, their class in every period and their rates. */
const drawCoast = () => {
  const coast = part("coast"),
    head = heading(t("Coastline"), t("Seaward is positive. A rate counts only where its 95 % interval leaves zero."));
  if (!core.coast) return [head, note(t("No coastline in this run: the configuration has no section coastline."))];
  if (!coast) return [head, note(t("The coastline is not made yet: coastline/shorelines.gpkg or transects.gpkg is missing."))];
  if (coast.empty) return [head, note(t("No shoreline was found; the indicators' reasons say why."))];
  const p = period(),
    byClass = state.colour === "class";
  const colour = (i) => mix(coast.shores.length < 2 ? 1 : 0.35 + (0.65 * i) / (coast.shores.length - 1)),
    column = (name) => 6 + coast.rates.indexOf(name),
    classIn = (x, i) => coast.classes[x[3][i]] || "",
    paintOf = (x) => (byClass ? SHORE[classIn(x, p)] || SHORE[""] : TREND[x[2]] || "#999");
  const told = (x) =>
    [
      `${x[0]} · ${nameOf(x[1])}`,
      periods.map((label, i) => `${label} ${classWords(classIn(x, i))}`).join(comma()),
      ...conversionsOf(coast, x).map(([name, label]) => t("first seen {class} in {period}", { class: classWords(name), period: label })),
      `${plain(x[2])}${comma()}${t("{rate} ± {half} m a year", { rate: fmt(x[column("lrr_m_yr")]), half: fmt(x[column("lrr_ci95_m_yr")]) })}`,
    ].join("\n");
  const svg = s(
    "svg",
    { class: "map", tabindex: 0, role: "img", "aria-label": t("Shorelines by period and transects by class") },
    coast.shores.map((x, i) => s("path", { d: x.path, class: "shore", stroke: colour(i) })),
    coast.transects.map((x) =>
      s("path", { d: `M${x[4]},${x[5]}h0`, class: "transect", stroke: paintOf(x), ...tipped(() => told(x)) }),
    ),
  );
  const kindsOfMovement = Object.keys(TREND).filter((name) => coast.transects.some((x) => x[2] === name));
  return [
    head,
    h(
      "div",
      { class: "controls" },
      periodControl(),
      choice(
        t("Colour of the transects"),
        byClass ? "class" : "",
        [
          ["", t("Movement")],
          ["class", t("Class")],
        ],
        (v) => change({ colour: v }),
      ),
    ),
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
          byClass
            ? Object.keys(SHORE).map((name) => swatch(`background:${SHORE[name]}`, classWords(name), true))
            : kindsOfMovement.map((name) => swatch(`background:${TREND[name]}`, plain(name), true)),
        ),
      ),
      h(
        "div",
        {},
        h("h3", {}, t("Coast by nature, km")),
        natureTable(),
        h("h3", {}, t("Shorelines")),
        plainTable(
          "shores",
          [t("Period"), t("Position error, m"), t("Reference")],
          coast.shores.map((x) => [x.period, x.error_m, x.reference]),
          [1],
        ),
      ),
    ),
    h("h3", {}, t("Class of the coast by period")),
    h(
      "p",
      { class: "hint" },
      t("A row a period, the transects in order along the coast. A change of colour is a conversion, or a restoration; the point names its period."),
    ),
    classChart(coast, classIn, told),
    h("h3", {}, t("Rate of change along the coast, metres a year")),
    h(
      "p",
      { class: "hint" },
      t("Least-squares rate of each transect in order along the coast, with its 95 % interval; reclaimed ones are left out."),
    ),
    rates(coast, column, told),
  ];
};
/* Length of natural coast, artificial coast and river mouths of the whole region by period, from indicators.csv. */
const natureTable = () =>
  table(
    "nature",
    [
      { title: t("Period"), value: (i) => periods[i], cell: (i) => periods[i] },
      ...[
        ["natural_coast_length_km", t("natural")],
        ["artificial_coast_length_km", t("artificial")],
        ["estuary_length_km", t("river mouth")],
      ].map(([name, title]) => ({
        title,
        number: true,
        cell: (i) => {
          const row = rowOf(name, whole, i);
          return [figure(row), bounds(row) && small(bounds(row))];
        },
      })),
    ],
    periods.map((_, i) => i),
  );
const SHORE = { natural: "#5f8f3a", artificial: "#a63d12", "river mouth": "#5aa9d6", uncertain: "#d8bd5a", "": "#eef1f0" };
const classWords = (name) => (name ? t(name) : t("not seen"));
const conversionsOf = (coast, x) =>
  x[6 + coast.rates.length]
    .split(";")
    .filter(Boolean)
    .map((told) => told.split(":"));
const classChart = (coast, classIn, told) => {
  const left = 56,
    width = 1180,
    tall = 18,
    wide = (width - left) / Math.max(1, coast.transects.length);
  /* Neighbouring transects of one class and county are one bar. */
  const runs = periods.map((_, i) => {
    const out = [];
    coast.transects.forEach((x, n) => {
      const name = classIn(x, i),
        before = out[out.length - 1];
      if (before && before.name === name && before.x[1] === x[1]) before.n += 1;
      else out.push({ name, from: n, n: 1, x });
    });
    return out;
  });
  return [
    scrolled(
      s(
        "svg",
        {
          class: "ranking",
          viewBox: `0 0 ${width} ${periods.length * (tall + 3) + 4}`,
          role: "img",
          "aria-label": t("Class of the coast by period"),
        },
        runs.map((row, i) => [
          s("text", { x: left - 6, y: i * (tall + 3) + 14, class: "tick end" }, periods[i]),
          row.map((r) =>
            s("rect", {
              x: left + r.from * wide,
              y: i * (tall + 3) + 2,
              width: r.n * wide,
              height: tall,
              fill: SHORE[r.name] || SHORE[""],
              ...tipped(() => told(r.x)),
            }),
          ),
        ]),
      ),
    ),
    h(
      "p",
      { class: "legend" },
      Object.keys(SHORE).map((name) => swatch(`background:${SHORE[name]}`, classWords(name))),
    ),
  ];
};
const rates = (coast, column, told) => {
  const rows = coast.transects
    .filter((x) => x[2] !== "reclaimed")
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
  return scrolled(
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
