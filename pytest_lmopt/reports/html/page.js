"use strict";
(() => {
  const PAGE = 50;
  const [SUITE, ID, SPLIT, SCORE, BASELINE, WINNER, TOKENS, STATE, INPUT, EXPECTED, GOT, FEEDBACK] = Array(12).keys();
  const get = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(get(id).textContent);
  const { block, suites, rows } = read("index");
  const table = get("table");
  const body = table.tBodies[0];
  const hasWinner = table.querySelector("[data-key=winner]") !== null;
  const several = suites.length > 1;
  const blocks = new Map();
  const texts = [];
  let order = { key: "", down: false };
  let found = [];
  let page = 0;

  // whatever a model wrote comes into the page as text, never as HTML
  const make = (tag, text = "", attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const change = (row) => (row[SCORE] === null || row[BASELINE] === null ? null : row[SCORE] - row[BASELINE]);
  const gain = (row) => (row[SCORE] === null || row[WINNER] === null ? null : row[WINNER] - row[SCORE]);
  const number = (value) => (value === null ? "–" : value.toFixed(3).replace(/\.?0+$/, "") || "0");
  const signed = (value) => (value === null ? "" : value > 0 ? `▲ +${number(value)}` : value < 0 ? `▼ −${number(-value)}` : "=");
  const counted = (value) => value.toLocaleString("en");

  const outcomes = {
    below: (row) => row[SCORE] !== null && row[SCORE] < 1,
    full: (row) => row[SCORE] === 1,
    worse: (row) => change(row) < 0,
    better: (row) => change(row) > 0,
    lost: (row) => gain(row) < 0,
    gained: (row) => gain(row) > 0,
    wrong: (row) => row[STATE] === "wrong",
    missing: (row) => row[STATE] === "missing",
    skipped: (row) => row[STATE] === "skipped",
  };
  const keys = {
    id: (row) => row[ID], suite: (row) => row[SUITE], split: (row) => row[SPLIT], score: (row) => row[SCORE],
    change, winner: (row) => row[WINNER], tokens: (row) => row[TOKENS],
  };
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  const text = (place) =>
    (texts[place] ??= [ID, INPUT, EXPECTED, GOT, FEEDBACK].map((column) => rows[place][column]).join("\n").toLowerCase());

  function filter() {
    const suite = get("by-suite").value, split = get("by-split").value, outcome = get("by-outcome").value;
    const words = get("by-text").value.toLowerCase().trim();
    found = [];
    rows.forEach((row, place) => {
      if (suite !== "" && row[SUITE] !== Number(suite)) return;
      if (split && row[SPLIT] !== split) return;
      if (outcome && !outcomes[outcome](row)) return;
      if (words && !text(place).includes(words)) return;
      found.push(place);
    });
    const key = keys[order.key];
    if (key) {
      const sign = order.down ? -1 : 1;
      found.sort((one, other) => {
        const a = key(rows[one]), b = key(rows[other]);
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (typeof a === "string" ? compare(a, b) : a - b) || one - other;
      });
    }
    page = 0;
    show();
  }

  function show() {
    const first = page * PAGE, last = Math.min(first + PAGE, found.length);
    body.replaceChildren(...found.slice(first, last).map(line));
    get("shown").textContent = found.length === rows.length
      ? `${counted(rows.length)} examples`
      : `${counted(found.length)} of ${counted(rows.length)} examples`;
    get("page").textContent = found.length ? `${counted(first + 1)} to ${counted(last)} of ${counted(found.length)}` : "none";
    get("previous").disabled = page === 0;
    get("next").disabled = last >= found.length;
  }

  function line(place) {
    const row = rows[place];
    const element = make("tr", "", { class: "row" });
    const head = make("th", "", { scope: "row" });
    const toggle = make("button", row[ID], { type: "button", class: "toggle", "aria-expanded": "false" });
    toggle.addEventListener("click", () => unfold(place, element, toggle));
    head.append(toggle);
    const score = make("td", row[SCORE] === null ? row[STATE] || "–" : number(row[SCORE]), { class: "number" });
    if (row[SCORE] !== null && row[SCORE] < 1) score.classList.add("bad");
    const moved = change(row);
    const cells = [head];
    if (several) cells.push(make("td", suites[row[SUITE]].split("::").pop()));
    cells.push(
      make("td", row[SPLIT]),
      score,
      make("td", signed(moved), { class: `number ${moved > 0 ? "good" : moved < 0 ? "bad" : "faint"}` }),
    );
    if (hasWinner) {
      const won = gain(row);
      const sign = won > 0 ? " ▲" : won < 0 ? " ▼" : "";
      cells.push(make("td", number(row[WINNER]) + sign, { class: `number ${won > 0 ? "good" : won < 0 ? "bad" : ""}` }));
    }
    cells.push(make("td", counted(row[TOKENS]), { class: "number" }));
    for (const column of [INPUT, EXPECTED, GOT]) cells.push(make("td", row[column], { class: "brief" }));
    element.append(...cells);
    return element;
  }

  function unfold(place, element, toggle) {
    const open = toggle.getAttribute("aria-expanded") === "true";
    toggle.setAttribute("aria-expanded", String(!open));
    if (open) {
      element.nextElementSibling.remove();
      toggle.removeAttribute("aria-controls");
      return;
    }
    const inside = make("tr", "", { class: "unfolded", id: `example-${place}` });
    const cell = make("td", "", { colspan: String(element.cells.length) });
    const content = make("div", "", { class: "story" });
    content.append(...story(whole(place)));
    cell.append(content);
    inside.append(cell);
    element.after(inside);
    toggle.setAttribute("aria-controls", inside.id);
  }

  function whole(place) {
    const number = Math.floor(place / block);
    if (!blocks.has(number)) blocks.set(number, read(`rows-${number}`));
    return blocks.get(number)[place % block];
  }

  function* story(example) {
    if (!Object.keys(example.inputs).length && example.split === "holdout") {
      yield make("p", "Of holdout examples only ids and scores are shown, so that nobody tunes to them; pytest -vv shows all.");
      return;
    }
    for (const [name, value] of Object.entries(example.inputs)) yield part(`input: ${name}`, value);
    for (const [turn, run] of example.runs.entries()) {
      const of = example.runs.length > 1 ? `, run ${turn + 1} (score ${number(run.score)})` : "";
      const pair = make("div", "", { class: "pair" });
      pair.append(part("expected", example.expected), part(`got${of}`, run.got));
      yield pair;
      if (run.feedback && run.feedback !== run.got) yield part("feedback", run.feedback);
      yield* run.calls.map(call);
      if (run.unshown) yield make("p", `${run.unshown} more calls`);
    }
  }

  function part(title, value) {
    const element = make("div");
    element.append(make("h4", title), make("pre", value || " "));
    return element;
  }

  function call(called, turn) {
    const element = make("details", "", { class: "call" });
    const other = called.model && called.dialect && !called.prompt.endsWith(`:${called.model}`);
    const notes = [
      called.client && `by ${called.client}`,
      other && `answered by ${called.model}`,
      `${counted(called.input_tokens)} + ${counted(called.output_tokens)} tokens`,
      called.cached_tokens && `${counted(called.cached_tokens)} cached`,
      called.reasoning_tokens && `${counted(called.reasoning_tokens)} reasoning`,
      called.judging && "by the metric",
      called.replayed && "replayed",
      called.error && "no answer",
    ];
    element.append(make("summary", `call ${turn + 1}: ${called.prompt} (${notes.filter(Boolean).join(", ")})`));
    for (const [name, value] of Object.entries(called.inputs)) element.append(part(name, value));
    element.append(...exchange(called));
    return element;
  }

  function* exchange(called) {
    if (called.tools) {
      const offered = make("details");
      offered.append(make("summary", "tools offered"), make("pre", called.tools));
      yield offered;
    }
    for (const [place, message] of (called.messages ?? []).entries()) {
      yield part(message.role, message.content);
      if (place === 0 && called.unshown) yield make("p", `${called.unshown} more messages`);
    }
    if (called.error) yield part("error", called.error);
    else if (called.text || !called.tool_calls?.length) yield part("answer", called.text);
    for (const asked of called.tool_calls ?? []) yield part(`answer: calls ${asked.name}`, asked.arguments);
  }

  for (const head of table.tHead.querySelectorAll("[data-key]")) {
    head.querySelector("button").addEventListener("click", () => {
      const again = order.key === head.dataset.key;
      order = { key: head.dataset.key, down: again && !order.down };
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      filter();
    });
  }
  const turn = (by) => () => {
    page += by;
    show();
    get("examples").scrollIntoView();
  };
  get("previous").addEventListener("click", turn(-1));
  get("next").addEventListener("click", turn(1));
  get("filters").addEventListener("submit", (event) => event.preventDefault());
  get("filters").addEventListener("change", filter);
  get("by-text").addEventListener("input", filter);
  for (const link of document.querySelectorAll("[data-suite]")) {
    link.addEventListener("click", () => {
      get("by-suite").value = link.dataset.suite;
      filter();
    });
  }
  if (!several) {
    get("by-suite").closest("label").hidden = true;
    table.querySelector(".of-suite").remove();
  }
  for (const hidden of [get("filters"), table, document.querySelector(".pages")]) hidden.hidden = false;
  filter();
})();
