/* Charts in SVG. Intervals are always drawn with their values; a missing value is a cross, never a zero. */
const INK = "#12507b",
  GOAL = "#a63d12",
  GRID = "#e3e6e3",
  FAINT = "#6a7679";

const ticks = (low, high, most = 4.5) => {
  const step = 10 ** Math.floor(Math.log10((high - low) / 2 || 1));
  const nice = [1, 2, 5, 10].map((m) => m * step).find((m) => (high - low) / m <= most);
  const out = [];
  for (let v = Math.ceil(low / nice) * nice; v <= high + nice * 1e-6; v += nice) out.push(Math.abs(v) < nice / 1e6 ? 0 : v);
  return out;
};
const axis = (low, high, y, width, left) =>
  ticks(low, high).map((v) => [
    s("line", { x1: left, x2: width, y1: y(v), y2: y(v), stroke: GRID }),
    s("text", { x: left - 5, y: y(v) + 3.5, class: "tick end" }, fmt(v)),
  ]);

/* Value, interval and target on the scale of all counties. */
const whisker = (row) => {
  if (row.value === null && row.lower === null) return null;
  const [low, high] = rangeOf(row.kind, units[row.unit].path === undefined);
  const x = (v) => 4 + 112 * Math.min(1, Math.max(0, (v - low) / (high - low || 1)));
  const target = kinds[row.kind].target_value;
  return s(
    "svg",
    {
      class: "whisker",
      width: 120,
      height: 18,
      viewBox: "0 0 120 18",
      role: "img",
      "aria-label": `${fmt(row.value)}${comma()}${span(row.lower, row.upper)}`,
    },
    s("line", { x1: 4, x2: 116, y1: 9, y2: 9, stroke: GRID }),
    target !== null &&
      target > low &&
      target < high &&
      s("line", { x1: x(target), x2: x(target), y1: 1, y2: 17, stroke: GOAL, "stroke-width": 2, "stroke-dasharray": "3 2" }),
    (row.lower !== null || row.upper !== null) &&
      s("line", {
        x1: x(row.lower ?? low),
        x2: x(row.upper ?? high),
        y1: 9,
        y2: 9,
        stroke: INK,
        "stroke-width": 4,
        opacity: 0.35,
      }),
    row.value !== null && s("circle", { cx: x(row.value), cy: 9, r: 3.6, fill: INK, stroke: "#fff" }),
  );
};

/* The intervals of a series are one path, because a province with ten years has hundreds. An open end extends to the end of the axis. */
const intervals = (points, x, y, low, high, thickness) => {
  const known = points.map((p, i) => [p, i]).filter(([p]) => p.lower !== null || p.upper !== null);
  const d = known.map(([p, i]) => `M${x(i).toFixed(1)} ${y(p.lower ?? low).toFixed(1)}V${y(p.upper ?? high).toFixed(1)}`);
  return known.length > 0 && s("path", { class: "intervals", d: d.join(""), stroke: INK, "stroke-width": thickness, opacity: 0.25 });
};

