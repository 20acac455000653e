// The table of visits: sorts and filters all rows, and draws those in view.
(() => {
  const data = JSON.parse(document.getElementById("cohort").textContent);
  const columns = data.columns;
  const named = Object.fromEntries(columns.map((column) => [column.name, column]));
  const people = named.participant_id.values;
  const table = document.getElementById("visits");
  const form = document.getElementById("filter");
  const pager = document.getElementById("pager");
  const rules = data.rules.map((rule) => rule.name);
  const flags = data.flags.map((of) => of.map((text) => text.split(";")));
  const kinds = ["visit", "pair"]; // what data.flags holds, in order

  let order = people.map((_, row) => row);
  let kept = order;
  let start = 0;

  const keys = columns.map((column) =>
    column.kind === "number"
      ? column.values.map((text) => (text === null ? null : Number(text)))
      : column.values
  );
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [keys[column][a], keys[column][b]];
    if (x === null || y === null) return (x === null) - (y === null); // missing: last, both ways
    return sign * (typeof x === "number" ? x - y : collator.compare(x, y)); // ties stay
  };

  const cell = (row, column) => {
    const text = column.shown === null ? column.values[row] ?? "" : column.shown[row];
    const made = document.createElement(column.name === "participant_id" ? "th" : "td");
    if (column.kind !== "text") made.className = column.kind;
    if (column.name === "participant_id") {
      made.scope = "row";
      const link = document.createElement("a");
      link.href = `${encodeURIComponent(text)}.html`;
      link.textContent = text;
      made.append(link);
    } else {
      made.textContent = column.kind === "number" && !text ? "\u2013" : text;
      if (column.kind === "number" && column.values[row] !== text) {
        made.title = column.values[row] ?? "";
      }
    }
    return made;
  };
  const draw = () => {
    const end = Math.min(start + data.rowsInView, kept.length);
    const drawn = kept.slice(start, end).map((row) => {
      const line = document.createElement("tr");
      line.dataset.row = `${people[row]}|${named.session_id.values[row] ?? ""}`;
      line.append(...columns.map((column) => cell(row, column)));
      return line;
    });
    table.tBodies[0].replaceChildren(...drawn);
    pager.hidden = kept.length <= data.rowsInView;
    document.getElementById("range").textContent = `${start + 1} to ${end} of ${kept.length}`;
    document.getElementById("back").disabled = start === 0;
    document.getElementById("forward").disabled = end === kept.length;
  };

  const chosen = (name) => form.elements[name]?.value ?? "";
  const keep = () => {
    const rule = rules.indexOf(chosen("rule"));
    const letter = data.letters[chosen("verdict")];
    const person = chosen("person").trim().toLowerCase();
    const equal = ["group", "scanner_id", "quality_state", "pair_quality_state"]
      .filter((name) => chosen(name))
      .map((name) => [named[name].values, chosen(name)]);
    const [of, check] = chosen("check").split(":");
    const flagged = check ? flags[kinds.indexOf(of)] : null;
    return order.filter(
      (row) =>
        (rule < 0 || data.verdicts[row][rule] === letter) &&
        (!person || people[row].toLowerCase().includes(person)) &&
        equal.every(([values, value]) => values[row] === value) &&
        (!flagged || flagged[row].some((flag) => flag.startsWith(`${check}:`))) &&
        (!form.elements.latest.checked || data.latest[row] === "1")
    );
  };
  const count = () => {
    const counts = new Map();
    for (const [number, of] of kinds.entries()) {
      for (const row of kept) {
        for (const flag of flags[number][row]) {
          const key = `${of}:${flag}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
      }
    }
    for (const one of document.querySelectorAll("[data-check]")) {
      one.textContent = counts.get(one.dataset.check) ?? 0;
    }
  };
  const filter = () => {
    form.elements.verdict.disabled = !form.elements.rule.value;
    kept = keep();
    start = 0;
    document.getElementById("shown").textContent =
      `${kept.length} of ${order.length} visits shown`;
    const left = new Set(kept.map((row) => people[row]));
    highlight(left.size === 1 ? [...left][0] : "");
    count();
    draw();
  };

  // One person in the charts: its line, and where it lies in each distribution
  const highlight = (person) => {
    for (const line of document.querySelectorAll("[data-person]")) {
      line.classList.toggle("chosen", line.dataset.person === person);
      if (line.dataset.person === person) line.parentNode.append(line); // drawn last: on top
    }
    for (const old of document.querySelectorAll(".charts .chosen[data-mark]")) old.remove();
    const row = people.findLastIndex((one) => one === person);
    if (row < 0) return;
    for (const figure of document.querySelectorAll("[data-distribution]")) {
      const column = columns.findIndex((one) => one.name === figure.dataset.distribution);
      const drawing = figure.querySelector("svg");
      const value = column < 0 ? null : keys[column][row];
      if (value === null || !drawing) continue;
      const [low, high] = [Number(figure.dataset.low), Number(figure.dataset.high)];
      const { width, height } = drawing.viewBox.baseVal;
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const at = (width * (value - low)) / (high - low);
      mark.setAttribute("d", `M${at} ${height - 2}l-7 -14h14z`);
      mark.classList.add("chosen");
      mark.dataset.mark = person;
      drawing.append(mark);
    }
  };

  const save = () => {
    const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const lines = kept.map((row) => columns.map((one) => quoted(one.values[row] ?? "")).join(","));
    const text = [columns.map((one) => one.name).join(","), ...lines, ""].join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "cohort.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      order.sort(compare(column, up ? 1 : -1));
      kept = keep();
      start = 0;
      draw();
    });
  });
  table.tBodies[0].addEventListener("click", (event) => {
    const line = event.target.closest("tr");
    if (line) highlight(people[kept[start + line.sectionRowIndex]]);
  });
  document.getElementById("back").addEventListener("click", () => {
    start -= data.rowsInView;
    draw();
  });
  document.getElementById("forward").addEventListener("click", () => {
    start += data.rowsInView;
    draw();
  });
  document.getElementById("save").addEventListener("click", save);
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
