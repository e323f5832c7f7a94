/* Tables that sort by any column and show one page of rows at a time; in print they show all rows. */
const PAGE = 15;
let printing = false;

/* `columns`: {title, value (for sorting; null last), cell, number, wide}. `options`: sort: [column, descending], stack, chosen, whole. */
const tables = {};
const table = (name, columns, rows, options = {}) => {
  const kept = (tables[name] ??= { sort: options.sort || null, page: 0 });
  const holder = h("div", { class: "table" });
  const compare = (a, b) =>
    typeof a === "string" || typeof b === "string" ? String(a ?? "").localeCompare(String(b ?? ""), language) : a - b;
  const sorted = () => {
    if (!kept.sort) return rows;
    const [column, down] = kept.sort,
      key = columns[column].value;
    return [...rows].sort((a, b) => {
      const x = key(a),
        y = key(b),
        none = [x, y].map((v) => v === null || v === undefined || v === "");
      if (none[0] || none[1]) return none[0] - none[1];
      return down ? compare(y, x) : compare(x, y);
    });
  };
  const heading = (c, i) => {
    const mine = kept.sort && kept.sort[0] === i,
      way = mine ? (kept.sort[1] ? "descending" : "ascending") : null;
    if (!c.value) return h("th", { scope: "col", class: c.number ? "num" : null }, c.title);
    return h(
      "th",
      { scope: "col", class: c.number ? "num" : null, "aria-sort": way },
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            kept.sort = [i, mine ? !kept.sort[1] : Boolean(c.number)];
            kept.page = 0;
            fill();
            holder.querySelectorAll("th")[i].querySelector("button").focus();
          },
        },
        c.title,
        h("span", { "aria-hidden": "true" }, mine ? (kept.sort[1] ? " ↓" : " ↑") : " ↕"),
      ),
    );
  };
  const pager = (pages) =>
    h(
      "div",
      { class: "pager" },
      h(
        "button",
        {
          type: "button",
          disabled: kept.page === 0,
          onclick: () => {
            kept.page -= 1;
            fill();
          },
        },
        `‹ ${t("Back")}`,
      ),
      h(
        "span",
        { role: "status" },
        t("{from} to {to} of {n}", {
          from: kept.page * PAGE + 1,
          to: Math.min(rows.length, (kept.page + 1) * PAGE),
          n: fmt(rows.length),
        }),
      ),
      h(
        "button",
        {
          type: "button",
          disabled: kept.page >= pages - 1,
          onclick: () => {
            kept.page += 1;
            fill();
          },
        },
        `${t("Next")} ›`,
      ),
    );
  /* On a phone rows are stacked, without column heads to click. */
  const sortBy = () => {
    const able = columns.map((c, i) => [i, c.title]).filter(([i]) => columns[i].value);
    const change = (i) => {
      kept.sort = [Number(i), Boolean(columns[i].number)];
      fill();
    };
    return h("div", { class: "sortby" }, select(t("Sort by"), kept.sort ? kept.sort[0] : "", able, change, `sort ${name}`));
  };
  const fill = () => {
    const pages = Math.ceil(rows.length / PAGE);
    kept.page = Math.min(kept.page, Math.max(0, pages - 1));
    const shown = printing || options.whole ? sorted() : sorted().slice(kept.page * PAGE, (kept.page + 1) * PAGE);
    holder.replaceChildren(
      options.stack && !printing && columns.some((c) => c.value) ? sortBy() : "",
      scrolled(
        h(
          "table",
          { class: options.stack ? "stack" : null },
          h("thead", {}, h("tr", {}, columns.map(heading))),
          h(
            "tbody",
            {},
            shown.map((row) =>
              h(
                "tr",
                { class: options.chosen && options.chosen(row) ? "chosen" : null },
                columns.map((c) => {
                  const cell = c.cell(row);
                  return h(
                    "td",
                    {
                      class: [c.number ? "num" : "", c.wide ? "wider" : ""].join(" ").trim() || null,
                      "data-label": options.stack ? c.title : null,
                    },
                    cell ?? "–",
                  );
                }),
              ),
            ),
          ),
        ),
      ),
      pages > 1 && !printing && !options.whole ? pager(pages) : "",
    );
  };
  fill();
  return arrows(holder, "tbody a");
};
/* A table from rows that are lists; columns of numbers are right-aligned, columns of long texts are wide. */
const plainTable = (name, titles, rows, numbers = []) => {
  const columns = titles.map((title, i) => ({
    title,
    number: numbers.includes(i),
    wide: rows.some((r) => String(r[i]).length > 40),
    value: (r) => r[i],
    cell: (r) => (numbers.includes(i) ? fmt(r[i]) : r[i]),
  }));
  return table(name, columns, rows, { stack: columns.some((c) => c.wide) });
};
