// Sorting by a column and filtering by words; an open panel stays below its row.

const MANY_ROWS = 8;
const rowsOf = (body) => [...body.rows].filter((row) => !row.classList.contains("below"));

function place(body, rows) {
  for (const row of rows) {
    const below = row.nextElementSibling?.classList.contains("below") ? [row.nextElementSibling] : [];
    body.append(row, ...below);
  }
}

// Rows without a value come last either way.
function compare(column, sign) {
  const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  return (one, other) => {
    const [a, b] = [key(one), key(other)];
    if ((a === "-") !== (b === "-")) return a === "-" ? 1 : -1;
    const [x, y] = [Number(a), Number(b)];
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y);
  };
}

// Once: ascending, twice: descending, three times: as it was.
function makeSortable(table) {
  const body = table.tBodies[0];
  const original = rowsOf(body);
  for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
    const button = element("button", head.textContent, { type: "button", class: "sort" });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const order = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (order === null) return place(body, original);
      head.setAttribute("aria-sort", order ?? "ascending");
      place(body, [...original].sort(compare(column, order ? -1 : 1)));
    });
  }
}

function makeFilterable(table) {
  const rows = rowsOf(table.tBodies[0]);
  if (rows.length < MANY_ROWS) return;
  const input = element("input", [], { type: "search", placeholder: "all these words" });
  const status = element("span", "", { role: "status" });
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (row.nextElementSibling?.classList.contains("below")) row.nextElementSibling.hidden = row.hidden;
      shown += row.hidden ? 0 : 1;
    }
    status.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  table.parentElement.before(element("div", [element("label", ["Filter rows: ", input]), " ", status], { class: "filter" }));
}

for (const table of document.querySelectorAll("main table")) {
  makeFilterable(table);
  makeSortable(table);
}
document.documentElement.classList.add("js");
openLinked();
