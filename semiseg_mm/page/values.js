document.querySelectorAll('.chart[data-lines]').forEach((chart) => {
  const lines = JSON.parse(chart.dataset.lines);
  const svg = chart.querySelector('svg');
  const outputs = chart.querySelectorAll('output');
  const last = [...outputs].map((output) => output.textContent);
  const title = chart.querySelector('h3');
  const name = title.textContent;
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  cursor.setAttribute('class', 'cursor');
  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let nearest = null;
    lines.forEach((line, k) => {
      let best = 0;
      line.x.forEach((place, j) => {
        if (Math.abs(place - x) < Math.abs(line.x[best] - x)) best = j;
      });
      outputs[k].textContent = line.text[best];
      if (nearest === null || Math.abs(line.x[best] - x) < Math.abs(nearest[0] - x)) {
        nearest = [line.x[best], Math.round(line.at[best])];
      }
    });
    cursor.setAttribute('d', `M${nearest[0]} 8V178`);
    svg.append(cursor);
    title.textContent = `${name} at ${nearest[1]}`;
  };
  svg.addEventListener('pointermove', show);
  svg.addEventListener('pointerdown', show);
  svg.addEventListener('pointerleave', () => {
    cursor.remove();
    title.textContent = name;
    outputs.forEach((output, k) => { output.textContent = last[k]; });
  });
});
