"use strict";
/* Draws the page from the JSON beside it. Texts enter only as text nodes and attributes, never as markup. */
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const I = D.indicators, units = D.units, last = D.periods.length - 1;
  const polygons = units.map((u, i) => i).filter((i) => units[i].path !== undefined);
  const extra = units.map((u, i) => i).filter((i) => units[i].path === undefined && I && I.rows[i]);
  const STATUS = {
    met: ["met", "✓", "#1b7f5c", "#fff"], on_track: ["on track", "↗", "#8ccbb0", "#10312a"], off_track: ["off track", "↘", "#e69f00", "#2b1e00"],
    not_met: ["not met", "✕", "#a8321f", "#fff"], undecidable: ["undecidable", "≈", "#8d6cab", "#fff"], insufficient_data: ["too little data", "…", "#9aa5ab", "#1d2a33"],
    needs_table: ["needs a table", "▤", "#d8cfb6", "#3b341f"], not_observable: ["not observable", "⊘", "#e4e7e8", "#45525a"], no_target: ["no target", "–", "#6f9db3", "#08222e"],
  };
  const QUIET = new Set(["needs_table", "not_observable"]);
  const RAMP = ["#f4f1d8", "#c5dfb4", "#7cc3a8", "#3c98a5", "#1f6391", "#1d2f6f"];
  const TREND = { eroding: "#c2410c", stable: "#6b7b83", accreting: "#0f766e", reclaimed: "#7c3aed", undecidable: "#b6a26a", insufficient_data: "#c9d0d3" };
  const SENSORS = ["#0b5c6b", "#e69f00", "#7a1f5c", "#56b4e9", "#6b8e23", "#555"];

  const $ = (id) => document.getElementById(id);
  const make = (space) => (tag, attributes, ...children) => {
    const node = space ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(4).filter((c) => c !== null && c !== undefined && c !== false));
    return node;
  };
  const h = make(false), s = make(true);
  const fill = (id, ...nodes) => $(id).replaceChildren(...nodes.flat(4).filter(Boolean));
  const missing = (words) => h("p", { class: "missing" }, words);
  const fmt = (v) => {
    if (v === null || v === undefined) return "–";
    const a = Math.abs(v);
    if (a >= 1000) return v.toLocaleString("en", { maximumFractionDigits: 0 });
    return String(Number(v.toPrecision(a >= 100 ? 4 : 3)));
  };
  const percent = (v) => (v === null || v === undefined ? "–" : (100 * v).toFixed(v > 0.995 && v < 1 ? 1 : 0) + " %");
  const nameOf = (i) => (units[i] ? units[i].name : "");
  const unitText = (u) => (u && u !== "1" ? u : "");
  const words = (name) => String(name).replaceAll("_", " ");

  /* ---- indicators: a row as an object, found by unit, kind and period ---- */
  const index = new Map();
  const open = (r) => ({ kind: r[0], period: r[1], status: I.statuses[r[2]], reason: I.reasons[r[3]], observed: r[4] ?? null, scenes: r[5] ?? null, value: r[6] ?? null, lower: r[7] ?? null, upper: r[8] ?? null });
  const everywhere = new Map();
  if (I) {
    for (const [unit, list] of Object.entries(I.rows)) for (const r of list) index.set(`${unit}|${r[0]}|${r[1]}`, open(r));
    for (const [kind, status, reason] of I.everywhere) everywhere.set(kind, { kind, status: I.statuses[status], reason: I.reasons[reason], value: null, lower: null, upper: null, observed: null });
  }
  const find = (unit, kind, period) => index.get(`${unit}|${kind}|${period}`) || everywhere.get(kind) || null;
  const valued = I ? [...new Set([...index.values()].filter((r) => r.value !== null || r.lower !== null).map((r) => r.kind))].sort((a, b) => a - b) : [];
  const mapped = I ? I.kinds.map((_, k) => k).filter((k) => !everywhere.has(k) && polygons.some((u) => D.periods.some((_, p) => index.has(`${u}|${k}|${p}`)))) : [];
  const extents = new Map();
  /* Range of an indicator over the counties, or over the region's own rows; a target far outside (a provincial total) is left out. */
  const extent = (kind, whole) => {
    const key = `${kind}|${whole}`;
    if (!extents.has(key)) {
      const group = whole ? extra : polygons;
      const seen = group.flatMap((u) => D.periods.map((_, p) => index.get(`${u}|${kind}|${p}`))).filter((r) => r && r.value !== null).flatMap((r) => [r.value, r.lower, r.upper]).filter((v) => v !== null);
      extents.set(key, spread(seen, I.kinds[kind].target_value));
    }
    return extents.get(key);
  };
  const spread = (seen, target) => {
    if (!seen.length) return [0, 1];
    let low = Math.min(...seen), high = Math.max(...seen);
    const near = Math.max(high - low, Math.abs(high), Math.abs(low)) * 2;
    if (target !== null && target !== undefined && target >= low - near && target <= high + near) { low = Math.min(low, target); high = Math.max(high, target); }
    const pad = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - pad, high + pad];
  };
  const targetText = (k) => {
    if (!k.target_operator) return "";
    const amount = k.target_value === null || /^[a-z]/.test(k.target_operator) && k.target_value === 0 ? "" : " " + fmt(k.target_value);
    return ({ ">=": "≥", "<=": "≤" }[k.target_operator] || words(k.target_operator)) + amount + (k.target_year ? ` by ${k.target_year}` : "");
  };

  const withTarget = mapped.find((k) => I.kinds[k].target_id && valued.includes(k));
  const state = {
    period: last, kind: withTarget ?? mapped[0] ?? null, colour: mapped.length ? "status" : "observed", picture: (D.layers.find((l) => l.product === "vegetation") || { product: "" }).product,
    unit: null, shown: new Set(Object.keys(STATUS).filter((k) => !QUIET.has(k))), topic: "", text: "", reachPeriod: null, reachUnit: false,
  };
  if (mapped.length && ![...index.values()].some((r) => r.kind === state.kind && r.status !== "no_target")) state.colour = "value";
  state.unit = extra[0] ?? polygons[0] ?? null;

  /* ---- small parts ---- */
  const badge = (status) => {
    const [label, sign, back, ink] = STATUS[status] || [words(status), "", "#eee", "#333"];
    return h("span", { class: "badge", style: `background:${back};color:${ink}` }, `${sign} ${label}`);
  };
  const select = (label, value, options, change) => h("label", {}, label,
    h("select", { onchange: (e) => change(e.target.value) }, options.map(([v, t]) => h("option", { value: v, selected: String(v) === String(value) }, t))));
  const table = (columns, rows, options = {}) => h("div", { class: "scroll" + (options.tall ? " tall" : ""), tabindex: options.tall ? 0 : null }, h("table", { class: options.stack ? "stack" : null },
    h("thead", {}, h("tr", {}, columns.map(([t, c]) => h("th", { class: c, scope: "col" }, t)))),
    h("tbody", {}, rows.map((r) => h("tr", { class: [r.click ? "click" : "", r.chosen ? "chosen" : ""].join(" ").trim() || null, onclick: r.click },
      (r.cells || r).map((cell, i) => h("td", { class: (columns[i] || [])[1], "data-label": options.stack && i ? (columns[i] || [])[0] : null }, cell instanceof Array ? cell : [cell ?? "–"])))))));
  const whisker = (row, unit) => {
    if (row.value === null && row.lower === null) return null;
    const [low, high] = extent(row.kind, units[unit].path === undefined), x = (v) => 4 + 112 * Math.min(1, Math.max(0, (v - low) / (high - low || 1)));
    const target = I.kinds[row.kind].target_value;
    return s("svg", { width: 120, height: 18, viewBox: "0 0 120 18", role: "img", "aria-label": `${fmt(row.value)}, ${fmt(row.lower)} to ${fmt(row.upper)}` },
      s("line", { x1: 4, x2: 116, y1: 9, y2: 9, stroke: "#dfe5e7" }),
      target !== null && target > low && target < high && s("line", { x1: x(target), x2: x(target), y1: 1, y2: 17, stroke: "#a8321f", "stroke-width": 2, "stroke-dasharray": "3 2" }),
      row.lower !== null && s("line", { x1: x(row.lower), x2: x(row.upper ?? row.value), y1: 9, y2: 9, stroke: "#0b5c6b", "stroke-width": 3 }),
      row.value !== null && s("circle", { cx: x(row.value), cy: 9, r: 4, fill: "#0b5c6b", stroke: "#fff" }));
  };
  const axis = (low, high, y, width, left) => {
    const step = 10 ** Math.floor(Math.log10((high - low) / 2 || 1)), nice = [1, 2, 5, 10].map((m) => m * step).find((m) => (high - low) / m <= 3.5);
    const ticks = [];
    for (let v = Math.ceil(low / nice) * nice; v <= high + nice * 1e-6; v += nice) ticks.push(Math.abs(v) < nice / 1e6 ? 0 : v);
    return ticks.map((v) => [s("line", { x1: left, x2: width, y1: y(v), y2: y(v), stroke: "#e4e9eb" }), s("text", { x: left - 4, y: y(v) + 3.5, "font-size": 10, "text-anchor": "end", fill: "#5b6a74" }, fmt(v))]);
  };
  const series = (points, target, width = 240, height = 104) => {
    const seen = points.flatMap((p) => [p.value, p.lower, p.upper]).filter((v) => v !== null && v !== undefined);
    const [low, high] = spread(seen, target), goal = target !== null && target !== undefined && target > low && target < high;
    const left = 38, y = (v) => 6 + (height - 26) * (1 - (v - low) / (high - low)), x = (i) => left + 12 + (width - left - 24) * (points.length < 2 ? 0.5 : i / (points.length - 1));
    const line = points.map((p, i) => (p.value === null ? null : `${x(i).toFixed(1)},${y(p.value).toFixed(1)}`));
    const runs = line.reduce((a, v) => { if (v === null) a.push([]); else a[a.length - 1].push(v); return a; }, [[]]).filter((r) => r.length > 1);
    const every = Math.ceil(points.length / 6);
    return s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": points.map((p) => `${p.label}: ${fmt(p.value)}`).join("; ") },
      axis(low, high, y, width - 4, left),
      goal && s("line", { x1: left, x2: width - 4, y1: y(target), y2: y(target), stroke: "#a8321f", "stroke-dasharray": "5 3", "stroke-width": 1.5 }),
      runs.map((r) => s("polyline", { points: r.join(" "), fill: "none", stroke: "#0b5c6b", "stroke-width": 1.2, opacity: 0.6 })),
      points.map((p, i) => [
        p.lower !== null && p.lower !== undefined && s("line", { x1: x(i), x2: x(i), y1: y(p.lower), y2: y(p.upper ?? p.lower), stroke: "#0b5c6b", "stroke-width": 2, opacity: 0.55 }),
        p.value !== null && s("circle", { cx: x(i), cy: y(p.value), r: 3.2, fill: "#0b5c6b" }, s("title", {}, `${p.label}: ${fmt(p.value)} (${fmt(p.lower)} to ${fmt(p.upper)})`)),
        p.value === null && (p.lower === null || p.lower === undefined) && s("text", { x: x(i), y: height - 16, "font-size": 11, "text-anchor": "middle", fill: "#9aa5ab" }, "×"),
        i % every === 0 && s("text", { x: x(i), y: height - 4, "font-size": 10, "text-anchor": "middle", fill: "#5b6a74" }, p.label)]));
  };
  const mix = (t) => {
    const f = Math.min(1, Math.max(0, t)) * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(f)), w = f - i;
    const part = (c, k) => parseInt(c.slice(1 + 2 * k, 3 + 2 * k), 16);
    return `rgb(${[0, 1, 2].map((k) => Math.round(part(RAMP[i], k) * (1 - w) + part(RAMP[i + 1], k) * w)).join(",")})`;
  };
  const tip = (event, text) => {
    const node = $("tip");
    node.hidden = !text;
    if (!text) return;
    node.textContent = text;
    node.style.left = Math.min(event.clientX + 14, innerWidth - node.offsetWidth - 8) + "px";
    node.style.top = Math.min(event.clientY + 14, innerHeight - node.offsetHeight - 8) + "px";
  };

  /* ---- key figures ---- */
  const cards = () => {
    const out = [], card = (value, label, note) => out.push(h("div", { class: "card" }, h("b", {}, value), h("span", {}, label), h("small", {}, note || "")));
    const now = D.totals[D.totals.length - 1];
    if (D.scenes) card(`${fmt(D.scenes.by_status.used)} of ${fmt(D.scenes.found)}`, "scenes used", `${D.scenes.by_status.skipped} skipped, ${D.scenes.by_status.failed + new Set(D.chips ? D.chips.failures.map((f) => f[2]) : []).size} could not be read whole, each with its reason`);
    if (now) {
      card(percent(now.observed), "of the area observed", `water, ${now.period}`);
      card(now.fvc === null ? "–" : percent(now.fvc), "vegetation cover at the peak", `observed land, ${now.period}`);
      card(now.water_seen ? fmt(now.water_km2[0]) + " km²" : "–", "permanent water", now.water_seen ? `${fmt(now.water_km2[1])} to ${fmt(now.water_km2[2])} km², ${now.period}, observed part` : "not observed");
    }
    const listed = D.reaches && D.reaches[D.periods[last]];
    if (listed) card(fmt(listed.counts.suspected || 0), "reaches suspected black-odorous", `${fmt(listed.counts.possible || 0)} possible, ${D.periods[last]}; to be inspected`);
    if (I) {
      const graded = polygons.flatMap((u) => mapped.map((k) => find(u, k, last))).filter((r) => r && !["no_target", "insufficient_data"].includes(r.status) && !QUIET.has(r.status));
      const good = graded.filter((r) => r.status === "met" || r.status === "on_track").length;
      card(graded.length ? `${good} of ${graded.length}` : "–", "graded county targets met or on track", `${graded.filter((r) => r.status === "undecidable").length} undecidable, ${D.periods[last]}`);
    }
    fill("cards", out);
  };

  /* ---- the map ---- */
  const home = [0, 0, D.view[0], D.view[1]];
  const view = [...home];
  const observedOf = (u, p) => {
    if (units[u].path === undefined) return (D.totals.find((t) => t.period === D.periods[p]) || { observed: null }).observed;
    return ((D.observed[D.periods[p]] || {})[u] || [null])[0];
  };
  const paint = (u) => {
    const row = state.kind === null ? null : find(u, state.kind, state.period);
    if (state.colour === "outline") return "transparent";
    if (state.colour === "observed") { const v = observedOf(u, state.period); return v === null ? "url(#none)" : mix(v); }
    if (!row) return "url(#none)";
    if (state.colour === "status") return (STATUS[row.status] || [0, 0, "#eee"])[2];
    if (row.value === null) return "url(#none)";
    const [low, high] = extent(state.kind, false);
    return mix((row.value - low) / (high - low || 1));
  };
  const describe = (u) => {
    const row = state.kind === null ? null : find(u, state.kind, state.period), kind = state.kind === null ? null : I.kinds[state.kind];
    const lines = [`${units[u].name} ${units[u].prefecture ? "· " + units[u].prefecture : ""}`];
    if (row) lines.push(`${kind.title}: ${fmt(row.value)} ${unitText(kind.unit)}`, `${(STATUS[row.status] || [row.status])[0]}${row.reason ? ": " + row.reason : ""}`);
    lines.push(`observed ${percent(observedOf(u, state.period))}`);
    return lines.join("\n");
  };
  /* Zoom and drag for a map: `seen` is [x, y, width, height] and is changed in place, so that a redraw keeps it. */
  const zoomable = (svg, home, seen, ...more) => {
    const show = (box) => { box.forEach((v, i) => { seen[i] = v; }); svg.setAttribute("viewBox", seen.join(" ")); };
    const zoom = (f) => show([seen[0] + seen[2] * (1 - 1 / f) / 2, seen[1] + seen[3] * (1 - 1 / f) / 2, seen[2] / f, seen[3] / f]);
    let from = null, moved = false;
    svg.addEventListener("pointerdown", (e) => { from = [e.clientX, e.clientY, ...seen]; moved = false; });
    svg.addEventListener("pointermove", (e) => {
      if (!from || seen[2] >= home[2]) return;
      const scale = seen[2] / svg.clientWidth, dx = e.clientX - from[0], dy = e.clientY - from[1];
      moved = moved || Math.hypot(dx, dy) > 4;
      if (moved) show([from[2] - dx * scale, from[3] - dy * scale, seen[2], seen[3]]);
    });
    for (const end of ["pointerup", "pointerleave"]) svg.addEventListener(end, () => { from = null; });
    svg.addEventListener("click", (e) => { if (moved) e.stopPropagation(); moved = false; }, true);
    svg.setAttribute("viewBox", seen.join(" "));
    return [svg, h("div", { class: "zoom" },
      h("button", { onclick: () => zoom(1.6), "aria-label": "Zoom in" }, "+"), h("button", { onclick: () => zoom(1 / 1.6), "aria-label": "Zoom out" }, "−"),
      h("button", { onclick: () => show([...home]) }, "whole"), more.map(([label, box]) => h("button", { onclick: () => {
        const b = box(); if (!b) return;
        const side = Math.max(b[2], b[3] * home[2] / home[3], home[2] / 40) * 1.3, tall = side * home[3] / home[2];
        show([b[0] + b[2] / 2 - side / 2, b[1] + b[3] / 2 - tall / 2, side, tall]);
      } }, label)))];
  };
  const drawMap = () => {
    const layer = D.layers.find((l) => l.product === state.picture), picture = layer && layer.pictures[D.periods[state.period]];
    const marks = D.reaches && state.picture === "black_odorous" ? (D.reaches[D.periods[state.period]] || { rows: [] }).rows : [];
    const svg = s("svg", { role: "img", "aria-label": "Map of the units; choose a unit in the list above the map or by a click" },
      s("defs", {}, s("pattern", { id: "none", width: 24, height: 24, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { width: 24, height: 24, fill: "#fff" }), s("rect", { width: 6, height: 24, fill: "#c3ccd0" }))),
      picture && s("image", { href: picture.href, x: picture.box[0], y: picture.box[1], width: picture.box[2], height: picture.box[3], preserveAspectRatio: "none", style: view[2] < home[2] / 3 ? "image-rendering:pixelated" : null }),
      polygons.map((u) => s("path", { class: "county", d: units[u].path, fill: paint(u), "fill-opacity": picture ? 0.4 : 0.95, "fill-rule": "evenodd", onclick: () => choose(u), onpointermove: (e) => tip(e, describe(u)), onpointerleave: (e) => tip(e, "") })),
      marks.map((m) => s("circle", { cx: m.at[0], cy: m.at[1], r: 9, fill: m.class === "suspected" ? "#d6006c" : "none", stroke: "#d6006c", "stroke-width": 3, onpointermove: (e) => tip(e, `${m.id}\n${m.class}, probability ${fmt(m.p)}`), onpointerleave: (e) => tip(e, "") })),
      state.unit !== null && units[state.unit].path && s("path", { class: "county chosen", d: units[state.unit].path }),
      polygons.length <= 30 && polygons.map((u) => s("text", { class: "place", x: units[u].at[0], y: units[u].at[1] }, units[u].name)));
    fill("map", zoomable(svg, home, view, ["to unit", () => units[state.unit] && units[state.unit].box]));
    drawLegend(layer, picture);
  };
  const drawLegend = (layer, picture) => {
    const key = (colour, label) => h("span", {}, h("i", { style: `background:${colour}` }), label), hatch = "repeating-linear-gradient(45deg,#c3ccd0 0 3px,#fff 3px 8px)";
    const bar = (left, right) => h("span", { class: "bar" }, left, h("i", { style: `background:linear-gradient(90deg,${RAMP.join(",")})` }), right);
    const out = [];
    if (state.colour === "status") for (const name of Object.keys(STATUS)) if (polygons.some((u) => (find(u, state.kind, state.period) || {}).status === name)) out.push(key(STATUS[name][2], `${STATUS[name][1]} ${STATUS[name][0]}`));
    if (state.colour === "value" && state.kind !== null && valued.includes(state.kind)) { const [low, high] = extent(state.kind, false); out.push(bar(fmt(low), `${fmt(high)} ${unitText(I.kinds[state.kind].unit)}`)); }
    if (state.colour === "observed") out.push(bar("0 %", "100 % observed"));
    if (polygons.some((u) => paint(u) === "url(#none)")) out.push(key(hatch, "no value"));
    if (picture) out.push(h("span", {}, h("strong", {}, layer.title + ": ")), layer.legend.map(([c, t]) => key(c, t)), key("#fff", "not observed (blank)"));
    else if (layer) out.push(h("span", {}, `No picture of ${layer.title.toLowerCase()} for ${D.periods[state.period]}.`));
    fill("legend", out);
  };
  const controls = () => {
    const kinds = mapped.map((k) => [k, `${I.kinds[k].title}${I.kinds[k].target_id ? " · " + I.kinds[k].target_id : ""}`]);
    const group = (a, b) => units[a].prefecture.localeCompare(units[b].prefecture) || units[a].code.localeCompare(units[b].code);
    const named = [...extra, ...[...polygons].sort(group)].map((u) => [u, `${units[u].prefecture && units[u].path ? units[u].prefecture + " · " : ""}${units[u].name}`]);
    fill("controls",
      select("Period", state.period, D.periods.map((p, i) => [i, p]), (v) => { state.period = Number(v); draw(); }),
      kinds.length > 0 && select("Indicator", state.kind, kinds, (v) => { state.kind = Number(v); draw(); }),
      select("Colour of the units", state.colour, [...(kinds.length ? [["status", "status against the target"], ["value", "value"]] : []), ["observed", "share observed"], ["outline", "outlines only"]], (v) => { state.colour = v; draw(); }),
      select("Picture below", state.picture, [["", "none"], ...D.layers.map((l) => [l.product, l.title])], (v) => { state.picture = v; state.colour = v ? "outline" : state.colour === "outline" ? (mapped.length ? "status" : "observed") : state.colour; controls(); draw(); }),
      select("Unit", state.unit, named, (v) => choose(Number(v))));
  };
  const choose = (u) => { state.unit = u; controls(); draw(); };

  /* ---- one unit ---- */
  const unitRows = () => I.kinds.map((_, k) => find(state.unit, k, state.period)).filter(Boolean);
  const drawUnit = () => {
    const u = units[state.unit];
    if (!u) return fill("unit", missing("No unit."));
    const head = [h("h3", {}, u.name), h("p", { class: "sub" }, [u.prefecture, u.code, `observed ${percent(observedOf(state.unit, state.period))} in ${D.periods[state.period]}`].filter(Boolean).join(" · "))];
    if (!I) return fill("unit", head, missing("indicators.csv is not made yet: run the step `indicators`."));
    const rows = unitRows(), tally = Object.keys(STATUS).map((name) => [name, rows.filter((r) => r.status === name).length]).filter(([, n]) => n);
    const charts = valued.filter((k) => D.periods.some((_, p) => (find(state.unit, k, p) || {}).value != null)).sort((a, b) => (a === state.kind ? -1 : b === state.kind ? 1 : Number(Boolean(I.kinds[b].target_id)) - Number(Boolean(I.kinds[a].target_id)))).slice(0, 8);
    fill("unit", head, h("div", { class: "tally" }, tally.map(([name, n]) => h("span", {}, badge(name), ` ${n}`))),
      charts.length ? h("div", { class: "charts" }, charts.map((k) => h("div", { class: "chart" },
        h("p", {}, I.kinds[k].title, " ", h("small", {}, [unitText(I.kinds[k].unit), I.kinds[k].target_id].filter(Boolean).join(" · "))),
        series(D.periods.map((label, p) => ({ label, value: null, lower: null, upper: null, ...(find(state.unit, k, p) || {}) })), I.kinds[k].target_value))))
        : missing("No indicator has a value for this unit; the table below says why."));
  };
  const drawTable = () => {
    if (!I) return fill("unit-table");
    const topics = [...new Set(I.kinds.map((k) => k.topic).filter(Boolean))].sort();
    const toggles = Object.keys(STATUS).filter((name) => I.statuses.includes(name)).map((name) => h("button", { "aria-pressed": String(state.shown.has(name)), onclick: () => { state.shown.has(name) ? state.shown.delete(name) : state.shown.add(name); drawTable(); } }, `${STATUS[name][1]} ${STATUS[name][0]}`));
    const search = h("input", { type: "search", value: state.text, placeholder: "text, target or clause", oninput: (e) => { state.text = e.target.value; body.replaceChildren(list()); } });
    const list = () => {
      const wanted = state.text.toLowerCase();
      const rows = unitRows().filter((r) => {
        const k = I.kinds[r.kind];
        return state.shown.has(r.status) && (!state.topic || k.topic === state.topic) && (!wanted || [k.title, k.indicator, k.description, k.target_id, "clause " + k.clause, k.topic, r.reason].join(" ").toLowerCase().includes(wanted));
      });
      if (!rows.length) return missing("No row passes the filters.");
      return table([["Indicator", "long"], ["Value", "num"], ["Interval"], ["Status"], ["Target"], ["Observed", "num"], ["Reason or note", "long"]], rows.map((r) => {
        const k = I.kinds[r.kind];
        return { chosen: r.kind === state.kind, click: mapped.includes(r.kind) ? () => { state.kind = r.kind; controls(); draw(); } : null, cells: [
          [k.title, h("small", {}, [k.description, k.clause && `clause ${k.clause}`, k.target_id].filter(Boolean).join(" · "))],
          r.value === null ? "–" : [fmt(r.value), h("small", {}, unitText(k.unit))],
          r.lower === null ? [whisker(r, state.unit) || "–"] : [whisker(r, state.unit), h("small", { class: "nowrap" }, `${fmt(r.lower)} to ${fmt(r.upper)} ${k.interval ? "(" + k.interval + ")" : ""}`)],
          [badge(r.status)], targetText(k) || "–", percent(r.observed), r.reason || ""] };
      }), { stack: true });
    };
    const body = h("div", {}, list());
    fill("unit-table", h("h3", {}, `${nameOf(state.unit)}: indicators ${D.periods[state.period]}`),
      h("div", { class: "controls" }, h("div", { class: "tally", role: "group", "aria-label": "Statuses shown" }, toggles),
        topics.length > 0 && select("Topic", state.topic, [["", "all topics"], ...topics.map((t) => [t, t])], (v) => { state.topic = v; drawTable(); }), h("label", {}, "Search", search)), body);
  };
  const drawCompare = () => {
    if (!I || state.kind === null) return fill("compare-body", missing("There is no indicator to compare."));
    const k = I.kinds[state.kind];
    const rows = [...extra, ...polygons].map((u) => [u, find(u, state.kind, state.period)]).filter(([, r]) => r).sort((a, b) => (b[1].value ?? -Infinity) - (a[1].value ?? -Infinity));
    fill("compare-body", h("p", { class: "hint" }, `${k.title}${k.unit ? " (" + k.unit + ")" : ""}, ${D.periods[state.period]}. ${targetText(k) ? "Target: " + targetText(k) + ", the dashed red line. " : ""}Intervals that overlap are no ranking.`),
      table([["Unit"], ["Prefecture"], ["Value", "num"], ["Interval"], ["", "num"], ["Status"], ["Observed", "num"], ["Reason or note", "long"]], rows.map(([u, r]) => ({ click: () => choose(u), chosen: u === state.unit, cells: [
        nameOf(u), units[u].prefecture, fmt(r.value), [whisker(r, u) || "–"], r.lower === null ? "" : `${fmt(r.lower)} to ${fmt(r.upper)}`, [badge(r.status)], percent(r.observed), r.reason || ""] })), { tall: rows.length > 16 }));
  };

  /* ---- coastline ---- */
  const coast = () => {
    const C = D.coast;
    if (!D.coast_configured) return fill("coast-body", missing("No coastline in this run: the configuration has no section coastline."));
    if (!C) return fill("coast-body", missing("The coastline is not made yet: coastline/shorelines.gpkg or transects.gpkg is missing."));
    if (C.empty) return fill("coast-body", missing("No shoreline was found; the indicators' reasons say why."));
    const colour = (i) => mix(C.shores.length < 2 ? 1 : 0.3 + 0.7 * i / (C.shores.length - 1)), at = (name) => 6 + C.rates.indexOf(name);
    const map = s("svg", { role: "img", "aria-label": "Shorelines by period and transects by class" },
      C.shores.map((p, i) => s("path", { d: p.path, fill: "none", stroke: colour(i), "stroke-width": 2, "vector-effect": "non-scaling-stroke" })),
      C.transects.map((t) => s("path", { d: `M${t[4]},${t[5]}h0`, stroke: TREND[t[2]] || "#999", "stroke-width": 6, "stroke-linecap": "round", "vector-effect": "non-scaling-stroke", onpointermove: (e) => tip(e, `${t[0]} · ${nameOf(t[1])}\n${words(t[2])}, ${words(t[3])}\n${fmt(t[at("lrr_m_yr")])} ± ${fmt(t[at("lrr_ci95_m_yr")])} m a year`), onpointerleave: (e) => tip(e, "") })));
    const keys = h("div", { class: "legend" }, C.shores.map((p, i) => h("span", {}, h("i", { style: `background:${colour(i)}` }), p.period)), Object.keys(C.km).map((k) => h("span", {}, h("i", { style: `background:${TREND[k] || "#999"};border-radius:50%` }), `${words(k)} ${fmt(C.km[k])} km`)));
    fill("coast-body", h("div", { class: "two" }, h("div", {}, h("div", { class: "coastmap mapbox" }, zoomable(map, [0, 0, ...C.view], [0, 0, ...C.view])), keys),
      h("div", {}, h("h3", {}, "Shorelines"), table([["Period"], ["Length km", "num"], ["Position error m", "num"], ["Reference"], ["By class, km"]], C.shores.map((p) => [p.period, fmt(p.length_km), fmt(p.error_m), p.reference, Object.entries(p.classes).map(([k, v]) => `${words(k)} ${fmt(v)}`).join(", ")])),
        Object.keys(C.unit_km).length > 0 && [h("h3", {}, "Coast by nature"), table([["Class"], ["km", "num"]], Object.entries(C.unit_km).map(([k, v]) => [words(k), fmt(v)]))])),
      h("h3", {}, "Rate of change along the coast, metres a year"), h("p", { class: "hint" }, "Least-squares rate of each transect in order along the coast, with its 95 % interval; seaward is positive."), rates(C, at));
  };
  const rates = (C, at) => {
    const rows = C.transects.map((t, i) => ({ t, i, v: t[at("lrr_m_yr")] ?? t[at("epr_m_yr")], c: t[at("lrr_m_yr")] === null ? null : t[at("lrr_ci95_m_yr")] })).filter((r) => r.v !== null);
    if (!rows.length) return missing("No transect has a rate: at least two periods with a shoreline are needed.");
    const sorted = rows.map((r) => Math.abs(r.v) + Math.min(r.c ?? 0, Math.abs(r.v) * 3)).sort((a, b) => a - b), top = Math.max(1, sorted[Math.floor(sorted.length * 0.98)] || 1) * 1.15;
    const width = 1100, height = 230, y = (v) => 10 + (height - 30) * (1 - (Math.min(top, Math.max(-top, v)) + top) / (2 * top)), x = (i) => 50 + (width - 60) * (C.transects.length < 2 ? 0.5 : i / (C.transects.length - 1));
    return h("div", { class: "scroll" }, s("svg", { viewBox: `0 0 ${width} ${height}`, style: "min-width:680px;width:100%", role: "img", "aria-label": "Rates of the transects" }, axis(-top, top, y, width, 46),
      s("line", { x1: 46, x2: width, y1: y(0), y2: y(0), stroke: "#47555d" }),
      rows.map((r) => [r.c !== null && s("line", { x1: x(r.i), x2: x(r.i), y1: y(r.v - r.c), y2: y(r.v + r.c), stroke: TREND[r.t[2]] || "#999", opacity: 0.45 }), s("circle", { cx: x(r.i), cy: y(r.v), r: 2.6, fill: TREND[r.t[2]] || "#999", onpointermove: (e) => tip(e, `${r.t[0]}: ${fmt(r.v)} ± ${fmt(r.c)} m a year`), onpointerleave: (e) => tip(e, "") })]),
      s("text", { x: width / 2, y: height - 4, "font-size": 11, "text-anchor": "middle", fill: "#5b6a74" }, "transects in order along the coast")));
  };

  /* ---- black-odorous reaches ---- */
  const reaches = () => {
    if (!D.reaches) return fill("reaches-body", missing("There are no reaches: water/reaches.gpkg is missing."));
    const found = Object.keys(D.reaches);
    if (!found.length) return fill("reaches-body", missing("No reach or pond was wide enough to be found in this run."));
    state.reachPeriod = state.reachPeriod ?? (found.includes(D.periods[last]) ? D.periods[last] : found[found.length - 1]);
    const R = D.reaches[state.reachPeriod], rows = R.rows.filter((r) => !state.reachUnit || r.unit === state.unit);
    const order = ["suspected", "possible", "clear", "insufficient", "not_assessable"];
    fill("reaches-body", h("div", { class: "controls" }, select("Period", state.reachPeriod, found.map((p) => [p, p]), (v) => { state.reachPeriod = v; reaches(); }),
      h("button", { "aria-pressed": String(state.reachUnit), onclick: () => { state.reachUnit = !state.reachUnit; reaches(); } }, "only the chosen unit")),
      h("p", {}, order.filter((k) => R.counts[k]).map((k) => `${fmt(R.counts[k])} ${words(k)} (${fmt(R.length_km[k])} km)`).join(" · ")),
      rows.length ? table([["#", "num"], ["Reach", "code"], ["Unit"], ["Class"], ["Probability", "num"], ["Width m", "num"], ["Lon, lat", "code"], ["Positive dates", "long"], ["Vetoes"]], rows.map((r, i) => [
        i + 1, [r.id, h("small", {}, r.kind)], nameOf(r.unit), [h("span", { class: "badge", style: r.class === "suspected" ? "background:#1a1a1a;color:#fff" : "background:#e69f00" }, r.class)], fmt(r.p), fmt(r.width_m),
        r.lon === null ? "–" : [r.lon.toFixed(5), h("small", {}, r.lat.toFixed(5))], [`${fmt(r.positive)} of ${fmt(r.n)} seen, in ${fmt(r.months)} months`, h("small", {}, r.dates.replaceAll(";", " "))], r.vetoes ? r.vetoes.replaceAll(";", ", ").replaceAll(":", " ×") : "none"]), { tall: rows.length > 12 }) : missing("No reach is suspected or possible here in this period. That is a statement about the reaches that could be assessed, not about all water."),
      R.n_listed > R.rows.length && h("p", { class: "hint" }, `The first ${R.rows.length} of ${R.n_listed} are shown; all are in water/reaches.gpkg.`));
  };

  /* ---- water bodies ---- */
  const bodies = () => {
    const B = D.bodies;
    if (!B) return fill("bodies-body", missing("There are no water bodies: water/bodies.gpkg is missing."));
    if (!B.rows.length) return fill("bodies-body", missing("No water body reached the least mapped area in any period."));
    const spark = (r) => s("svg", { width: 110, height: 26, viewBox: "0 0 110 26", role: "img", "aria-label": r.area.map((a) => fmt(a[0])).join("; ") }, r.area.map((a, i) => {
      const top = Math.max(...r.area.map((v) => v[0] ?? 0), 1), wide = 104 / r.area.length, tall = a[0] === null ? 0 : 22 * a[0] / top;
      return a[0] === null ? s("text", { x: 4 + i * wide + wide / 2, y: 20, "font-size": 10, "text-anchor": "middle", fill: "#9aa5ab" }, "×") : s("rect", { x: 4 + i * wide, y: 24 - tall, width: Math.max(2, wide - 3), height: Math.max(1, tall), fill: "#3f8fd2" });
    }));
    fill("bodies-body", h("p", { class: "hint" }, `${fmt(B.n_bodies)} bodies keep their identity over the periods. A body that is not seen over half of its outline is not observed (×), never dry.`),
      h("div", { class: "two" }, table([["Period"], ["Wet", "num"], ["Dry", "num"], ["Not observed", "num"], ["Large enough to count", "num"], ["Area km²", "num"]], B.summary.map((p) => [p.period, fmt(p.wet), fmt(p.dry), fmt(p.not_observed), fmt(p.counted), fmt(p.area_km2)])),
        h("div", { class: "chart" }, h("p", {}, "Area of the observed bodies, km²"), series(D.periods.map((label) => ({ label, value: null, ...(B.summary.filter((p) => p.period === label).map((p) => ({ value: p.area_km2 }))[0] || {}), lower: null, upper: null })), null, 420, 120))),
      h("h3", {}, B.rows.length < B.n_bodies ? `The ${B.rows.length} largest` : "All bodies"),
      table([["Body", "code"], ["Unit"], [`Area ${D.periods[last]}, ha`, "num"], ["Interval, ha", "num"], [`State ${D.periods[last]}`], ["Over the periods"], ["Counted"]], B.rows.map((r) => {
        const [a, lo, up] = r.area[last] || [null, null, null], ha = (v) => (v === null ? "–" : fmt(v / 1e4));
        return [[r.id, r.kind === "sea" && h("small", {}, "sea")], nameOf(r.unit), ha(a), a === null ? "–" : `${ha(lo)} to ${ha(up)}`, words(r.state[last] || ""), [spark(r)], r.counted ? "yes" : "too small"];
      }), { tall: B.rows.length > 12 }));
  };

  /* ---- data quality ---- */
  const quality = () => {
    const S = D.scenes, out = [];
    if (!S) out.push(missing("scenes.parquet is missing: the search has not run."));
    else {
      out.push(h("p", {}, h("strong", {}, `${fmt(S.by_status.used)} of ${fmt(S.found)} scenes were used`), `; ${fmt(S.by_status.skipped)} were skipped and ${fmt(S.by_status.failed)} failed.`),
        h("div", { class: "two" },
          h("div", {}, h("h3", {}, "By sensor"), table([["Sensor"], ["Found", "num"], ["Used", "num"], ["Skipped", "num"], ["Failed", "num"]], S.by_sensor.map((r) => [r.sensor, fmt(r.found), fmt(r.used), fmt(r.skipped), fmt(r.failed)]))),
          h("div", {}, h("h3", {}, "Why scenes were left out"), S.reasons.length ? table([["State"], ["Reason", "long"], ["Scenes", "num"]], S.reasons) : missing("None was left out.")),
          h("div", {}, h("h3", {}, "Offsets of the scenes used"), table([["Sensor"], ["Offset", "num"], ["How it was decided", "long"], ["Confidence"], ["Scenes", "num"]], S.offsets.map((r) => [r[0], r[1] === null ? "–" : String(r[1]), r[2], r[3], fmt(r[4])]))),
          h("div", {}, h("h3", {}, "Scenes used, by month"), calendar(S.calendar))));
      if (S.failed.length) out.push(h("details", {}, h("summary", {}, `Scenes that failed (${S.failed.length} listed)`), table([["Scene", "code"], ["Date"], ["Reason", "long"]], S.failed.map((r) => [r.scene, r.date, r.reason]))));
    }
    const C = D.chips;
    out.push(h("h3", {}, "Reading"));
    if (!C) out.push(missing("No chips lie in this run's folder, so failures to read cannot be listed."));
    else out.push(h("p", {}, `${fmt(C.counts.ok)} chips were read, ${fmt(C.counts.empty)} held no data, ${fmt(C.counts.failed)} failed.`),
      C.failures.length ? h("details", {}, h("summary", {}, `Chips that failed (${C.failures.length} of ${C.n_failures} listed)`), table([["Period"], ["Tile"], ["Scene", "code"], ["Reason", "long"]], C.failures)) : null);
    const seen = D.periods.filter((p) => D.observed[p]);
    out.push(h("h3", {}, "How much of every unit was observed"));
    if (!seen.length) out.push(missing("counties/*.parquet is missing."));
    else out.push(h("p", { class: "hint" }, "Share of the area with a published water class; below it, the mean number of clear dates."), table([["Unit"], ...seen.map((p) => [p, "num"])], polygons.map((u) => [nameOf(u), ...seen.map((p) => {
      const v = D.observed[p][u];
      return v ? [h("span", { class: "badge", style: `background:${mix(v[0] ?? 0)};color:${(v[0] ?? 0) > 0.55 ? "#fff" : "#1d2a33"}` }, percent(v[0])), h("small", {}, `${fmt(v[1])} dates`)] : "–";
    })]), { tall: polygons.length > 12 }));
    fill("quality-body", out);
  };
  const calendar = (cells) => {
    if (!cells.length) return missing("No scene was used.");
    const sensors = [...new Set(cells.map((c) => c[1]))], years = [...new Set(cells.map((c) => c[0].slice(0, 4)))].sort(), top = Math.max(...cells.map((c) => c[2]));
    const left = 40, wide = 36, tall = 15, block = tall * sensors.length + 6;
    return h("div", {}, h("div", { class: "scroll" }, s("svg", { viewBox: `0 0 ${left + 12 * wide + 4} ${18 + years.length * block}`, style: "min-width:420px;width:100%", role: "img", "aria-label": "Scenes used by month and sensor" },
      "JFMAMJJASOND".split("").map((m, i) => s("text", { x: left + i * wide + wide / 2, y: 11, "font-size": 10, "text-anchor": "middle", fill: "#5b6a74" }, m)),
      years.map((yr, r) => [s("text", { x: 4, y: 18 + r * block + block / 2 + 2, "font-size": 11, fill: "#1d2a33" }, yr), sensors.flatMap((_, k) => Array.from({ length: 12 }, (__, m) => s("rect", { x: left + m * wide + 1, y: 16 + r * block + k * tall, width: wide - 2, height: tall - 1, fill: "#f0f3f4" })))]),
      cells.map(([month, sensor, n]) => {
        const r = years.indexOf(month.slice(0, 4)), m = Number(month.slice(5)) - 1, k = sensors.indexOf(sensor), share = 0.25 + 0.75 * n / top;
        return [s("rect", { x: left + m * wide + 1, y: 16 + r * block + k * tall, width: wide - 2, height: tall - 1, fill: SENSORS[k % SENSORS.length], "fill-opacity": share }, s("title", {}, `${month} ${sensor}: ${n}`)), s("text", { x: left + m * wide + wide / 2, y: 26.5 + r * block + k * tall, "font-size": 9.5, "text-anchor": "middle", fill: share > 0.6 ? "#fff" : "#1d2a33" }, String(n))];
      }))), h("div", { class: "legend" }, sensors.map((name, k) => h("span", {}, h("i", { style: `background:${SENSORS[k % SENSORS.length]}` }), name))));
  };

  const draw = () => { drawMap(); drawUnit(); drawTable(); drawCompare(); if (state.reachUnit) reaches(); };
  cards(); controls(); draw(); coast(); reaches(); bodies(); quality();
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