/* Values over the periods with intervals and the target. `points`: label, value, lower, upper. */
const series = (points, target, { width = 300, height = 128, label = "" } = {}) => {
  const seen = points.flatMap((p) => [p.value, p.lower, p.upper]).filter((v) => v !== null && v !== undefined);
  const [low, high] = spread(seen, target),
    goal = target !== null && target !== undefined && target >= low && target <= high;
  const left = 40,
    y = (v) => 8 + (height - 30) * (1 - (v - low) / (high - low || 1));
  const x = (i) => left + 14 + (width - left - 30) * (points.length < 2 ? 0.5 : i / (points.length - 1));
  const runs = [[]];
  points.forEach((p, i) =>
    p.value === null ? runs.push([]) : runs[runs.length - 1].push(`${x(i).toFixed(1)},${y(p.value).toFixed(1)}`),
  );
  const every = Math.ceil(points.length / 6);
  return s(
    "svg",
    {
      class: "series",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${label}: ${points.map((p) => `${p.label} ${fmt(p.value)}`).join(comma())}`,
    },
    axis(low, high, y, width - 4, left),
    goal &&
      s("line", {
        x1: left,
        x2: width - 4,
        y1: y(target),
        y2: y(target),
        stroke: GOAL,
        "stroke-dasharray": "5 3",
        "stroke-width": 1.5,
      }),
    runs
      .filter((r) => r.length > 1)
      .map((r) => s("polyline", { points: r.join(" "), fill: "none", stroke: INK, "stroke-width": 1.4, opacity: 0.55 })),
    intervals(points, x, y, low, high, 5),
    points.map((p, i) => [
      p.value !== null &&
        s("circle", {
          cx: x(i),
          cy: y(p.value),
          r: 3.2,
          fill: INK,
          ...tipped(() => `${p.label}: ${fmt(p.value)} ${p.lower === null ? "" : `(${span(p.lower, p.upper)})`}`),
        }),
      p.value === null &&
        p.lower === null &&
        p.upper === null &&
        s("text", { x: x(i), y: height - 22, class: "tick middle" }, "×"),
      i % every === 0 && s("text", { x: x(i), y: height - 6, class: "tick middle" }, p.label),
    ]),
  );
};

/* A small line chart of values with their intervals, for use in text and tables. */
const sparkline = (points, target, label) => {
  const seen = points.flatMap((p) => [p.value, p.lower, p.upper]).filter((v) => v !== null);
  if (!seen.length) return null;
  const [low, high] = spread(seen, target),
    y = (v) => 2 + 24 * (1 - (v - low) / (high - low || 1)),
    x = (i) => 4 + 92 * (points.length < 2 ? 0.5 : i / (points.length - 1));
  const known = points.map((p, i) => [p, i]).filter(([p]) => p.value !== null);
  return s(
    "svg",
    {
      class: "spark",
      width: 100,
      height: 28,
      viewBox: "0 0 100 28",
      role: "img",
      "aria-label": `${label}: ${points.map((p) => `${p.label} ${fmt(p.value)}`).join(comma())}`,
    },
    target !== null &&
      target >= low &&
      target <= high &&
      s("line", { x1: 0, x2: 100, y1: y(target), y2: y(target), stroke: GOAL, "stroke-dasharray": "3 2" }),
    intervals(points, x, y, low, high, 3),
    s("polyline", { points: known.map(([p, i]) => `${x(i).toFixed(1)},${y(p.value).toFixed(1)}`).join(" "), fill: "none", stroke: INK, "stroke-width": 1.4 }),
    known.slice(-1).map(([p, i]) => s("circle", { cx: x(i), cy: y(p.value), r: 2.6, fill: INK })),
  );
};

/* All counties in order of their value: dot, interval, status; a click leads to the county. */
const ranking = (k, p) => {
  const rows = polygons
    .map((u) => [u, answer(u, k, p)])
    .filter(([, r]) => r && r.value !== null)
    .sort((a, b) => a[1].value - b[1].value);
  if (rows.length < 4) return null;
  const width = 1180,
    height = 210,
    left = 52,
    { target_value: target } = kinds[k];
  const [low, high] = spread(
    rows.flatMap(([, r]) => [r.value, r.lower, r.upper]).filter((v) => v !== null),
    target,
  );
  const y = (v) => 10 + (height - 30) * (1 - (v - low) / (high - low || 1)),
    x = (i) => left + 10 + ((width - left - 20) * (i + 0.5)) / rows.length;
  const goal = target !== null && target >= low && target <= high,
    wide = Math.max(1.5, Math.min(6, 500 / rows.length));
  return scrolled(
    s(
      "svg",
      {
        class: "ranking",
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": t("{title}: the counties in order of their value, with intervals", { title: titleOf(k) }),
      },
      axis(low, high, y, width, left),
      goal &&
        s("line", {
          x1: left,
          x2: width,
          y1: y(target),
          y2: y(target),
          stroke: GOAL,
          "stroke-dasharray": "6 4",
          "stroke-width": 1.6,
        }),
      rows.map(([u, r], i) =>
        s(
          "g",
          {
            class: "mark",
            onclick: () => {
              location.hash = address("county", units[u].code);
            },
            ...tipped(() => describe(u, k, p)),
          },
          s("rect", { x: x(i) - wide / 2, width: wide, y: 0, height, fill: "transparent" }),
          (r.lower !== null || r.upper !== null) &&
            s("line", {
              x1: x(i),
              x2: x(i),
              y1: y(r.lower ?? low),
              y2: y(r.upper ?? high),
              stroke: "#8aa0ac",
              "stroke-width": wide,
              opacity: 0.5,
            }),
          s("circle", {
            cx: x(i),
            cy: y(r.value),
            r: Math.max(2.6, wide * 0.7),
            fill: statusOf(r.status).fill,
            stroke: "#1c2b33",
            "stroke-width": 0.6,
          }),
        ),
      ),
      s(
        "text",
        { x: width / 2, y: height - 4, class: "tick middle" },
        t("counties in order of their value; bars are the intervals"),
      ),
    ),
  );
};

const describe = (u, k, p) => {
  const row = k === null ? null : answer(u, k, p),
    lines = [`${nameOf(u)}${units[u].prefecture ? ` · ${units[u].prefecture}` : ""}`];
  if (row) {
    lines.push(
      row.value === null
        ? titleOf(k)
        : `${titleOf(k)}: ${fmt(row.value)} ${unitText(kinds[k].unit)}${row.lower === null ? "" : ` (${span(row.lower, row.upper)})`}`,
    );
    lines.push(`${statusOf(row.status).sign} ${t(statusOf(row.status).label)}${row.reason ? `: ${t(row.reason)}` : ""}`);
  }
  const share = observedOf(u, p);
  if (share !== null) lines.push(t("{share} of the area observed", { share: percent(share) }));
  return lines.join("\n");
};

/* Scenes by month and sensor. */
const calendar = (cells) => {
  if (!cells.length) return note(t("No scene was used."));
  const sensors = [...new Set(cells.map((c) => c[1]))],
    years = [...new Set(cells.map((c) => c[0].slice(0, 4)))].sort(),
    top = Math.max(...cells.map((c) => c[2]));
  const left = 40,
    wide = 36,
    tall = 14,
    block = tall * sensors.length + 6;
  const place = (r, m, k) => ({ x: left + m * wide + 1, y: 16 + r * block + k * tall, width: wide - 2, height: tall - 1 });
  return h(
    "div",
    {},
    scrolled(
      s(
        "svg",
        {
          class: "calendar",
          viewBox: `0 0 ${left + 12 * wide + 4} ${18 + years.length * block}`,
          role: "img",
          "aria-label": t("Scenes used by month and sensor"),
        },
        Array.from({ length: 12 }, (_, m) =>
          s("text", { x: left + m * wide + wide / 2, y: 11, class: "tick middle" }, String(m + 1)),
        ),
        years.map((year, r) => [
          s("text", { x: 2, y: 18 + r * block + block / 2, class: "tick" }, year),
          sensors.flatMap((_, k) => Array.from({ length: 12 }, (__, m) => s("rect", { ...place(r, m, k), fill: "#eef1f0" }))),
        ]),
        cells.map(([month, sensor, n]) => {
          const r = years.indexOf(month.slice(0, 4)),
            m = Number(month.slice(5)) - 1,
            k = sensors.indexOf(sensor),
            share = 0.3 + (0.7 * n) / top,
            box = place(r, m, k);
          return [
            s(
              "rect",
              { ...box, fill: SERIES[k % SERIES.length], "fill-opacity": share },
              s("title", {}, `${month} ${sensor}: ${n}`),
            ),
            s(
              "text",
              { x: box.x + wide / 2, y: box.y + 10.5, class: "tick middle", style: `fill:${share > 0.6 ? "#fff" : "#1c2b33"}` },
              String(n),
            ),
          ];
        }),
      ),
    ),
    h(
      "p",
      { class: "legend" },
      sensors.map((name, k) => swatch(`background:${SERIES[k % SERIES.length]}`, name)),
    ),
  );
};
