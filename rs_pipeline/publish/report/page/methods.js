/* View `methods`: how the numbers came to be, and what they are not. */
const drawMethods = () => {
  const { paragraphs, provenance } = part("methods"),
    caveats = kinds.filter((k) => k.caveat && k.columns);
  return [
    heading(t("Methods and caveats")),
    h(
      "div",
      { class: "columns" },
      paragraphs.map(([title, text]) => h("section", {}, h("h3", {}, t(title)), h("p", {}, t(text)))),
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
