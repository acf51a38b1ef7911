"use strict";
// Sorts and filters the table of students. Without it the table is whole and in its first order.
(() => {
  const table = document.getElementById("students");
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

  // A number where the cell has one to sort by; what has none comes last.
  const key = (row, column) => {
    const cell = row.cells[column];
    const sort = cell.dataset.sort;
    if (sort === undefined) return cell.textContent.trim();
    return sort === "" ? -Infinity : Number(sort);
  };

  const sort = (column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    const keyed = rows.map((row, place) => ({ row, place, key: key(row, column) }));
    keyed.sort((a, b) => {
      const order = typeof a.key === "number" ? a.key - b.key || 0 : compare(a.key, b.key);
      return sign * order || a.place - b.place;
    });
    body.append(...keyed.map((each) => each.row));
    heads.forEach((head, place) => {
      if (place === column) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    });
    const name = heads[column].textContent.trim();
    const sorting = document.getElementById("sorting");
    sorting.textContent = sorting.dataset[direction].replace("{name}", () => name);
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      // Numbers are first looked at from the top, names from A.
      const first = head.classList.contains("figure") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      sort(column, was === first ? other : first);
    });
  });

  const value = (id) => document.getElementById(id).value;
  const filter = () => {
    const name = value("by-name").trim().toLowerCase();
    const mistake = value("by-mistake");
    const check = value("by-check");
    let shown = 0;
    for (const row of rows) {
      const mistakes = row.dataset.mistakes.split(" ");
      const fits =
        row.cells[0].querySelector("bdi").textContent.toLowerCase().includes(name) &&
        (mistake === "" || (mistake === " " ? mistakes[0] === "" : mistakes.includes(mistake))) &&
        (check === "" || row.dataset.checks.split(" ").includes(check));
      row.hidden = !fits;
      shown += fits;
    }
    const said = shown === rows.length ? count.dataset.all : count.dataset.some;
    count.textContent = said.replace("{count}", shown).replace("{all}", rows.length);
  };

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
})();
