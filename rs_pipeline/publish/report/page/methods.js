/* View `methods`: how the numbers are made, how accurate they are, and their caveats. */
const drawMethods = () => {
  const { paragraphs, accuracy, provenance } = part("methods"),
    caveats = kinds.filter((k) => k.caveat && k.columns);
  return [
    heading(t("Methods and caveats")),
    h(
      "div",
      { class: "columns" },
      paragraphs.map(([title, text]) => h("section", {}, h("h3", {}, t(title)), h("p", {}, t(text)))),
    ),
    h("h3", {}, t("How right the numbers are")),
    h(
      "p",
      { class: "hint" },
      t(
        "Real data show single steps on real scenes, from places other than here. Simulated worlds show the whole chain against a known truth, as far as their models hold; nobody looked at the held-out ones while tuning. No value of a county was checked against a survey. Best other is the method that does best in that line alone, on the same pixels.",
      ),
    ),
    h(
      "div",
      { class: "two accuracy" },
      accuracy.map((one) => folded(t(one.topic), () => [accuracyTable(one), ...standardsOf(one)])),
    ),
    caveats.length > 0 && [
      h("h3", {}, t("Caveats of the graded targets")),
      plainTable(
        "caveats",
        [t("Target"), t("Indicator"), t("Caveat")],
        caveats.map((k) => [k.target_id, t(k.title), t(k.caveat)]),
      ),
    ],
    h("h3", {}, t("Provenance")),
    h(
      "dl",
      {},
      provenance.map(([name, value]) => [h("dt", {}, t(name)), h("dd", {}, t(value))]),
    ),
    h(
      "p",
      { class: "hint" },
      t(
        "Every row of indicators.csv has its scenes, baselines and files in evidence.parquet. The maps beside this page carry their own tags and QGIS styles; data_dictionary.csv says what every column means.",
      ),
    ),
  ];
};

/* Lines of a topic: [kind, label, ours, ours on the other worlds, name of the best other method, its value]. */
const accuracyTable = ({ topic, lines }) => {
  if (!lines.length)
    return note(
      t(
        "No figure of the table stands behind this yet: its numbers can tell where to look, and a verdict wants a visit, samples or an official figure beside it.",
      ),
    );
  const columns = [
    {
      title: t("Measured quantity"),
      wide: true,
      cell: ([kind, label]) => [t(label).replaceAll("`", ""), small(kind === "real" ? h("strong", {}, t(kind)) : t(kind))],
    },
    {
      title: t("Ours"),
      number: true,
      cell: ([, , ours, elsewhere]) => [fmt(ours), elsewhere !== null && small(t("{value} on other worlds", { value: fmt(elsewhere) }))],
    },
    { title: t("Best other"), number: true, cell: ([, , , , peer, value]) => value !== null && [fmt(value), small(t(peer))] },
  ];
  return table(`accuracy ${topic}`, columns, lines, { stack: true, whole: true });
};

/* Numbers of the standards of a topic's indicators; the sentences on what differs from them are in a closed section. */
const standardsOf = ({ standards, asked }) => {
  if (!asked.length) return [];
  const numbers = standards.map((number) => t(number)).join(comma());
  return [
    h("p", { class: "hint" }, t("Standards: {numbers}", { numbers })),
    h("details", {}, h("summary", {}, t("What they ask, and what ours does differently")), asked.map((sentence) => h("p", { class: "hint" }, t(sentence)))),
  ];
};
