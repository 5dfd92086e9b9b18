"use strict";
// The page: filters, list, details and permalinks. Text is only ever set as text, never as HTML.
(function () {
  const data = window.FACILITY_WATCH;
  const PAGE = 100;
  const $ = (id) => document.getElementById(id);
  const form = $("filter");
  let mode = "changes", limit = PAGE, shown = [], places = [], current = null;

  function rows(columns) {
    const names = Object.keys(columns);
    const plain = names.map((name) => {
      const column = columns[name];
      return column.length === 2 && Array.isArray(column[0]) && Array.isArray(column[1])
        ? column[1].map((place) => (place < 0 ? null : column[0][place])) : column;
    });
    const count = names.length ? plain[0].length : 0;
    return Array.from({ length: count }, (_, row) => Object.fromEntries(names.map((name, at) => [name, plain[at][row]])));
  }

  const changes = rows(data.changes);
  changes.forEach((change, at) => Object.assign(change, {
    polygons: data.geometries[at], sentence: data.sentences[at], citation: data.citations[at], chip: data.chips[at],
  }));
  const facilities = rows(data.facilities);
  facilities.forEach((place, at) => Object.assign(place, { area: data.areas[at], report: data.reports[at] }));
  const facilityById = new Map(facilities.map((place) => [place.facility_id, place]));
  const changeById = new Map(changes.map((change) => [change.change_id, change]));
  const byFacility = Map.groupBy ? Map.groupBy(changes, (change) => change.facility_id) : grouped();
  const fieldNames = data.fields.map((field) => field.name);

  function grouped() {
    const groups = new Map();
    for (const change of changes) {
      if (!groups.has(change.facility_id)) groups.set(change.facility_id, []);
      groups.get(change.facility_id).push(change);
    }
    return groups;
  }

  function element(tag, properties, ...children) {
    const made = document.createElement(tag);
    for (const [name, content] of Object.entries(properties || {})) {
      if (name in made) made[name] = content;
      else made.setAttribute(name, content);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const words = (text) => (text || "").replaceAll("_", " ");
  const day = (moment) => (moment ? moment.slice(0, 10) : "?");
  const url = (path) => "../" + path.split("/").map(encodeURIComponent).join("/");
  const placeName = (place) => place.facility_name || place.facility_id;

  // Filters -----------------------------------------------------------------------------------------------------

  function fill(name, key) {
    const values = [...new Set(facilities.map((place) => place[key]).filter(Boolean))].sort();
    for (const value of values) form.elements[name].append(element("option", { value }, words(value)));
  }

  function ticked(name) {
    return new Set([...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value));
  }

  function matchesPlace(place, wanted) {
    if (wanted.prefecture && place.prefecture !== wanted.prefecture) return false;
    if (wanted.kind && place.facility_kind !== wanted.kind) return false;
    return true;
  }

  function matchesChange(change, wanted) {
    if (!wanted.types.has(change.change_type) || !wanted.statuses.has(change.status)) return false;
    if (!wanted.reviews.has(change.review_status)) return false;
    if (wanted.confidence > 0 && !(change.confidence >= wanted.confidence)) return false;
    // An onset is an interval: it is kept where any of it can lie in the asked-for time.
    if (wanted.from && day(change.valid_from) < wanted.from) return false;
    if (wanted.to && day(change.last_without || change.valid_from) > wanted.to) return false;
    return true;
  }

  function wanted() {
    const get = (name) => form.elements[name].value;
    return {
      q: get("q").trim().toLocaleLowerCase(), prefecture: get("prefecture"), kind: get("kind"),
      types: ticked("type"), statuses: ticked("status"), reviews: ticked("review"),
      confidence: Number(get("confidence")), from: get("from"), to: get("to"),
    };
  }

  function names(text, ...parts) {
    return !text || parts.some((part) => (part || "").toLocaleLowerCase().includes(text));
  }

  function apply() {
    const ask = wanted();
    $("confidence-value").value = ask.confidence.toFixed(2);
    places = facilities.filter((place) => matchesPlace(place, ask));
    const kept = new Set(places.map((place) => place.facility_id));
    shown = changes.filter((change) => kept.has(change.facility_id) && matchesChange(change, ask) &&
      names(ask.q, change.change_id, change.facility_name, change.facility_id, change.county));
    places = places.filter((place) => names(ask.q, place.facility_name, place.facility_id, place.county) ||
      shown.some((change) => change.facility_id === place.facility_id));
    const blind = places.filter((place) => place.outcome !== "assessed").length;
    $("count").textContent = `${shown.length} of ${changes.length} changes at ${places.length} of ${facilities.length} ` +
      `facilities` + (blind ? `; ${blind} of these facilities could not be assessed in the newest run` : "");
    limit = PAGE;
    list();
    FW_map.draw(places, shown, openFacility, openChange, data.types, data.statuses);
    remember();
  }

  // List --------------------------------------------------------------------------------------------------------

  function list() {
    const entries = mode === "changes" ? shown : places;
    const target = $("list");
    target.replaceChildren(...entries.slice(0, limit).map(mode === "changes" ? changeEntry : facilityEntry));
    $("more").hidden = entries.length <= limit;
    for (const name of ["changes", "facilities"]) $("show-" + name).setAttribute("aria-pressed", String(name === mode));
  }

  function entry(id, colour, lines, open) {
    const button = element("button", { type: "button" }, lines[0], ...lines.slice(1).map((line) => element("small", {}, line)));
    button.dataset.id = id;
    button.dir = "auto";
    button.style.setProperty("--colour", colour);
    button.setAttribute("aria-current", String(current === id));
    button.addEventListener("click", open);
    return element("li", {}, button);
  }

  function changeEntry(change) {
    const out = change.status === "withdrawn" || change.review_status === "rejected";
    const size = change.length_m === null ? (change.area_m2 / 1e4).toFixed(2) + " ha" : change.length_m.toFixed(0) + " m";
    return entry(change.change_id, out ? "#777" : data.types[change.change_type].colour, [
      `${data.types[change.change_type].label}, ${size}`,
      placeName(facilityById.get(change.facility_id)),
      `${change.last_without ? day(change.last_without) : "start of series"} to ${day(change.valid_from)} · ` +
        `${change.status} · ${change.review_status}`,
    ], () => openChange(change));
  }

  function facilityEntry(place) {
    const [assessed, months] = observed(place.facility_id);
    return entry(place.facility_id, place.outcome === "assessed" ? "#222" : "#bbb", [
      placeName(place),
      [words(place.facility_kind), place.county, place.prefecture].filter(Boolean).join(" · "),
      `assessed in ${assessed} of ${months} months · ${place.changes_standing} changes stand`,
    ], () => openFacility(place));
  }

  // Coverage ----------------------------------------------------------------------------------------------------

  function observed(facilityId) {
    const detectors = Object.values(data.coverage.facilities[facilityId] || {});
    const months = detectors.length ? detectors[0].state.length : 0;
    let assessed = 0;
    for (let month = 0; month < months; month++) assessed += detectors.some((row) => row.state[month]) ? 1 : 0;
    return [assessed, months];
  }

  function monthName(first, offset) {
    const [year, month] = first.split("-").map(Number);
    const at = year * 12 + month - 1 + offset;
    return `${Math.floor(at / 12)}-${String(at % 12 + 1).padStart(2, "0")}`;
  }

  function coverage(place) {
    const block = element("div", {}, element("h3", {}, "What was observed and what was not"));
    for (const [detector, row] of Object.entries(data.coverage.facilities[place.facility_id] || {})) {
      const gaps = new Map();
      row.state.forEach((state, at) => {
        if (!state) gaps.set(row.reason[at], [...(gaps.get(row.reason[at]) || []), monthName(row.first, at)]);
      });
      const assessed = row.state.filter(Boolean).length;
      const strip = element("div", { className: "strip", role: "img" }, ...row.state.map((state, at) => element("span", {
        className: state ? "seen" : "", title: `${monthName(row.first, at)}: ${state ? "assessed, " + row.clear[at] + " clear scene(s)" : data.coverage.reasons[row.reason[at]]}`,
      })));
      const told = `${detector}: assessed in ${assessed} of ${row.state.length} months, ` +
        `${monthName(row.first, 0)} to ${monthName(row.first, row.state.length - 1)}`;
      strip.setAttribute("aria-label", told);
      block.append(element("p", {}, told), strip);
      if (gaps.size) {
        block.append(element("details", {}, element("summary", {}, `Why ${row.state.length - assessed} months were not assessed`),
          element("ul", {}, ...[...gaps].map(([reason, months]) =>
            element("li", {}, `${data.coverage.reasons[reason]}: ${months.join(", ")}`)))));
      }
    }
    return block;
  }

  // Details -----------------------------------------------------------------------------------------------------

  function detail(id, kind, ...children) {
    current = id;
    $("detail").replaceChildren(...children.filter(Boolean));
    for (const button of document.querySelectorAll("#list button")) {
      button.setAttribute("aria-current", String(button.dataset.id === id));
    }
    remember(kind);
  }

  function openChange(change, move = true) {
    const place = facilityById.get(change.facility_id);
    const quote = element("blockquote", { dir: "auto" }, change.sentence);
    const copy = element("button", { type: "button" }, "Copy the sentence and citation");
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(`${change.sentence}\n${change.citation}`);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(quote); // a browser may refuse its clipboard to a page on disk
        copy.textContent = "Selected: copy it with your keyboard";
      }
    });
    const parent = changeById.get(change.parent_change_id);
    const extended = parent ? element("p", {}, "Extends ", link(parent.change_id, `#change=${encodeURIComponent(parent.change_id)}`), ".") : null;
    const visit = element("button", { type: "button" }, "Facility");
    visit.addEventListener("click", () => openFacility(place));
    detail(change.change_id, "change",
      element("h2", { dir: "auto" }, `${data.types[change.change_type].label}: ${placeName(place)}`),
      quote, element("p", {}, copy, " ", visit, " ", link("Permalink", `#change=${encodeURIComponent(change.change_id)}`)),
      extended,
      change.chip ? swipe(change) : element("p", {}, "No images: the scenes were not at hand when this page was made."),
      change.chip ? files(change) : null, story(change), provenance(change));
    FW_map.show(change.polygons);
    if (move) $("detail").focus({ preventScroll: false });
  }

  function half(change, moment) {
    const [width, height] = change.chip.panels[moment];
    const image = element("img", { src: url(change["evidence_" + moment]), alt: "" });
    image.style.width = `${100 / width}%`;
    image.style.height = `${100 / height}%`;
    return [element("div", { className: "half" }, image), image, width, height];
  }

  function swipe(change) {
    const [after, image, width, height] = half(change, "after");
    const frame = element("div", { className: "frame" });
    image.addEventListener("load", () => {
      frame.style.aspectRatio = `${image.naturalWidth * width} / ${image.naturalHeight * height}`;
    });
    const dates = `Before: ${day(change.before_acquired_at)}. After: ${day(change.after_acquired_at)}.`;
    const outline = ringDrawing(change);
    const toggle = element("label", { className: "tick" }, element("input", { type: "checkbox", checked: true }), " Outline");
    toggle.firstChild.addEventListener("change", (event) => { outline.style.display = event.target.checked ? "" : "none"; });
    const figure = element("figure", { className: "swipe" }, frame);
    if (change.evidence_before) {
      const [before] = half(change, "before");
      const divider = element("div", { className: "divider" });
      const range = element("input", { type: "range", min: 0, max: 100, value: 50 });
      range.setAttribute("aria-label", `Slide between the image before and the image after. ${dates}`);
      const move = () => {
        after.style.clipPath = `inset(0 0 0 ${range.value}%)`;
        divider.style.left = `${range.value}%`;
      };
      range.addEventListener("input", move);
      frame.append(before, after, outline, divider,
        element("span", { className: "tag before" }, day(change.before_acquired_at)),
        element("span", { className: "tag after" }, day(change.after_acquired_at)));
      figure.append(range);
      move();
    } else {
      frame.append(after, outline, element("span", { className: "tag after" }, day(change.after_acquired_at)));
    }
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `${dates} ${change.sentence}`);
    figure.append(toggle, element("figcaption", {}, `${change.attribution}. Both images share one stretch.`));
    return figure;
  }

  function ringDrawing(change) {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("viewBox", "0 0 1 1");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    for (const [colour, width] of [["#fff", 5], [data.types[change.change_type].colour, 3]]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", change.chip.rings.map((ring) => "M" + ring.map((point) => point.join(" ")).join("L") + "Z").join(""));
      path.setAttribute("fill", "none");
      path.setAttribute("stroke", colour);
      path.setAttribute("stroke-width", width);
      path.setAttribute("vector-effect", "non-scaling-stroke");
      drawing.append(path);
    }
    return drawing;
  }

  function link(text, href, download = false) {
    const made = element("a", { href }, text);
    if (download) made.download = "";
    return made;
  }

  function files(change) {
    const parts = ["before", "after"].filter((moment) => change["evidence_" + moment]).flatMap((moment) => [
      link(`image ${moment}`, url(change["evidence_" + moment])), " · ",
      link(`GeoTIFF ${moment}`, url(change.chip.rasters[moment]), true), " · ",
    ]);
    return element("p", { className: "small" }, ...parts, `sha256 of both images: ${change.evidence_sha256}`);
  }

  function story(change) {
    const steps = data.history[change.change_id] || [];
    if (!steps.length) return null;
    const rows = steps.map(([at, event, status, area, note]) => element("li", {},
      `${day(at)}: ${words(event)}, ${status}, ${(area / 1e4).toFixed(2)} ha${note ? " (" + note + ")" : ""}`));
    return element("details", {}, element("summary", {}, `History, ${steps.length} step${steps.length > 1 ? "s" : ""}`),
      element("ol", {}, ...rows));
  }

  function provenance(change) {
    const body = element("tbody", {}, ...data.fields.filter((field) => change[field.name] !== null && change[field.name] !== "")
      .map((field) => element("tr", {},
        element("th", { scope: "row", title: field.description }, words(field.name) + (field.unit ? ` (${field.unit})` : "")),
        element("td", { dir: "auto" }, String(change[field.name])))));
    const table = element("table", {}, body);
    table.setAttribute("aria-label", "Everything on record of this change");
    return element("details", {}, element("summary", {}, "Everything on record"), element("div", { className: "wide" }, table));
  }

  function openFacility(place, move = true) {
    const own = (byFacility.get(place.facility_id) || []);
    const series = place.series
      ? element("details", {}, element("summary", {}, "Animated series of the clear scenes (moves)"),
        element("img", { src: url(place.series), loading: "lazy", alt: `Clear scenes of ${placeName(place)} one after the other, each with its date` }))
      : element("p", {}, "No animated series: fewer than two scenes were at hand.");
    const entries = own.map((change) => {
      const button = element("button", { type: "button" }, `${data.types[change.change_type].label}, ${change.status}, ${day(change.valid_from)}`);
      button.addEventListener("click", () => openChange(change));
      return element("li", {}, button);
    });
    detail(place.facility_id, "facility",
      element("h2", { dir: "auto" }, placeName(place)),
      element("p", {}, [place.facility_id, words(place.facility_kind), place.county, place.prefecture].filter(Boolean).join(" · ")),
      element("p", {}, link("Report on one sheet", url(place.report)), " · ", link("Permalink", `#facility=${encodeURIComponent(place.facility_id)}`)),
      place.outcome === "assessed" ? null : element("p", {}, element("strong", {}, `Newest run: ${words(place.outcome)}. `), place.reason || ""),
      element("h3", {}, "Growth"),
      element("img", { src: url(place.growth_chart), alt: `Ground taken by confirmed works: ${(place.ground_taken_m2 / 1e4).toFixed(1)} hectares at the end of the period` }),
      series, coverage(place), element("h3", {}, "Changes"),
      own.length ? element("ul", {}, ...entries) : element("p", {}, "None on record. That holds for the months that were assessed alone."),
      place.attribution ? element("p", { className: "small" }, place.attribution) : null);
    FW_map.show([place.area]);
    if (move) $("detail").focus({ preventScroll: false });
  }

  // Permalinks --------------------------------------------------------------------------------------------------

  function remember(kind) {
    const parts = new URLSearchParams(location.hash.slice(1));
    if (kind) {
      parts.delete("change");
      parts.delete("facility");
      parts.set(kind, current);
    }
    for (const name of ["q", "prefecture", "kind", "from", "to"]) put(parts, name, form.elements[name].value, "");
    put(parts, "confidence", form.elements.confidence.value, "0");
    for (const name of ["type", "status", "review"]) {
      const boxes = [...form.querySelectorAll(`input[name=${name}]`)];
      const usual = boxes.every((box) => box.checked === box.defaultChecked);
      put(parts, name, usual ? "" : boxes.filter((box) => box.checked).map((box) => box.value).join(" ") || "none", "");
    }
    const text = parts.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }

  function put(parts, name, content, usual) {
    if (content === usual) parts.delete(name);
    else parts.set(name, content);
  }

  function recall() {
    const parts = new URLSearchParams(location.hash.slice(1));
    form.reset();
    for (const name of ["q", "prefecture", "kind", "from", "to", "confidence"]) {
      if (parts.has(name)) form.elements[name].value = parts.get(name);
    }
    for (const name of ["type", "status", "review"]) {
      if (!parts.has(name)) continue;
      const asked = new Set(parts.get(name).split(" "));
      for (const box of form.querySelectorAll(`input[name=${name}]`)) box.checked = asked.has(box.value);
    }
    apply();
    const change = changeById.get(parts.get("change"));
    const place = facilityById.get(parts.get("facility"));
    if (change) openChange(change, false);
    else if (place) openFacility(place, false);
  }

  // On a phone the results come first and the filters open on demand.
  if (matchMedia("(max-width: 45rem)").matches) $("filter-box").open = false;

  // Start -------------------------------------------------------------------------------------------------------

  fill("prefecture", "prefecture");
  fill("kind", "facility_kind");
  FW_map.create("map", data.areas);
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  $("more").addEventListener("click", () => { limit += PAGE; list(); });
  for (const name of ["changes", "facilities"]) {
    $("show-" + name).addEventListener("click", () => { mode = name; limit = PAGE; list(); });
  }
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => FW_download[button.dataset.download](shown, fieldNames));
  }
  $("background").addEventListener("submit", (event) => {
    event.preventDefault();
    FW_map.setBackground(event.target.elements.url.value);
  });
  window.addEventListener("hashchange", recall);
  recall();
  document.documentElement.dataset.ready = "yes";
})();
