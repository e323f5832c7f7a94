/* View `map`: one indicator over all counties. */
const kindOptions = () => {
  const option = (k) => [kinds[k].key, kinds[k].target_id ? `${kinds[k].target_id} · ${titleOf(k)}` : titleOf(k)];
  const groups = [
    [t("Against a target"), mapped.filter((k) => kinds[k].target_id && valued.includes(k))],
    [t("Measured, without a target"), mapped.filter((k) => !kinds[k].target_id && valued.includes(k))],
    [t("Without a value in this run"), mapped.filter((k) => !valued.includes(k))],
  ];
  return groups.filter(([, ks]) => ks.length).map(([group, ks]) => ({ group, options: ks.map(option) }));
};
const figuresOf = (k, p) => {
  const counts = tally(k, p),
    n = (name) => counts[name] || 0;
  return {
    counts,
    good: n("met") + n("on_track"),
    bad: n("slipping") + n("off_track") + n("not_met"),
    open: n("undecidable"),
    lost: n("insufficient_data"),
  };
};

const drawOverview = () => {
  const k = kindNow(),
    p = period(),
    has = kinds.length > 0;
  const layers = [
    ["", t("none")],
    ...part("layers").map((l) => [
      l.product,
      t(l.title) + (l.periods.includes(periods[p]) ? "" : ` (${l.periods.join(comma())})`),
    ]),
  ];
  const colours = [
    ...(k === null
      ? []
      : [
          ["status", t("Status")],
          ["value", t("Value")],
          ["doubt", t("Uncertainty")],
        ]),
    ["observed", t("Observed")],
    ["outline", t("Outlines")],
  ];
  return [
    heading(k === null ? t("Counties") : titleOf(k), k !== null && targetLine(k)),
    h(
      "div",
      { class: "controls" },
      k !== null &&
        select(t("Indicator"), kinds[k].key, kindOptions(), (v) => change({ indicator: v, colour: "" }), "indicator"),
      periodControl(),
      choice(t("Colour"), colourNow(), colours, (v) => change({ colour: v })),
      part("layers").length > 0 &&
        select(t("Map over the counties"), state.layer, layers, (v) => change({ layer: v, colour: "" }), "layer"),
    ),
    h(
      "div",
      { class: "split" },
      drawMap(),
      h(
        "div",
        { class: "aside" },
        has
          ? [k !== null && verdict(k, p), scoreboard(p)]
          : note(t("indicators.csv is not made yet: run the step `indicators`.")),
        keyFigures(),
      ),
    ),
    k !== null && valued.includes(k) && ranking(k, p),
    k !== null && countyTable(k, p),
  ];
};

const heading = (title, ...lead) =>
  h(
    "header",
    { class: "heading" },
    h("h2", { tabindex: -1 }, title),
    lead.filter(Boolean).length > 0 && h("p", { class: "lead" }, lead),
  );
const targetLine = (k) => {
  const kind = kinds[k];
  if (!kind.target_id) return t("Measured; the document sets no target for it.");
  return [
    h("strong", {}, targetText(kind)),
    " — ",
    kind.title === kind.description ? "" : t(kind.description),
    small(
      ` ${t("clause {n}", { n: kind.clause })} · ${kind.target_id}${kind.observability === "proxy" ? ` · ${t("proxy")}` : ""}`,
    ),
  ];
};

/* Verdicts of the counties on one target, in words and as a bar. */
const verdict = (k, p) => {
  const { counts, good, bad, open, lost } = figuresOf(k, p),
    row = whole === null ? null : answer(whole, k, p);
  return h(
    "section",
    { class: "verdict" },
    h("h3", {}, t("In {period}", { period: periods[p] })),
    bar(counts, titleOf(k)),
    kinds[k].target_id &&
      h(
        "p",
        {},
        t("Counties: {good} met or on track, {bad} not; {open} undecidable, {lost} with too little data.", {
          good,
          bad,
          open,
          lost,
        }),
      ),
    row &&
      row.value !== null &&
      h(
        "p",
        {},
        `${nameOf(whole)}: `,
        h("strong", {}, figure(row), ` ${unitText(kinds[k].unit)}`),
        " ",
        bounds(row) && small("(", bounds(row), ")"),
        " ",
        badge(row.status),
      ),
    kinds[k].caveat && h("p", { class: "caveat" }, h("strong", {}, t("Caveat")), " ", t(kinds[k].caveat)),
    kinds[k].standard && h("p", { class: "caveat" }, h("strong", {}, t("Standard")), " ", t(kinds[k].standard)),
  );
};

