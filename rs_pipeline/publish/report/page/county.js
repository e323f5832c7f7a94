/* View `county`: everything about one county. */
const drawCounty = () => {
  const u = unitNow(),
    p = period();
  if (u === null) return [heading(t("County")), note(t("No county."))];
  const unit = units[u],
    near = polygons.indexOf(u);
  const rows = kinds.map((_, k) => answer(u, k, p)).filter(Boolean);
  const step = (label, to, keep) =>
    to !== undefined &&
    h("a", { class: "step", href: address("county", units[to].code), "data-keep": keep }, label(units[to].name));
  return [
    h(
      "div",
      { class: "countyhead" },
      h(
        "div",
        {},
        heading(nameOf(u), [unit.prefecture, unit.code].filter(Boolean).join(" · ")),
        h(
          "p",
          { class: "seen" },
          [
            periods[p],
            observedOf(u, p) !== null && t("{share} of the area observed", { share: percent(observedOf(u, p)) }),
            scenesOf(u, p) !== null && t("{n} scenes", { n: fmt(scenesOf(u, p)) }),
            clearOf(u, p) !== null &&
              unit.path !== undefined &&
              t("{n} clear dates on average", { n: fmt(clearOf(u, p)) }),
          ]
            .filter(Boolean)
            .join(" · "),
        ),
        h(
          "div",
          { class: "controls" },
          periodControl(),
          select(
            t("County"),
            unit.code,
            countyOptions(),
            (v) => {
              location.hash = address("county", v);
            },
            "county",
          ),
          near >= 0 &&
            h(
              "span",
              { class: "steps" },
              step((n) => `‹ ${n}`, polygons[near - 1], "previous"),
              step((n) => `${n} ›`, polygons[near + 1], "next"),
            ),
          printButton(),
        ),
        kinds.length > 0 &&
          h(
            "p",
            { class: "legend" },
            Object.keys(STATUS)
              .map((name) => [name, rows.filter((r) => r.status === name).length])
              .filter(([, n]) => n)
              .map(([name, n]) => h("span", {}, badge(name), ` ${n}`)),
          ),
      ),
      locator(u),
    ),
    kinds.length === 0 && note(t("indicators.csv is not made yet: run the step `indicators`.")),
    targetCards(u, p),
    findingsOf(u),
    contactSheet(u),
    measured(u, p),
    inspectionOf(u),
    rowsTable(u, rows, p),
  ];
};

const countyOptions = () => {
  const group = (u) => units[u].prefecture || "";
  const names = [...new Set(polygons.map(group))].sort((a, b) => a.localeCompare(b, language));
  return [
    ...regions.map((u) => [units[u].code, nameOf(u)]),
    ...names.map((name) => ({
      group: name || t("Counties"),
      options: polygons.filter((u) => group(u) === name).map((u) => [units[u].code, nameOf(u)]),
    })),
  ];
};
const pointsOf = (u, k) =>
  periods.map((label, p) => ({ value: null, lower: null, upper: null, ...(answer(u, k, p) || {}), label }));
const hasSeries = (u, k) => pointsOf(u, k).some((x) => x.value !== null || x.lower !== null);

/* Targets with a number of this county: value, status, series. */
const targetCards = (u, p) => {
  const place = (k) => {
    const at = SEVERITY.indexOf(answer(u, k, p).status);
    return at < 0 ? SEVERITY.length : at;
  };
  const shown = graded.filter((k) => answer(u, k, p) && hasSeries(u, k)).sort((a, b) => place(a) - place(b) || a - b);
  return (
    shown.length > 0 &&
    h(
      "section",
      {},
      h("h3", {}, t("Targets")),
      h(
        "div",
        { class: "charts" },
        shown.map((k) => {
          const row = answer(u, k, p),
            kind = kinds[k];
          return h(
            "article",
            { class: "chart" },
            h("h4", {}, titleOf(k)),
            h(
              "p",
              { class: "figure-line" },
              h("b", {}, figure(row)),
              " ",
              unitText(kind.unit),
              " ",
              bounds(row) && small(bounds(row)),
              " ",
              badge(row.status),
            ),
            series(pointsOf(u, k), kind.target_value, { label: titleOf(k) }),
            h("p", { class: "goal" }, targetText(kind), small(` ${kind.target_id}`)),
            h("p", { class: "why" }, why(row)),
            row.note && h("p", { class: "reason" }, t(row.note)),
          );
        }),
      ),
    )
  );
};
const measured = (u, p) => {
  const shown = valued
    .filter((k) => !kinds[k].target_id && hasSeries(u, k))
    .map((k) => answer(u, k, p))
    .filter(Boolean);
  const columns = [
    { title: t("Indicator"), wide: true, value: (r) => titleOf(r.kind), cell: (r) => titleOf(r.kind) },
    { title: t("Value"), number: true, cell: (r) => [h("strong", {}, figure(r)), small(` ${unitText(kinds[r.kind].unit)}`)] },
    { title: t("Interval"), cell: (r) => small(bounds(r) ?? "") },
    { title: t("Over the periods"), cell: (r) => sparkline(pointsOf(u, r.kind), null, titleOf(r.kind)) },
  ];
  return (
    shown.length > 0 &&
    folded(t("Measured, without a target"), () => table("measured", columns, shown, { stack: true, whole: true }))
  );
};

