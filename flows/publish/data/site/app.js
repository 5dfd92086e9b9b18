"use strict";
// The page: filters, list, selection and permalinks.
(function () {
  const { data, changes, facilities, facilityById, changeById, element, words, day, placeName, noLongerCounts, size, onset } = window.FW_page;
  const PAGE = 100;
  const SORTS = {
    newest: (a, b) => (a.valid_from < b.valid_from) - (a.valid_from > b.valid_from),
    oldest: (a, b) => (a.valid_from > b.valid_from) - (a.valid_from < b.valid_from),
    largest: (a, b) => b.area_m2 - a.area_m2,
    surest: (a, b) => (b.confidence ?? -1) - (a.confidence ?? -1),
    place: (a, b) => placeName(facilityById.get(a.facility_id)).localeCompare(placeName(facilityById.get(b.facility_id))),
  };
  const $ = (id) => document.getElementById(id);
  const form = $("filter");
  let mode = "changes", limit = PAGE, shown = [], places = [], current = null;

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
    const holding = new Set(shown.map((change) => change.facility_id));
    places = places.filter((place) => names(ask.q, place.facility_name, place.facility_id, place.county) || holding.has(place.facility_id));
    const blind = places.filter((place) => place.outcome !== "assessed").length;
    $("count").textContent = `${shown.length} of ${changes.length} changes at ${places.length} of ${facilities.length} ` +
      `facilities` + (blind ? `; ${blind} of these facilities could not be assessed in the newest run` : "");
    limit = PAGE;
    list();
    offerArchive();
    FW_map.draw(places, shown, openFacility, openChange, data.types, data.statuses);
    remember();
  }

  // List --------------------------------------------------------------------------------------------------------

  function list() {
    const entries = mode === "changes" ? [...shown].sort(SORTS[$("sort").value]) : places;
    $("list").replaceChildren(...entries.slice(0, limit).map(mode === "changes" ? changeEntry : facilityEntry));
    if (!entries.length) {
      $("list").append(element("li", { className: "none" }, "Nothing fits these filters. That says nothing of what happened on the ground."));
    }
    $("more").hidden = entries.length <= limit;
    $("sorting").hidden = mode !== "changes";
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
    return entry(change.change_id, noLongerCounts(change) ? "#777" : data.types[change.change_type].colour, [
      `${data.types[change.change_type].label}, ${size(change)}`,
      placeName(facilityById.get(change.facility_id)),
      `${onset(change)} · ${change.status} · ${change.review_status}`,
    ], () => openChange(change));
  }

  function facilityEntry(place) {
    const [assessed, months] = FW_coverage.observed(place);
    return entry(place.facility_id, place.outcome === "assessed" ? "#222" : "#bbb", [
      placeName(place),
      [words(place.facility_kind), place.county, place.prefecture].filter(Boolean).join(" · "),
      `assessed in ${assessed} of ${months} months · ${place.changes_standing} changes stand`,
    ], () => openFacility(place));
  }

  // Selection ---------------------------------------------------------------------------------------------------

  function detail(id, kind, children, move) {
    current = id;
    $("detail").replaceChildren(...children.filter(Boolean));
    for (const button of document.querySelectorAll("#list button")) {
      button.setAttribute("aria-current", String(button.dataset.id === id));
    }
    remember(kind);
    if (move) $("detail").focus({ preventScroll: false });
  }

  function openChange(change, move = true) {
    detail(change.change_id, "change", FW_detail.change(change, openFacility), move);
    FW_map.showChange(change, data.types[change.change_type].colour);
  }

  function openFacility(place, move = true) {
    detail(place.facility_id, "facility", FW_detail.facility(place, openChange), move);
    FW_map.showArea([place.area]);
  }

  // Downloads ---------------------------------------------------------------------------------------------------

  function offerArchive() {
    const count = shown.filter((change) => change.chip).length;
    $("chips").textContent = `Chips (ZIP, ${count} change${count === 1 ? "" : "s"}, ${(FW_archive.size(shown) / 1e6).toFixed(1)} MB)`;
    $("chips").disabled = count === 0;
  }

  async function download(kind) {
    const tell = (text) => { $("download-state").textContent = text; };
    try {
      await FW_download[kind](shown, data.fields.map((field) => field.name), (done, of) => tell(`Packing ${done} of ${of} changes`));
      tell("");
    } catch (error) {
      tell(error.message);
    }
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
    put(parts, "sort", $("sort").value, "newest");
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
    if (parts.get("sort") in SORTS) $("sort").value = parts.get("sort");
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
  $("sort").addEventListener("change", () => { list(); remember(); });
  $("more").addEventListener("click", () => { limit += PAGE; list(); });
  for (const name of ["changes", "facilities"]) {
    $("show-" + name).addEventListener("click", () => { mode = name; limit = PAGE; list(); });
  }
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => download(button.dataset.download));
  }
  $("background").addEventListener("submit", (event) => {
    event.preventDefault();
    FW_map.setBackground(event.target.elements.url.value);
  });
  window.addEventListener("hashchange", recall);
  recall();
  document.documentElement.dataset.ready = "yes";
})();
