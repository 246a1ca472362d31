// The way down from a number: the runs it is made of, and the record of each.

const DATA = JSON.parse(document.getElementById("data").textContent);
const CURVES = {
  train_loss: "train loss (nats)",
  validation_loss: "validation loss (nats)",
  validation_error: "validation error (%)",
};

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

const seconds = (time) => (time < 120 ? `${time.toFixed(1)} s` : `${(time / 60).toFixed(1)} min`);
const commit = (code) =>
  code.commit === null ? "unknown" : code.commit + (code.dirty ? ", with uncommitted changes" : ", clean tree");

// The records of a table, inflated once, when the first of them is asked for: {runs: id -> run, shared: name -> list}.
const inflated = {};
function recordsOf(table) {
  inflated[table] ??= (async () => {
    const bytes = Uint8Array.from(atob(DATA.records[table]), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const { runs, shared } = await new Response(stream).json();
    for (const run of Object.values(runs)) for (const name of Object.keys(shared)) run[name] = shared[name][run[name]];
    return runs;
  })();
  return inflated[table];
}

// {a: {b: 1}} as lines `a.b: 1`.
function flat(value, prefix = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [`${prefix}: ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, one]) => flat(one, prefix ? `${prefix}.${key}` : key));
}

function facts(pairs) {
  return element("dl", pairs.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function configOf(run) {
  return flat({ ...run.config, seed: run.seed }).sort().join("\n");
}

function recordOf(run, table, others) {
  const hardware = run.hardware;
  const parts = [element("div", [
    facts([
      ["commit", commit(run.code)],
      ["took", `${seconds(run.timing.seconds)}, finished ${new Date(run.timing.finished * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`],
      ["hardware", `${hardware.device}, ${hardware.name}, ${hardware.threads} thread(s), ${hardware.platform}`],
      ["versions", Object.entries(run.versions).map((pair) => pair.join(" ")).join(", ")],
      ["examples", Object.entries(run.examples).map((pair) => pair.join(" ")).join(", ")],
      ["parameters", String(run.parameters)],
      ["protocol", `${run.protocol}, split ${run.split.slice(0, 16)}`],
      ["record", `results/${table}/records/${run.id}.json`],
      ...run.notes.map((note) => ["note", note]),
    ]),
    facts(Object.entries(run.metrics).map(([name, value]) => [name.replaceAll("_", " "), String(value)])),
  ], { class: "record" })];
  if (run.curves) {
    const drawn = Object.entries(CURVES).map(([name, label]) =>
      chart(label, run.curves[name], others.filter((other) => other.curves).map((other) => other.curves[name]), run.metrics.best_epoch));
    parts.push(element("div", drawn, { class: "charts" }));
    parts.push(element("p", "Strong: this seed; faint: the others; upright: the chosen epoch.", { class: "hint" }));
  } else {
    parts.push(element("p", "This record is older than learning curves in records.", { class: "hint" }));
  }
  parts.push(element("details", [element("summary", "Resolved config"), element("pre", configOf(run))]));
  return parts;
}

function runDetails(table, runs, id, siblings) {
  const run = runs[id];
  const metric = document.getElementById(table).dataset.metric;
  const says = `seed ${run.seed}: ${run.metrics[metric].toFixed(2)} %, epoch ${run.metrics.best_epoch}, ${seconds(run.timing.seconds)} `;
  const summary = element("summary", [says, element("code", id)]);
  const details = element("details", summary, { "data-run": id });
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(...recordOf(run, table, siblings.filter((one) => one !== id).map((one) => runs[one])));
    }
  });
  return details;
}

// The panel below a row that shows the runs behind one of its numbers.
async function openPanel(button) {
  const row = button.closest("tr");
  const table = button.closest("section").id;
  const runs = await recordsOf(table);
  closePanel(row);
  const entry = DATA.tables[table][Number(button.dataset.entry)];
  const close = element("button", "Close", { type: "button", class: "close" });
  close.addEventListener("click", () => {
    closePanel(row);
    button.focus();
  });
  const head = element("header", [element("h3", `${entry.title}: ${entry.runs.length} runs`), close]);
  const content = element("div", head, { class: "panel" });
  for (const gap of entry.gaps) content.append(element("p", gap, { class: "gap" }));
  for (const id of entry.runs) content.append(runDetails(table, runs, id, entry.runs));
  row.after(element("tr", element("td", content, { colspan: row.cells.length }), { class: "below" }));
  button.setAttribute("aria-expanded", "true");
}

function closePanel(row) {
  if (row.nextElementSibling?.classList.contains("below")) row.nextElementSibling.remove();
  for (const open of row.querySelectorAll("[aria-expanded=true]")) open.setAttribute("aria-expanded", "false");
}

// #table/run opens that run, wherever the link stands.
async function openLinked() {
  const [table, id] = decodeURIComponent(location.hash.slice(1)).split("/");
  const number = (DATA.tables[table] ?? []).findIndex((entry) => entry.runs.includes(id));
  if (number < 0) return;
  const button = document.querySelector(`section[data-table="${CSS.escape(table)}"] button[data-entry="${number}"]`);
  if (button.getAttribute("aria-expanded") !== "true") await openPanel(button);
  const details = button.closest("tr").nextElementSibling.querySelector(`[data-run="${CSS.escape(id)}"]`);
  details.open = true;
  details.scrollIntoView({ block: "start" });
  details.querySelector("summary").focus({ preventScroll: true });
}

for (const number of document.querySelectorAll("span[data-entry]")) {
  const { entry } = number.dataset;
  if (DATA.tables[number.closest("section").id][Number(entry)].runs.length === 0) continue;
  const button = element("button", number.textContent, { type: "button", class: "number", "data-entry": entry, "aria-expanded": "false" });
  button.addEventListener("click", () =>
    button.getAttribute("aria-expanded") === "true" ? closePanel(button.closest("tr")) : openPanel(button));
  number.replaceWith(button);
}
window.addEventListener("hashchange", openLinked);

