// Draws each chart above the table of its numbers. Without this script the tables are the page.
"use strict";

(() => {
  const NARROW = 520;
  const ROW = 30;
  const ROW_NARROW = 46;
  const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/u;
  // What the stylesheet gives to a drawing, and a file without it must say of itself.
  const PAINTED = ["fill", "stroke", "stroke-width", "stroke-linecap", "opacity",
    "stroke-opacity", "fill-opacity", "font-family", "font-size", "font-weight"];

  const FORMATS = {
    rank: (rank) => String(rank),
    percent: (share) => `${Math.round(share * 100)} %`,
    number: undefined,
  };

  const tidy = (text) => text.replace(/\s+/gu, " ").trim();

  function read(table) {
    return [...table.tBodies].flatMap((body) => [...body.rows])
      .filter((row) => row.dataset.low !== undefined)
      .map((row, key) => ({
        key,
        name: row.dataset.name,
        value: Number(row.dataset.value),
        low: Number(row.dataset.low),
        high: Number(row.dataset.high),
        isDoubtful: row.dataset.doubtful !== undefined,
      }));
  }

  function ticks(unit, start, end, width) {
    if (unit !== "rank") return Math.max(3, Math.floor(width / 90));
    const last = Math.floor(Math.max(start, end));
    const step = Math.max(1, Math.ceil(last / Math.max(4, width / 60)));
    return [1, ...d3.range(step, last + 1, step).filter((rank) => rank > 1)];
  }

  // Bars from low to high with a dot, one below the other; a doubtful one is hollow and grey.
  function draw(figure, rows, width) {
    const { unit, label, mark } = figure.dataset;
    const [start, end] = [Number(figure.dataset.start), Number(figure.dataset.end)];
    const isNarrow = width < NARROW;
    const longest = Math.max(...rows.map((row) => row.name.length));
    const left = isNarrow ? 20 : Math.min(width * 0.4, 16 + longest * 7);
    const name = { fill: "var(--ink)", fontSize: 13 };
    const colour = (row) => (row.isDoubtful ? "var(--ink-faint)" : "var(--accent)");
    const names = isNarrow
      ? Plot.text(rows, { ...name, x: () => start, y: "key", text: "name", textAnchor: "start", dx: -4, dy: -15 })
      : Plot.axisY({ tickFormat: (key) => rows[key].name, tickSize: 0, label: null, ...name });
    const svg = Plot.plot({
      width,
      height: rows.length * (isNarrow ? ROW_NARROW : ROW) + 56,
      marginLeft: left,
      marginRight: 28,
      marginTop: isNarrow ? 20 : 8,
      marginBottom: 48,
      ariaLabel: tidy(figure.querySelector("h2").textContent),
      x: { domain: [start, end] },
      y: { type: "point", domain: rows.map((row) => row.key), padding: 0.5, axis: null },
      marks: [
        Plot.gridX({ ticks: ticks(unit, start, end, width - left), stroke: "var(--rule)", strokeOpacity: 1 }),
        mark ? Plot.ruleX([Number(mark)], { stroke: "var(--rule-strong)" }) : null,
        Plot.axisX({
          ticks: ticks(unit, start, end, width - left),
          tickFormat: FORMATS[unit],
          tickSize: 0, label, labelAnchor: "right", labelArrow: "none", labelOffset: 42,
          fill: "var(--ink-soft)", fontSize: 12,
        }),
        names,
        Plot.ruleY(rows, {
          y: "key", x1: "low", x2: "high", stroke: colour, strokeWidth: 5,
          strokeLinecap: "round", strokeOpacity: 0.45,
        }),
        Plot.dot(rows, {
          x: "value", y: "key", r: 5.5, strokeWidth: 2, stroke: colour,
          fill: (row) => (row.isDoubtful ? "var(--paper)" : "var(--accent)"),
        }),
      ],
    });
    // It is one picture, named as a whole: the table says the rest.
    svg.setAttribute("role", "img");
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    return svg;
  }

  // The drawing as a file of its own: its colours are as they are seen now.
  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const copies = [copy, ...copy.querySelectorAll("*")];
    [svg, ...svg.querySelectorAll("*")].forEach((element, place) => {
      const style = getComputedStyle(element);
      for (const name of PAINTED) copies[place].setAttribute(name, style.getPropertyValue(name));
      copies[place].removeAttribute("style");
    });
    copy.querySelector("style").remove();
    const ground = document.createElementNS(svg.namespaceURI, "rect");
    ground.setAttribute("width", "100%");
    ground.setAttribute("height", "100%");
    ground.setAttribute("fill", getComputedStyle(document.documentElement).backgroundColor);
    copy.prepend(ground);
    return new XMLSerializer().serializeToString(copy);
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function savePng(svg, name) {
    const image = new Image();
    const { width, height } = svg.viewBox.baseVal;
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [2 * width, 2 * height];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, name), "image/png");
    });
    image.src = `data:image/svg+xml,${encodeURIComponent(standalone(svg))}`;
  }

  // No text that a spreadsheet would take for a formula.
  function csv(table) {
    const cell = (element) => {
      const text = tidy(element.textContent);
      return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    return [...table.rows].map((row) => [...row.cells].map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function downloads(figure, table, drawing) {
    const bar = document.createElement("p");
    bar.className = "actions downloads";
    const svg = () => drawing.querySelector("svg");
    const kinds = {
      SVG: (name) => save(new Blob([standalone(svg())], { type: "image/svg+xml" }), name),
      PNG: (name) => savePng(svg(), name),
      CSV: (name) => save(new Blob([csv(table)], { type: "text/csv" }), name),
    };
    for (const [kind, download] of Object.entries(kinds)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-quiet";
      button.textContent = kind;
      button.setAttribute("aria-label", `${kind}: download this chart`);
      button.addEventListener("click", () => download(`${figure.id}.${kind.toLowerCase()}`));
      bar.append(button);
    }
    return bar;
  }

  for (const figure of document.querySelectorAll("figure.chart")) {
    const table = figure.querySelector("table");
    const rows = read(table);
    if (!rows.length) continue;
    const drawing = document.createElement("div");
    drawing.className = "drawing";
    figure.querySelector("figcaption").after(drawing);
    drawing.after(downloads(figure, table, drawing));
    figure.querySelector("details").open = false;
    let drawn = 0;
    new ResizeObserver(() => {
      const width = Math.floor(drawing.clientWidth);
      if (width === drawn || width === 0) return;
      drawn = width;
      drawing.replaceChildren(draw(figure, rows, width));
    }).observe(drawing);
  }
})();
