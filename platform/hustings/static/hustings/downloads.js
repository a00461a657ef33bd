// Buttons that save a chart or a table as SVG, PNG and CSV. Without this script there are links.
"use strict";

window.hustings = (() => {
  const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/u;
  // What the stylesheet gives to a drawing, and a file without it must say of itself.
  const PAINTED = ["fill", "stroke", "stroke-width", "stroke-linecap", "opacity",
    "stroke-opacity", "fill-opacity", "font-family", "font-size", "font-weight"];
  const SVG = "http://www.w3.org/2000/svg";

  const tidy = (text) => text.replace(/\s+/gu, " ").trim();

  function element(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  const ground = () => element("rect", {
    width: "100%", height: "100%",
    fill: getComputedStyle(document.documentElement).backgroundColor,
  });

  // A drawing as a file of its own: its colours are as they are seen now.
  function standalone(svg) {
    const copy = svg.cloneNode(true);
    const copies = [copy, ...copy.querySelectorAll("*")];
    [svg, ...svg.querySelectorAll("*")].forEach((each, place) => {
      const style = getComputedStyle(each);
      for (const name of PAINTED) copies[place].setAttribute(name, style.getPropertyValue(name));
      copies[place].removeAttribute("style");
    });
    for (const style of copy.querySelectorAll("style")) style.remove();
    copy.prepend(ground());
    return new XMLSerializer().serializeToString(copy);
  }

  // What a visitor sees of a text: its lines as they are broken, each where it stands.
  function* lines(cell) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest(".unseen") || !tidy(node.data)) continue;
      const range = document.createRange();
      let line = null;
      // Lines also break after a hyphen.
      for (const word of node.data.matchAll(/[^\s\-–]*[\-–]|[^\s\-–]+/gu)) {
        const end = word.index + word[0].length;
        range.setStart(node, word.index);
        range.setEnd(node, end);
        const box = range.getBoundingClientRect();
        if (!line || Math.abs(line.box.top - box.top) > 2) {
          if (line) yield line;
          line = { box, from: word.index, style: getComputedStyle(node.parentElement) };
        }
        line.text = tidy(node.data.slice(line.from, end));
      }
      if (line) yield line;
    }
  }

  // A table as a drawing: fills, rules and words where the page has them.
  function drawn(table) {
    const home = table.getBoundingClientRect();
    const [width, height] = [Math.ceil(home.width) + 16, Math.ceil(home.height) + 16];
    const svg = element("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
    svg.append(ground());
    for (const cell of table.querySelectorAll("th, td")) {
      const [box, style] = [cell.getBoundingClientRect(), getComputedStyle(cell)];
      const [x, y] = [box.left - home.left + 8, box.top - home.top + 8];
      const rule = style.borderTopWidth === "0px" ? style.borderBottomColor : style.borderTopColor;
      svg.append(element("rect", {
        x, y, width: box.width, height: box.height, stroke: rule, "stroke-width": 0.5,
        fill: cell.matches("tbody td") ? style.backgroundColor : "none",
      }));
      if (cell.classList.contains("thin")) {
        svg.append(element("path", {
          d: `M${x},${y + box.height}L${x + box.width},${y}`, stroke: rule, "stroke-width": 0.5,
        }));
      }
      for (const line of lines(cell)) {
        const text = element("text", {
          x: line.box.left - home.left + 8, y: line.box.bottom - home.top + 8,
          dy: "-0.3em", fill: line.style.color, "font-family": line.style.fontFamily,
          "font-size": line.style.fontSize, "font-weight": line.style.fontWeight,
        });
        text.textContent = line.text;
        svg.append(text);
      }
    }
    return svg;
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function savePng(text, { width, height }, name) {
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [2 * width, 2 * height];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, name), "image/png");
    });
    image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  }

  // No text that a spreadsheet would take for a formula.
  function csv(table) {
    const cell = (each) => {
      const text = tidy(each.textContent);
      return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    };
    return [...table.rows].map((row) => [...row.cells].map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function button(kind, words, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button button-quiet";
    made.textContent = kind;
    made.setAttribute("aria-label", words.replace("KIND", kind));
    made.addEventListener("click", action);
    return made;
  }

  // `words` say what a button does; `picture` makes the drawing that is saved, and `table` is what
  // is saved as CSV, if anything is.
  function offer(bar, { name, words, table, picture, file }) {
    const kinds = {
      SVG: () => save(new Blob([file(picture())], { type: "image/svg+xml" }), `${name}.svg`),
      PNG: () => savePng(file(picture()), picture().viewBox.baseVal, `${name}.png`),
    };
    if (table) kinds.CSV = () => save(new Blob([csv(table)], { type: "text/csv" }), `${name}.csv`);
    bar.prepend(...Object.entries(kinds).map(([kind, action]) => button(kind, words, action)));
  }

  for (const sheet of document.querySelectorAll(".sheet")) {
    const [table, bar] = [sheet.querySelector("table"), sheet.querySelector(".downloads")];
    offer(bar, {
      name: sheet.id,
      words: bar.dataset.words,
      table: bar.querySelector("a") ? null : table,
      picture: () => drawn(table),
      file: (svg) => new XMLSerializer().serializeToString(svg),
    });
  }

  return { offer, standalone, tidy };
})();
