'use strict';
// The page can be read without this: it adds sorting, filters, and details that fold.

const unitsOf = (table) => {
  const rows = [...table.querySelectorAll('tbody.row')];
  return rows.length ? rows : [...table.tBodies[0].rows];
};
const cellOf = (unit, k) => (unit.rows ? unit.rows[0] : unit).cells[k];
const valueOf = (unit, k) => {
  const cell = cellOf(unit, k);
  return cell.dataset.value ?? cell.textContent.trim();
};

function compare(a, b, sign) {
  if (a === '' || b === '') return (a === '') - (b === ''); // what is unknown comes last
  const difference = a - b;
  return sign * (Number.isNaN(difference) ? a.localeCompare(b, 'en', { numeric: true }) : difference);
}

function sortBy(table, k) {
  const heads = [...table.tHead.rows[0].cells];
  const units = unitsOf(table);
  const numbers = units.every((unit) => !Number.isNaN(Number(valueOf(unit, k))));
  const before = heads[k].getAttribute('aria-sort');
  const ascending = before ? before === 'descending' : !numbers || k === 0;
  heads.forEach((head) => head.removeAttribute('aria-sort'));
  heads[k].setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
  units.sort((one, two) => compare(valueOf(one, k), valueOf(two, k), ascending ? 1 : -1));
  units.forEach((unit) => unit.parentNode.append(unit));
}

document.querySelectorAll('table.sortable').forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((head, k) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.addEventListener('click', () => sortBy(table, k));
    head.append(button);
  });
});

document.querySelectorAll('.toggle').forEach((button) => {
  const row = document.getElementById(button.getAttribute('aria-controls'));
  row.hidden = true;
  button.hidden = false;
  button.addEventListener('click', () => {
    row.hidden = !row.hidden;
    button.setAttribute('aria-expanded', String(!row.hidden));
  });
});

const form = document.querySelector('.filter');
const fits = (place, key) => {
  const wanted = form.elements[key]?.value;
  return !wanted || place.dataset[key] === wanted;
};

function filter() {
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = (unit) => words.every((word) => unit.textContent.toLowerCase().includes(word));
  let shown = 0;
  document.querySelectorAll('section.own').forEach((section) => {
    const fitting = fits(section, 'dataset') && fits(section, 'labels');
    const rows = [...section.querySelectorAll('tbody.row')];
    rows.forEach((row) => { row.hidden = !wanted(row); });
    const left = rows.filter((row) => !row.hidden).length;
    section.hidden = !fitting || (words.length > 0 && left === 0);
    shown += section.hidden ? 0 : left;
  });
  document.querySelectorAll('h2[data-dataset], figure').forEach((part) => { part.hidden = !fits(part, 'dataset'); });
  const others = [...document.querySelectorAll('.published tbody tr')];
  others.forEach((row) => { row.hidden = !wanted(row); });
  const published = others.filter((row) => !row.hidden).length;
  form.querySelector('output').textContent = `${shown} row${shown === 1 ? '' : 's'}` + (others.length ? `, ${published} published` : '');
}

form.hidden = false;
form.addEventListener('input', filter);
form.addEventListener('submit', (event) => event.preventDefault());
filter();
