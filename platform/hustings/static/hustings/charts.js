// Draws each chart above the table of its numbers. Without this script the tables are the page.
"use strict";

(() => {
  const NARROW = 520;
  const ROW = 30;
  const ROW_NARROW = 46;
  const FORMATS = {
    rank: (rank) => String(rank),
    percent: (share) => `${Math.round(share * 100)} %`,
    number: undefined,
  };

  const { offer, standalone, tidy } = window.hustings;

  const grid = { stroke: "var(--rule)", strokeOpacity: 1 };
  const axis = { tickSize: 0, labelArrow: "none", fill: "var(--ink-soft)", fontSize: 12 };
  const filled = (row) => (row.isDoubtful ? "var(--paper)" : "var(--accent)");
  const colour = (row) => (row.isDoubtful ? "var(--ink-faint)" : "var(--accent)");

  function read(table) {
    return [...table.tBodies].flatMap((body) => [...body.rows])
      .filter((row) => row.dataset.low !== undefined)
      .map((row, key) => ({
        key,
        name: row.dataset.name,
        value: Number(row.dataset.value),
        low: Number(row.dataset.low),
        high: Number(row.dataset.high),
        upValue: Number(row.dataset.upValue),
        upLow: Number(row.dataset.upLow),
        upHigh: Number(row.dataset.upHigh),
        isDoubtful: row.dataset.doubtful !== undefined,
        isNamed: row.dataset.named !== undefined,
      }));
  }

  function ticks(unit, start, end, width) {
    if (unit !== "rank") return Math.max(3, Math.floor(width / 90));
    const last = Math.floor(Math.max(start, end));
    const step = Math.max(1, Math.ceil(last / Math.max(4, width / 60)));
    return [1, ...d3.range(step, last + 1, step).filter((rank) => rank > 1)];
  }

  // Bars from low to high with a dot, one below the other; a doubtful one is hollow and grey.
  function drawBars(figure, rows, width) {
    const { unit, label, mark } = figure.dataset;
    const [start, end] = [Number(figure.dataset.start), Number(figure.dataset.end)];
    // Names stand above their bars where there is no room beside them.
    const beside = 16 + 7 * Math.max(...rows.map((row) => row.name.length));
    const isNarrow = width < NARROW || beside > width / 2;
    const left = isNarrow ? 20 : beside;
    const name = { fill: "var(--ink)", fontSize: 13 };
    const names = isNarrow
      ? Plot.text(rows, { ...name, x: () => start, y: "key", text: "name", textAnchor: "start", dx: -4, dy: -15, lineWidth: width / 15, textOverflow: "ellipsis" })
      : Plot.axisY({ tickFormat: (key) => rows[key].name, tickSize: 0, label: null, ...name });
    return Plot.plot({
      width,
      height: rows.length * (isNarrow ? ROW_NARROW : ROW) + 56,
      marginLeft: left,
      marginRight: 28,
      marginTop: isNarrow ? 20 : 8,
      marginBottom: 48,
      x: { domain: [start, end] },
      y: { type: "point", domain: rows.map((row) => row.key), padding: 0.5, axis: null },
      marks: [
        Plot.gridX({ ticks: ticks(unit, start, end, width - left), ...grid }),
        mark ? Plot.ruleX([Number(mark)], { stroke: "var(--rule-strong)" }) : null,
        Plot.axisX({
          ticks: ticks(unit, start, end, width - left),
          tickFormat: FORMATS[unit],
          label, labelAnchor: "right", labelOffset: 42, ...axis,
        }),
        names,
        Plot.ruleY(rows, {
          y: "key", x1: "low", x2: "high", stroke: colour, strokeWidth: 5,
          strokeLinecap: "round", strokeOpacity: 0.45,
        }),
        Plot.dot(rows, {
          x: "value", y: "key", r: 5.5, strokeWidth: 2, stroke: colour, fill: filled,
        }),
      ],
    });
  }

  // One picture, named as a whole: the table says the rest.
  function asPicture(svg, figure) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", tidy(figure.querySelector("h2").textContent));
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    return svg;
  }

  // Crosses of two intervals each; a doubtful one is hollow and grey.
  function drawScatter(figure, rows, width) {
    const { across, up } = figure.dataset;
    const strokes = { stroke: colour, strokeWidth: 3, strokeLinecap: "round", strokeOpacity: 0.35 };
    const isNarrow = width < NARROW;
    // Where both axes measure the same, the line on which the two are alike.
    const ends = rows.flatMap((row) => [row.low, row.high, row.upLow, row.upHigh]);
    const [least, most] = [Math.min(...ends), Math.max(...ends)];
    const isAlike = "diagonal" in figure.dataset;
    const scale = isAlike ? { domain: [least, most], nice: true } : { nice: true };
    const diagonal = isAlike ? [{ x1: least, y1: least, x2: most, y2: most }] : [];
    return Plot.plot({
      width,
      height: Math.min(Math.max(width * 0.7, 320), 620),
      marginLeft: 48,
      marginRight: isNarrow ? 44 : 90,
      marginTop: 32,
      marginBottom: 48,
      x: scale,
      y: scale,
      marks: [
        Plot.gridX({ ticks: 5, ...grid }),
        Plot.gridY({ ticks: 5, ...grid }),
        Plot.link(diagonal, { x1: "x1", y1: "y1", x2: "x2", y2: "y2", stroke: "var(--ink-soft)", strokeDasharray: "4 4" }),
        Plot.axisX({ ticks: 5, label: `${across} →`, labelAnchor: "right", labelOffset: 42, ...axis }),
        Plot.axisY({ ticks: 5, label: `↑ ${up}`, labelAnchor: "top", ...axis }),
        Plot.ruleY(rows, { y: "upValue", x1: "low", x2: "high", ...strokes }),
        Plot.ruleX(rows, { x: "value", y1: "upLow", y2: "upHigh", ...strokes }),
        Plot.dot(rows, { x: "value", y: "upValue", r: 5, strokeWidth: 2, stroke: colour, fill: filled, title: "name" }),
        Plot.text(rows.filter((row) => row.isNamed), {
          x: "value", y: "upValue", text: "name", dx: 8, dy: -9, textAnchor: "start",
          fill: "var(--ink)", stroke: "var(--paper)", strokeWidth: 4, fontSize: isNarrow ? 11 : 13,
        }),
      ],
    });
  }

  // A panel for each contestant: upright rank intervals over boards, joined within a stretch.
  function drawLines(figure, panels, width) {
    const contestants = Number(figure.dataset.contestants);
    const boards = Math.max(...panels.map((panel) => panel.moments.length));
    const columns = Math.max(1, Math.min(4, Math.floor(width / 150)));
    const place = { fx: (each) => each.panel % columns, fy: (each) => Math.floor(each.panel / columns) };
    const moments = panels.flatMap((panel) => panel.moments.filter(Boolean));
    const joined = moments.filter((moment) => !moment.isDoubtful);
    const changes = panels.flatMap(({ panel, changes: at }) => at.map((board) => ({ panel, board })));
    return Plot.plot({
      width,
      height: Math.ceil(panels.length / columns) * 150 + 24,
      marginLeft: 32,
      marginRight: 12,
      marginTop: 30,
      marginBottom: 12,
      x: { domain: [0.5, boards + 0.5], axis: null },
      y: { domain: [contestants + 0.5, 0.5] },
      fx: { axis: null, padding: 0.06 },
      fy: { axis: null, padding: 0.22 },
      marks: [
        Plot.gridY({ ticks: ticks("rank", 0.5, contestants + 0.5, 240), ...grid }),
        Plot.axisY({ ticks: [1, contestants], tickFormat: FORMATS.rank, label: null, ...axis }),
        Plot.text(panels, {
          ...place, text: "name", frameAnchor: "top-left", dy: -20, fill: "var(--ink)", fontSize: 13,
          fontWeight: 600,
        }),
        Plot.ruleX(changes, { ...place, x: "board", stroke: "var(--rule-strong)", strokeDasharray: "3,3" }),
        Plot.line(joined, { ...place, x: "board", y: "value", z: "run", stroke: "var(--accent)", strokeWidth: 1.5 }),
        Plot.ruleX(moments, {
          ...place, x: "board", y1: "low", y2: "high", stroke: colour, strokeWidth: 5,
          strokeLinecap: "round", strokeOpacity: 0.45,
        }),
        Plot.dot(moments, { ...place, x: "board", y: "value", r: 4, strokeWidth: 2, stroke: colour, fill: filled }),
      ],
    });
  }

  function readLines(table) {
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const changes = heads.flatMap((head, k) => (head.dataset.change === undefined ? [] : [k + 0.5]));
    return [...table.tBodies[0].rows].map((row, panel) => ({
      panel,
      name: row.dataset.name,
      changes,
      moments: [...row.cells].slice(1).map(({ dataset }, k) => dataset.value !== undefined && {
        panel,
        board: k + 1,
        value: Number(dataset.value),
        low: Number(dataset.low),
        high: Number(dataset.high),
        run: `${panel} ${dataset.stretch}`,
        isDoubtful: dataset.doubtful !== undefined,
      }),
    }));
  }

  const KINDS = {
    bars: [read, drawBars],
    scatter: [read, drawScatter],
    lines: [readLines, drawLines],
  };

  for (const figure of document.querySelectorAll("figure.chart")) {
    const table = figure.querySelector("table");
    const [readTable, draw] = KINDS[figure.dataset.kind ?? "bars"];
    const rows = readTable(table);
    if (!rows.length) continue;
    const drawing = document.createElement("div");
    drawing.className = "drawing";
    figure.querySelector("figcaption").after(drawing);
    const bar = document.createElement("p");
    bar.className = "actions downloads";
    drawing.after(bar);
    const picture = () => drawing.querySelector("svg");
    const { words } = figure.dataset;
    offer(bar, { name: figure.id, words, table, picture, file: standalone });
    figure.querySelector("details").open = false;
    let drawn = 0;
    new ResizeObserver(() => {
      const width = Math.floor(drawing.clientWidth);
      if (width === drawn || width === 0) return;
      drawn = width;
      drawing.replaceChildren(asPicture(draw(figure, rows, width), figure));
    }).observe(drawing);
  }
})();
