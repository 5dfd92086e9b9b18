"use strict";
// What was observed of a facility and what was not, month by month.
window.FW_coverage = (function () {
  const { data, element } = window.FW_page;
  const rowsOf = (place) => Object.entries(data.coverage.facilities[place.facility_id] || {});

  function monthName(first, offset) {
    const [year, month] = first.split("-").map(Number);
    const at = year * 12 + month - 1 + offset;
    return `${Math.floor(at / 12)}-${String(at % 12 + 1).padStart(2, "0")}`;
  }

  // Months in a row are told as a span.
  function spans(first, months) {
    const runs = [];
    for (const month of months) {
      const last = runs.at(-1);
      if (last && last[1] === month - 1) last[1] = month;
      else runs.push([month, month]);
    }
    return runs.map(([from, to]) => (from === to ? monthName(first, from) : `${monthName(first, from)} to ${monthName(first, to)}`)).join(", ");
  }

  function observed(place) {
    const detectors = rowsOf(place).map(([, row]) => row);
    const months = detectors.length ? detectors[0].state.length : 0;
    let assessed = 0;
    for (let month = 0; month < months; month++) assessed += detectors.some((row) => row.state[month]) ? 1 : 0;
    return [assessed, months];
  }

  function detectorBlock(detector, row) {
    const gaps = new Map();
    row.state.forEach((state, at) => {
      if (!state) gaps.set(row.reason[at], [...(gaps.get(row.reason[at]) || []), at]);
    });
    const last = row.state.length - 1;
    const assessed = row.state.filter(Boolean).length;
    const strip = element("div", { className: "strip", role: "img" }, ...row.state.map((state, at) => element("span", {
      className: state ? "seen" : "", title: `${monthName(row.first, at)}: ${state ? "assessed, " + row.clear[at] + " clear scene(s)" : data.coverage.reasons[row.reason[at]]}`,
    })));
    const told = `${data.detectors[detector] || detector}: assessed in ${assessed} of ${row.state.length} months`;
    strip.setAttribute("aria-label", `${told}, ${monthName(row.first, 0)} to ${monthName(row.first, last)}`);
    const axis = element("p", { className: "axis small", "aria-hidden": "true" }, element("span", {}, monthName(row.first, 0)), element("span", {}, monthName(row.first, last)));
    const why = gaps.size ? element("details", {}, element("summary", {}, `Why ${row.state.length - assessed} months were not assessed`),
      element("ul", {}, ...[...gaps].map(([reason, months]) =>
        element("li", {}, `${data.coverage.reasons[reason]}: ${spans(row.first, months)}`)))) : null;
    return [element("p", {}, told), strip, axis, why].filter(Boolean);
  }

  function block(place) {
    return element("div", {}, element("h3", {}, "What was observed and what was not"),
      element("p", { className: "small" }, "Blue months were assessed. Hatched months were not: nothing can be said of them, least of all that nothing happened."),
      ...rowsOf(place).flatMap(([detector, row]) => detectorBlock(detector, row)));
  }

  return { block, observed };
})();
