// Narrow windows show the cells of a row below each other (css/site.css), each with the heading of its column.
document.querySelectorAll(".rst-content table").forEach((table) => {
  const headings = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  table.querySelectorAll("tbody tr").forEach((row) => {
    [...row.cells].forEach((cell, index) => cell.setAttribute("data-label", headings[index]));
  });
});
