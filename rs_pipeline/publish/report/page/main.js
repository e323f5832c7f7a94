/* The frame: views, language, address, printing. */
const VIEWS = {
  sheet: { title: "Overview", make: drawSheet },
  map: { title: "Map", make: drawOverview },
  county: { title: "County", make: drawCounty },
  targets: { title: "Targets", make: drawTargets },
  findings: { title: "Findings", make: () => [drawFindings(), drawPlaces()] },
  inspection: { title: "Black-odorous water", make: drawInspection },
  waters: { title: "Water bodies", make: drawWaters },
  coast: { title: "Coast", make: drawCoast },
  quality: { title: "Data quality", make: drawQuality },
  methods: { title: "Methods", make: drawMethods },
};

const stored = () => {
  try {
    return localStorage.getItem("rs-pipeline language");
  } catch {
    return null;
  }
};
const setLanguage = () => {
  language = ["en", "zh"].includes(state.lang) ? state.lang : stored() || (navigator.language.startsWith("zh") ? "zh" : "en");
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.querySelectorAll("[data-t]").forEach((node) => {
    node.textContent = t(node.dataset.t);
  });
};
const switchLanguage = () => {
  const lang = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem("rs-pipeline language", lang);
  } catch {
    /* without storage the page uses the browser's language */
  }
  change({ lang });
};

const drawFrame = () => {
  const places = regions[0] ?? polygons[0];
  $("title").textContent = core.title || core.run;
  $("lead").textContent = [
    core.organisation,
    t("{n} counties · {periods} · changes measured from {baseline}", {
      n: polygons.length,
      periods: periods.length > 1 ? `${periods[0]}–${periods[last]}` : periods[0],
      baseline: core.baseline,
    }),
  ]
    .filter(Boolean)
    .join(" · ");
  $("views").setAttribute("aria-label", t("Views"));
  $("views").replaceChildren(
    ...Object.entries(VIEWS).map(([name, view]) =>
      h(
        "a",
        {
          href: address(
            name,
            name === "county" && places !== undefined ? units[state.view === "county" ? unitNow() : places].code : "",
          ),
          "aria-current": name === state.view ? "page" : null,
          "data-keep": `view ${name}`,
        },
        t(view.title),
      ),
    ),
  );
  const names = h(
    "datalist",
    { id: "names" },
    polygons.map((u) => h("option", { value: nameOf(u) }, units[u].prefecture)),
  );
  const find = h("input", {
    type: "search",
    list: "names",
    "aria-label": t("Find a county"),
    placeholder: t("Find a county"),
    "data-keep": "find",
    onchange: (e) => {
      const u = polygons.find((v) => [nameOf(v), units[v].code].includes(e.target.value.trim()));
      if (u !== undefined) location.hash = address("county", units[u].code);
    },
  });
  $("tools").replaceChildren(
    find,
    names,
    h(
      "button",
      {
        type: "button",
        class: "language",
        lang: language === "zh" ? "en" : "zh-CN",
        "data-keep": "language",
        onclick: switchLanguage,
      },
      language === "zh" ? "English" : "中文",
    ),
  );
  $("files").replaceChildren(
    `${t("Files")}: `,
    ...core.files.map(([path, title]) => h("a", { href: path, title: t(title) }, path.split("/").pop())),
  );
  $("colophon").textContent = `rs-pipeline ${core.version}${core.simulated ? ` · ${t("SIMULATED SCENES.")}` : ""}`;
  document.title = `${core.title || core.run} · ${state.view === "county" && unitNow() !== null ? nameOf(unitNow()) : t(VIEWS[state.view].title)}`;
};

/* A redraw keeps the focus. */
const draw = () => {
  const kept = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.keep : undefined;
  $("tip").hidden = true;
  setLanguage();
  drawFrame();
  $("main").replaceChildren(...[VIEWS[state.view].make()].flat(Infinity).filter(Boolean));
  const again = kept && document.querySelector(`[data-keep="${CSS.escape(kept)}"]`);
  if (again) again.focus({ preventScroll: true });
};

addEventListener("hashchange", () => {
  const before = `${state.view}/${state.argument}`;
  readAddress();
  draw();
  if (before !== `${state.view}/${state.argument}`) {
    scrollTo(0, 0);
    const title = document.querySelector("h2");
    if (title) title.focus({ preventScroll: true });
  }
});
/* Prints after all pictures have loaded, also those that were not in view yet. */
const printWhole = async () => {
  printing = true;
  draw();
  await Promise.allSettled([...document.querySelectorAll("main img")].map((image) => image.decode()));
  print();
};
addEventListener("beforeprint", () => {
  if (printing) return;
  printing = true;
  draw();
});
addEventListener("afterprint", () => {
  printing = false;
  draw();
});
document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault();
  $("main").focus();
});
addEventListener("keydown", (e) => {
  if (e.key === "Escape") $("tip").hidden = true;
});
readAddress();
draw();
performance.mark("ready");
