/* The map of the counties, and the maps of the products laid over it. */
const COLOURS = ["status", "value", "doubt", "observed", "outline"];
const home = [0, 0, core.view[0], core.view[1]];
const seenBox = [...home];
let cursor = null;

const colourNow = () => {
  if (COLOURS.includes(state.colour)) return state.colour;
  if (layerNow()) return "outline";
  if (kindNow() === null) return "observed";
  return kinds[kindNow()].target_id ? "status" : "value";
};
const layerNow = () => part("layers").find((l) => l.product === state.layer && l.periods.includes(periods[period()])) || null;

/* Uncertainty: width of the interval as a share of the range of all counties. */
const doubtOf = (row) => {
  if (!row || row.lower === null || row.upper === null) return null;
  const [low, high] = rangeOf(row.kind, false);
  return Math.min(1, (row.upper - row.lower) / (high - low || 1));
};
const paint = (u, k, p, colour) => {
  if (colour === "outline") return "transparent";
  if (colour === "observed") {
    const v = observedOf(u, p);
    return v === null ? "url(#unseen)" : mix(v);
  }
  const row = k === null ? null : answer(u, k, p);
  if (!row) return "url(#unseen)";
  if (colour === "status") return statusOf(row.status).fill;
  if (colour === "doubt") {
    const v = doubtOf(row);
    return v === null ? "url(#unseen)" : mix(v);
  }
  if (row.value === null)
    return STATUS[row.status] && row.status === "insufficient_data" ? "url(#insufficient)" : "url(#unseen)";
  const [low, high] = rangeOf(k, false);
  return mix((row.value - low) / (high - low || 1));
};

/* The county whose middle is nearest in a direction; distance across the direction counts double. */
const neighbour = (u, dx, dy) => {
  const [x, y] = units[u].at;
  let best = null,
    least = Infinity;
  for (const other of polygons) {
    const along = (units[other].at[0] - x) * dx + (units[other].at[1] - y) * dy,
      aside = Math.abs((units[other].at[0] - x) * dy) + Math.abs((units[other].at[1] - y) * dx);
    if (other !== u && along > 0 && along + 2 * aside < least) {
      best = other;
      least = along + 2 * aside;
    }
  }
  return best;
};

/* A bar of a round length, at most a fifth as wide as the map. */
const scaleBar = () => {
  const bar = h("i", {}),
    words = h("span", {});
  const fit = (svg) => {
    const m_per_px = Math.max(seenBox[2] / (svg.clientWidth || 800), seenBox[3] / (svg.clientHeight || 500)) / core.units_per_m,
      most = (m_per_px * (svg.clientWidth || 800)) / 5,
      power = 10 ** Math.floor(Math.log10(most)),
      length_m = power * [5, 2, 1].find((n) => n * power <= most);
    bar.style.width = `${length_m / m_per_px}px`;
    words.textContent = length_m < 1000 ? `${length_m} m` : `${length_m / 1000} km`;
  };
  return { node: h("span", { class: "scale" }, bar, words), fit };
};

/* Patterns keep their size on the screen at any size and zoom of the map. */
const patternsFor = (svg) => {
  const scale = (0.85 * seenBox[2]) / (svg.clientWidth || 800);
  for (const [name, turn] of [
    ["undecidable", 45],
    ["insufficient", 0],
    ["unseen", 45],
    ["doubt", 45],
  ])
    $(name).setAttribute("patternTransform", `rotate(${turn}) scale(${scale})`);
};

/* Neighbours of the region: they have no values and only show where the region lies. */
const surroundings = () =>
  core.around && [
    s("path", { class: "around", d: core.around.path, "fill-rule": "evenodd", "aria-hidden": "true" }),
    core.around.names.map((one) =>
      s("text", { class: "place beyond", x: one.at[0], y: one.at[1], dy: ".35em", "data-room": one.room, "aria-hidden": "true" }, one.name),
    ),
  ];

/* Names keep their size on the screen at any size and zoom of the map; names of neighbours appear where they fit. */
const NAME_PX = 11;
const fitNames = (svg, seen) => {
  const letter = NAME_PX * Math.max(seen[2] / (svg.clientWidth || 800), seen[3] / (svg.clientHeight || 500));
  svg.style.setProperty("--letter", `${letter}px`);
  svg.querySelectorAll(".beyond").forEach((name) => name.classList.toggle("fits", Number(name.dataset.room) >= letter));
};

