"use strict";
// A line chart as an SVG element: one run's curve, with those of the other seeds behind it.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 320, height: 200, left: 46, right: 8, top: 24, bottom: 34 };

function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// At most five round values between low and high.
function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step);
  return found;
}

// label: of the y axis; curve: one value an epoch; others: the same of other seeds; best: chosen epoch, from 1.
function chart(label, curve, others, best) {
  const { width, height, left, right, top, bottom } = CHART;
  const all = [curve, ...others].flat();
  const low = Math.min(...all);
  const high = Math.max(...all);
  const epochs = Math.max(2, curve.length);
  const x = (epoch) => left + ((epoch - 1) / (epochs - 1)) * (width - left - right);
  const y = (value) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
  const points = (values) => values.map((value, i) => `${x(i + 1).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const says = `${label}: ${curve[0]} after epoch 1, ${curve[best - 1]} after the chosen epoch ${best}, ${curve.at(-1)} at the end`;
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": says });
  root.append(svg("text", { x: 4, y: 14, class: "name" }, label));
  for (const value of ticks(low, high)) {
    root.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }));
    root.append(svg("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(3)))));
  }
  for (const epoch of ticks(1, epochs).filter((one) => Number.isInteger(one))) {
    root.append(svg("text", { x: x(epoch), y: height - bottom + 14, "text-anchor": "middle" }, String(epoch)));
  }
  root.append(svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "epoch"));
  for (const other of others) root.append(svg("polyline", { points: points(other), class: "other" }));
  root.append(svg("line", { x1: x(best), x2: x(best), y1: top, y2: height - bottom, class: "best" }));
  root.append(svg("polyline", { points: points(curve), class: "curve" }));
  return root;
}