/* All graded targets with their bars; choosing one colours the map. */
const scoreboard = (p) => {
  const shown = graded.filter((k) => valued.includes(k) || Object.keys(tally(k, p)).length > 1);
  if (!shown.length) return null;
  return h(
    "section",
    {},
    h("h3", {}, t("Targets that can be graded")),
    arrows(
      h(
        "ul",
        { class: "scoreboard" },
        shown.map((k) =>
          h(
            "li",
            {},
            h(
              "button",
              {
                type: "button",
                "aria-pressed": String(k === kindNow()),
                "data-keep": `score ${kinds[k].key}`,
                onclick: () => change({ indicator: kinds[k].key, colour: "", layer: "" }),
              },
              h("span", {}, small(kinds[k].target_id), " ", titleOf(k)),
              bar(tally(k, p), titleOf(k)),
            ),
          ),
        ),
      ),
      "button",
    ),
    h(
      "p",
      { class: "legend" },
      Object.keys(STATUS)
        .filter((name) => shown.some((k) => tally(k, p)[name]))
        .map(statusKey),
    ),
  );
};

/* What was measured of the whole region, without a target. */
const keyFigures = () => {
  const scenes = part("quality").scenes,
    p = period(),
    cards = [];
  const card = (value, label, ...more) => cards.push(h("div", { class: "card" }, h("b", {}, value), h("span", {}, label), small(more)));
  if (scenes)
    card(
      t("{used} of {found}", { used: fmt(scenes.by_status.used), found: fmt(scenes.found) }),
      t("scenes used"),
      t("{failed} failed, each with its reason", { failed: fmt(scenes.by_status.failed) }),
    );
  const measure = (indicator, label) => {
    const row = rowOf(indicator, whole, p);
    if (!row || row.value === null) return;
    const unit = unitText(kinds[row.kind].unit);
    card([figure(row), ` ${unit}`], label, bounds(row) ? [bounds(row), ` ${unit}${comma()}`] : "", periods[p]);
  };
  const water = rowOf("water_permanent_area", whole, p);
  if (water && water.observed_fraction !== null)
    card(figure(water, "observed_fraction", percent), t("of the area observed"), t("water, {period}", { period: periods[p] }));
  measure("fvc_peak_mean", t("vegetation cover at the peak"));
  measure("water_permanent_area", t("permanent inland water"));
  measure("sea_area", t("sea within the polygons"));
  return cards.length > 0 && h("div", { class: "cards" }, cards);
};

const countyTable = (k, p) => {
  const rows = [...regions, ...polygons].map((u) => ({ u, r: answer(u, k, p) })).filter((x) => x.r);
  const names = Object.keys(STATUS).filter((name) => rows.some((x) => x.r.status === name));
  let wanted = "",
    status = "";
  const columns = [
    { title: t("County"), value: (x) => nameOf(x.u), cell: (x) => countyPath(x.u) },
    { title: t("Prefecture"), value: (x) => units[x.u].prefecture, cell: (x) => units[x.u].prefecture },
    { title: `${t("Value")} ${unitText(kinds[k].unit)}`, number: true, value: (x) => x.r.value, cell: (x) => figure(x.r) },
    { title: t("Interval"), cell: (x) => [whisker(x.r), small(bounds(x.r) ?? "")] },
    { title: t("Status"), value: (x) => Object.keys(STATUS).indexOf(x.r.status), cell: (x) => badge(x.r.status) },
    {
      title: t("Observed"),
      number: true,
      value: (x) => x.r.observed_fraction,
      cell: (x) => figure(x.r, "observed_fraction", percent),
    },
    { title: t("Scenes"), number: true, value: (x) => scenesOf(x.u, p), cell: (x) => fmt(scenesOf(x.u, p)) },
    { title: t("Reason or note"), wide: true, cell: (x) => t(x.r.reason) },
  ];
  const list = () => {
    const kept = rows.filter(
      (x) =>
        (!status || x.r.status === status) &&
        `${nameOf(x.u)} ${units[x.u].prefecture} ${units[x.u].code}`.toLowerCase().includes(wanted.toLowerCase()),
    );
    return kept.length
      ? table(`counties ${kinds[k].key}`, columns, kept, { stack: true, sort: [2, true] })
      : note(t("No row passes the filters."));
  };
  const body = h("div", {}, list()),
    again = () => body.replaceChildren(list());
  return h(
    "section",
    { id: "all-counties" },
    h("h3", {}, t("All counties")),
    h("p", { class: "hint" }, t("Intervals that overlap are no ranking.")),
    h(
      "div",
      { class: "controls" },
      searchBox(
        t("name, prefecture or code"),
        (v) => {
          wanted = v;
          again();
        },
        "search",
      ),
      statusSelect(names, (v) => {
        status = v;
        again();
      }),
    ),
    body,
  );
};