const drawMap = () => {
  const k = kindNow(),
    p = period(),
    colour = colourNow(),
    layer = layerNow();
  const shapes = new Map(
    polygons.map((u) => {
      const row = k === null ? null : answer(u, k, p),
        open = colour === "value" && row && row.value !== null && row.status === "undecidable";
      const path = (fill, more) =>
        s("path", {
          class: "county",
          d: units[u].path,
          fill,
          "fill-rule": "evenodd",
          "fill-opacity": layer && colour !== "outline" ? 0.55 : 1,
          ...more,
        });
      return [
        u,
        [
          path(paint(u, k, p, colour), {
            id: `county-${u}`,
            role: "option",
            "aria-label": describe(u, k, p),
            onclick: () => {
              location.hash = address("county", units[u].code);
            },
            ...tipped(() => describe(u, k, p)),
          }),
          open && path("url(#doubt)", { "pointer-events": "none", "aria-hidden": "true" }),
        ],
      ];
    }),
  );
  const reaches = state.layer === "black_odorous" && part("reaches") ? (part("reaches")[periods[p]] || { rows: [] }).rows : [];
  const ring = s("path", { class: "county cursor", d: "" });
  const svg = s(
    "svg",
    {
      class: "map",
      tabindex: 0,
      role: "listbox",
      "data-keep": "map",
      "aria-label": t("Map of the counties. Arrow keys go from county to county, Enter opens one, plus and minus zoom."),
    },
    surroundings(),
    layer &&
      s("image", {
        href: `pictures/${layer.product}_${periods[p]}.${layer.suffix}`,
        x: layer.box[0],
        y: layer.box[1],
        width: layer.box[2],
        height: layer.box[3],
        preserveAspectRatio: "none",
      }),
    [...shapes.values()],
    reaches.map((r) =>
      s("circle", {
        class: "reach",
        cx: r.at[0],
        cy: r.at[1],
        r: 9,
        fill: r.class === "suspected" ? "#d6006c" : "none",
        ...tipped(() => `${r.id}\n${plain(r.class)}${comma()}${t("probability")} ${fmt(r.p)}`),
      }),
    ),
    core.prefectures.map((one) => s("path", { class: "prefecture", d: one.path, "aria-hidden": "true" })),
    (polygons.length <= 30 ? polygons.map((u) => units[u]) : core.prefectures).map((one) =>
      s("text", { class: "place", x: one.at[0], y: one.at[1], "aria-hidden": "true" }, one.name),
    ),
    ring,
  );
  const point = (u) => {
    cursor = u;
    ring.setAttribute("d", u === null ? "" : units[u].path);
    if (u === null) return svg.removeAttribute("aria-activedescendant");
    svg.setAttribute("aria-activedescendant", `county-${u}`);
    say(describe(u, k, p));
    tip({ target: $(`county-${u}`) }, describe(u, k, p));
  };
  svg.addEventListener("keydown", (e) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[e.key];
    if (way && polygons.length) {
      e.preventDefault();
      point(cursor === null ? polygons[0] : (neighbour(cursor, ...way) ?? cursor));
    } else if (e.key === "Enter" && cursor !== null) location.hash = address("county", units[cursor].code);
  });
  svg.addEventListener("blur", () => {
    ring.setAttribute("d", "");
    $("tip").hidden = true;
  });
  const scale = scaleBar();
  const fit = () =>
    requestAnimationFrame(() => {
      patternsFor(svg);
      fitNames(svg, seenBox);
      scale.fit(svg);
    });
  return h("figure", { class: "figure" }, zoomable(svg, home, seenBox, fit), scale.node, legend(k, p, colour, layer));
};

/* Links to the map that is shown and to its colours. */
const mapFiles = (layer, p) => {
  const name = layer.files[layer.periods.indexOf(periods[p])];
  if (!name) return null;
  const style = name.replace(/tif$/, "qml");
  return h(
    "span",
    { class: "key" },
    t("for a GIS: "),
    h("a", { href: `../maps/${name}` }, name),
    " ",
    h("a", { href: `../maps/${style}` }, style),
  );
};

const legend = (k, p, colour, layer) => {
  const out = [],
    fills = new Set(polygons.map((u) => paint(u, k, p, colour)));
  const ramp = (left, right) =>
    h("span", { class: "key ramp" }, left, h("i", { style: `background:linear-gradient(90deg,${RAMP.join(",")})` }), right);
  if (colour === "status")
    out.push(
      Object.keys(STATUS)
        .filter((name) => fills.has(STATUS[name].fill))
        .map(statusKey),
    );
  if (colour === "value" && k !== null) {
    const [low, high] = rangeOf(k, false);
    out.push(ramp(fmt(low), `${fmt(high)} ${unitText(kinds[k].unit)}`));
    if (polygons.some((u) => (answer(u, k, p) || {}).status === "undecidable"))
      out.push(h("span", { class: "key" }, h("i", { class: "doubt" }), t("undecidable: the interval straddles the target")));
  }
  if (colour === "doubt") out.push(ramp(t("certain"), t("the interval is as wide as the range of all counties")));
  if (colour === "observed") out.push(ramp("0 %", t("{share} of the area observed", { share: "100 %" })));
  if (colour !== "status" && fills.has("url(#insufficient)")) out.push(statusKey("insufficient_data"));
  if (colour !== "status" && fills.has("url(#unseen)"))
    out.push(h("span", { class: "key" }, h("i", { class: "not_observable" }), t("no value")));
  if (layer)
    out.push(
      h("strong", {}, t(layer.title)),
      layer.legend.map(([c, label]) => swatch(`background:${c}`, t(label))),
      h("span", { class: "key" }, h("i", {}), t("blank: not observed")),
      mapFiles(layer, p),
    );
  return h("figcaption", { class: "legend" }, out);
};

/* A small map that shows where a county lies. */
const locator = (u, place = null) =>
  s(
    "svg",
    { class: "locator", viewBox: home.join(" "), role: "img", "aria-label": t("Where {name} lies", { name: nameOf(u) }) },
    s("path", { d: polygons.map((v) => units[v].path).join(""), class: "others" }),
    units[u].path && s("path", { d: units[u].path, class: "here" }),
    place && s("circle", { class: "spot", cx: place[0], cy: place[1], r: 45 }),
  );
