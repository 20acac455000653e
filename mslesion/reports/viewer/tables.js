// Tables of a page: a number in the first column goes to its lesion in the viewer.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const { viewer } = document.getElementById("viewer");
  const tables = 'tr[data-table="lesions"], tr[data-table="lesion_changes"]';
  for (const row of document.querySelectorAll(tables)) {
    const value = (name) => row.querySelector(`[data-column="${name}"]`)?.dataset.value;
    const mm = ["x_mm", "y_mm", "z_mm"].map((name) => Number.parseFloat(value(name)));
    const cell = row.querySelector("td, th");
    if (mm.some(Number.isNaN) || !cell || cell.querySelector("button")) continue;
    // Keys of the tables: participant, visit, lesion; participant, visit, earlier visit, group
    const key = row.dataset.row.split("|").map((label) => label.replace(/^ses-/, ""));
    const isChange = row.dataset.table === "lesion_changes";
    const session = key[1];
    const from = isChange ? key[2] : null;
    const lesion = isChange ? null : Number(key[2]);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "viewer-go";
    button.title = "show in the viewer";
    button.append(...cell.childNodes);
    button.addEventListener("click", () => viewer.goTo(session, mm, { lesion, from }));
    cell.append(button);
  }
});
