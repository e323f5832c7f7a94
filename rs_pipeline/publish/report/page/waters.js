/* View `waters`: water bodies over the periods. */
const drawWaters = () => {
  const bodies = part("bodies"),
    head = heading(
      t("Water bodies"),
      t(
        "Bodies keep their identity over the periods. A body that is not seen over half of its outline is not observed (×), never dry.",
      ),
    );
  if (!bodies) return [head, note(t("There are no water bodies: water/bodies.gpkg is missing.")), watchedMonths()];
  if (!bodies.rows.length) return [head, note(t("No water body reached the least mapped area in any period.")), watchedMonths()];
  const p = period(),
    hectares = (v) => (v === null ? null : v / 1e4),
    area = (r) => r.area[p] || [null, null, null];
  const yearly = periods.map((label, i) => [label, rowOf("water_bodies", whole, i), rowOf("water_permanent_area", whole, i)]);
  return [
    head,
    h("div", { class: "controls" }, periodControl()),
    h(
      "div",
      { class: "split" },
      table(
        "waters",
        [
          { title: t("Period"), value: (x) => x[0], cell: (x) => x[0] },
          { title: t("Large enough to count"), number: true, cell: (x) => figure(x[1]) },
          { title: t("Permanent inland water, km²"), number: true, cell: (x) => figure(x[2]) },
          { title: t("Interval"), cell: (x) => bounds(x[2]) },
        ],
        yearly,
      ),
      whole !== null &&
        h(
          "div",
          { class: "chart" },
          h("h3", {}, t("Permanent inland water, km²")),
          series(
            yearly.map(([label, , row]) => ({ value: null, lower: null, upper: null, ...row, label })),
            null,
            { width: 460, height: 140, label: t("Permanent inland water, km²") },
          ),
        ),
    ),
    h(
      "h3",
      {},
      bodies.rows.length < bodies.n_bodies
        ? t("The {n} largest of {all}", { n: bodies.rows.length, all: bodies.n_bodies })
        : t("All bodies"),
    ),
    table(
      "bodies",
      [
        { title: t("Body"), value: (r) => r.id, cell: (r) => [h("code", {}, r.id), r.kind === "sea" && small(t("sea"))] },
        {
          title: t("County"),
          value: (r) => nameOf(r.unit),
          cell: (r) => (units[r.unit] && units[r.unit].path !== undefined ? countyPath(r.unit) : nameOf(r.unit)),
        },
        {
          title: `${t("Area, ha")} ${periods[p]}`,
          number: true,
          value: (r) => area(r)[0],
          cell: (r) => fmt(hectares(area(r)[0])),
        },
        { title: t("Interval"), number: true, cell: (r) => span(hectares(area(r)[1]), hectares(area(r)[2])) },
        { title: t("State"), value: (r) => r.state[p] || "", cell: (r) => plain(r.state[p] || "") },
        { title: t("Over the periods"), cell: spark },
        { title: t("Counted"), value: (r) => Number(r.counted), cell: (r) => (r.counted ? t("yes") : t("too small")) },
      ],
      bodies.rows,
      { sort: [2, true], stack: true },
    ),
    watchedMonths(),
  ];
};

/* Months of the waters that a user names: nothing is drawn before a water is opened. */
const watchedMonths = () => {
  const months = part("months");
  return (
    months && [
      h("h3", {}, t("Named waters, month by month")),
      note(
        t(
          "Optical proxies by formulas of other waters: they rank waters and months, and decide no water class. Algae and floating plants are not told apart, so the grade of a bloom (HJ 1098-2020, as commonly cited) is an upper bound. Months with one clear date are empty.",
        ),
      ),
      months.waters.map((water, i) => folded(water.name, () => monthsOf(water, i), false)),
      months.n_waters > months.waters.length &&
        note(t("{n} of {all} named waters; water/quality_monthly.parquet has all.", { n: months.waters.length, all: months.n_waters })),
    ]
  );
};
const monthsOf = (water, i) => [
  h(
    "div",
    { class: "charts" },
    [t("Chlorophyll, mg/m³"), t("Turbidity, FNU"), t("Transparency, m")].map((label, k) =>
      h(
        "div",
        { class: "chart" },
        h("h4", {}, label),
        series(
          water.rows.map((r) => ({ label: r[0], value: r[k + 1], lower: null, upper: null })),
          null,
          { width: 400, height: 140, label: `${water.name} ${label}` },
        ),
      ),
    ),
  ),
  table(
    `months-${i}`,
    [
      { title: t("Month"), value: (r) => r[0], cell: (r) => r[0] },
      { title: t("Chlorophyll, mg/m³"), number: true, value: (r) => r[1], cell: (r) => fmt(r[1]) },
      { title: t("Turbidity, FNU"), number: true, value: (r) => r[2], cell: (r) => fmt(r[2]) },
      { title: t("Transparency, m"), number: true, value: (r) => r[3], cell: (r) => fmt(r[3]) },
      { title: t("Algae or plants afloat at most, %"), number: true, value: (r) => r[4], cell: (r) => fmt(r[4] === null ? null : 100 * r[4]) },
      { title: t("Grade if all are algae"), value: (r) => r[6], cell: (r) => r[6] && t(r[6]) },
      { title: t("Official class"), number: true, value: (r) => r[5], cell: (r) => fmt(r[5]) },
    ],
    water.rows,
    { sort: [0, true], stack: true },
  ),
];
const spark = (r) =>
  s(
    "svg",
    {
      width: 120,
      height: 26,
      viewBox: "0 0 120 26",
      role: "img",
      "aria-label": r.area.map((a, i) => `${periods[i]} ${fmt(a[0] === null ? null : a[0] / 1e4)}`).join(comma()),
    },
    r.area.map((a, i) => {
      const top = Math.max(...r.area.map((v) => v[0] ?? 0), 1),
        wide = 116 / r.area.length,
        tall = a[0] === null ? 0 : (22 * a[0]) / top;
      if (a[0] === null) return s("text", { x: 2 + i * wide + wide / 2, y: 21, class: "tick middle" }, "×");
      return s("rect", {
        x: 2 + i * wide,
        y: 24 - tall,
        width: Math.max(2, wide - 2),
        height: Math.max(1, tall),
        fill: i === period() ? "#12507b" : "#7fb6d9",
      });
    }),
  );