/* Pictures of the county: a row a layer, a column a period. */
const contactSheet = (u) => {
  const layers = part("layers"),
    unit = units[u];
  if (unit.path === undefined || !layers.length) return null;
  return folded(
    t("What the satellites saw"),
    () => [
      h(
        "p",
        { class: "hint" },
        t(
          "True colour is a median of the clearest dates, with the same brightness in all years; the other rows are the maps. White and blank: not observed.",
        ),
      ),
      h(
        "div",
        { class: "sheet", style: `--strip: ${periods.length * 156}px` },
        layers.map((l) =>
          h(
            "figure",
            { class: "strip" },
            h(
              "figcaption",
              {},
              h("strong", {}, t(l.title)),
              h(
                "span",
                { class: "legend" },
                l.legend.map(([c, label]) => swatch(`background:${c}`, t(label))),
              ),
            ),
            h(
              "div",
              { class: "scroll", tabindex: 0, role: "group", "aria-label": t(l.title) },
              l.periods.map((label) =>
                h(
                  "figure",
                  {},
                  picture(
                    `${unit.folder}/${l.product}_${label}.${l.suffix}`,
                    `${t(l.title)}${comma()}${nameOf(u)}${comma()}${label}`,
                    { style: `aspect-ratio:${unit.box[2]}/${unit.box[3]}` },
                  ),
                  h("figcaption", {}, label),
                ),
              ),
            ),
          ),
        ),
      ),
    ],
  );
};
const inspectionOf = (u) => {
  const listed = part("reaches") && (part("reaches")[periods[period()]] || { rows: [] }).rows.filter((r) => r.unit === u);
  return (
    listed &&
    listed.length > 0 &&
    h(
      "p",
      {},
      h(
        "a",
        { href: address("inspection", units[u].code) },
        t("{n} reaches of this county are on the inspection list", { n: listed.length }),
      ),
    )
  );
};

/* All rows of the county and period. */
const rowsTable = (u, rows, p) => {
  if (!rows.length) return null;
  let wanted = "",
    group = "";
  const names = Object.keys(STATUS).filter((name) => rows.some((r) => r.status === name));
  const columns = [
    {
      title: t("Indicator"),
      wide: true,
      value: (r) => titleOf(r.kind),
      cell: (r) => [
        mapped.includes(r.kind)
          ? h("a", { href: address("map", "", { indicator: kinds[r.kind].key, colour: "", layer: "" }) }, titleOf(r.kind))
          : titleOf(r.kind),
        small(
          [
            kinds[r.kind].title === kinds[r.kind].description ? "" : t(kinds[r.kind].description),
            kinds[r.kind].clause && t("clause {n}", { n: kinds[r.kind].clause }),
            kinds[r.kind].target_id,
          ]
            .filter(Boolean)
            .join(" · "),
        ),
      ],
    },
    {
      title: t("Value"),
      number: true,
      value: (r) => r.value,
      cell: (r) => (r.value === null ? "–" : [figure(r), small(unitText(kinds[r.kind].unit))]),
    },
    {
      title: t("Interval"),
      cell: (r) => [
        mapped.includes(r.kind) && whisker(r),
        bounds(r) && small(bounds(r), kinds[r.kind].interval ? ` ${kinds[r.kind].interval}` : ""),
      ],
    },
    { title: t("Status"), value: (r) => Object.keys(STATUS).indexOf(r.status), cell: (r) => badge(r.status) },
    { title: t("Target"), value: (r) => kinds[r.kind].target_id, cell: (r) => targetText(kinds[r.kind]) || "–" },
    {
      title: t("Observed"),
      number: true,
      value: (r) => r.observed_fraction,
      cell: (r) => figure(r, "observed_fraction", percent),
    },
    { title: t("Reason or note"), wide: true, cell: (r) => t(r.reason) },
  ];
  const list = () => {
    const kept = rows.filter(
      (r) =>
        (!group || r.status === group) &&
        [titleOf(r.kind), kinds[r.kind].indicator, t(kinds[r.kind].description), kinds[r.kind].target_id, t(r.reason)]
          .join(" ")
          .toLowerCase()
          .includes(wanted.toLowerCase()),
    );
    return kept.length
      ? table("rows", columns, kept, { stack: true, sort: [3, false] })
      : note(t("No row passes the filters."));
  };
  const body = h("div"),
    again = () => body.replaceChildren(list());
  const draw = () => {
    again();
    const search = searchBox(t("text or target"), (v) => {
      wanted = v;
      again();
    });
    const status = statusSelect(names, (v) => {
      group = v;
      again();
    });
    return [h("div", { class: "controls" }, search, status), body];
  };
  return folded(t("All {n} rows, {period}", { n: rows.length, period: periods[p] }), draw, false);
};
