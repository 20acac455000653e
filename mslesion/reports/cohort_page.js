// Sorting and filtering of the table of visits. Without it the page shows all visits.
(() => {
  const table = document.getElementById("visits");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const form = document.getElementById("filter");
  const status = document.getElementById("shown");

  const value = (row, column) => row.cells[column].dataset.value ?? "";
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1); // what is missing comes last, both ways
    const numbers = [Number(x), Number(y)];
    const order = numbers.some(Number.isNaN) ? x.localeCompare(y) : numbers[0] - numbers[1];
    return sign * order;
  };

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows.sort(compare(column, up ? 1 : -1)));
    });
  });

  const state = (row, rule) => {
    if (row.dataset.met.split(" ").includes(rule)) return "met";
    return row.dataset.open.split(" ").includes(rule) ? "not assessable" : "not met";
  };
  const filter = () => {
    const { rule, verdict, latest } = form.elements;
    verdict.disabled = !rule.value;
    for (const row of rows) {
      const fits = !rule.value || state(row, rule.value) === verdict.value;
      row.hidden = !fits || (latest.checked && row.dataset.latest !== "yes");
    }
    const count = rows.filter((row) => !row.hidden).length;
    status.textContent = `${count} of ${rows.length} visits shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
