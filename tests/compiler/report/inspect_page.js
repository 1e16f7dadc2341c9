// Runs in a report's page inside a frame; leaves what it finds in the page around it, as "found".
const faults = [];
window.addEventListener("error", (event) => faults.push(event.message));
const width = document.documentElement.clientWidth;
const name = (element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`;
const wide = [...document.body.querySelectorAll("*")]
  .filter((element) => !element.closest(".scroll table") && !element.ownerSVGElement)
  .filter((element) => element.getBoundingClientRect().right > width + 1)
  .map(name);
if (document.documentElement.scrollWidth > width) wide.push("page");
const outside = (inner, outer) =>
  inner.left < outer.left - 1 || inner.right > outer.right + 1 ||
  inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
const cut = [...document.querySelectorAll("svg text")]
  .filter((text) => outside(text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()))
  .map(name);
const ascending = {}, descending = {};
for (const head of document.querySelectorAll("#layers th")) {
  const read = () => [...document.querySelectorAll("#layers tbody tr")].map((row) => {
    const cell = row.cells[head.cellIndex];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  });
  const title = head.textContent;
  head.firstElementChild.click();
  ascending[title] = read();
  head.firstElementChild.click();
  descending[title] = read();
}
const found = document.createElement("pre");
found.id = "found";
found.textContent = JSON.stringify({
  faults, width, wide, cut, ascending, descending, figures: document.querySelectorAll("svg").length,
});
parent.document.body.append(found);
