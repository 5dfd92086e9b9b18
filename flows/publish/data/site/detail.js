"use strict";
// Everything about one change or one facility, as elements for the page to show.
window.FW_detail = (function () {
  const { data, changeById, facilityById, ofFacility, element, link, words, day, url, placeName, onset, size } = window.FW_page;

  function change(shown, openFacility) {
    const place = facilityById.get(shown.facility_id);
    const quote = element("blockquote", { dir: "auto" }, shown.sentence);
    const visit = element("button", { type: "button" }, "Facility");
    visit.addEventListener("click", () => openFacility(place));
    return [
      element("h2", { dir: "auto" }, `${data.types[shown.change_type].label}: ${placeName(place)}`),
      quote, element("p", {}, copier(shown, quote), " ", visit, " ", link("Permalink", `#change=${encodeURIComponent(shown.change_id)}`)),
      facts(shown),
      shown.chip ? swipe(shown) : element("p", {}, "No images: the scenes were not at hand when this page was made."),
      shown.chip ? files(shown) : null, sides(shown), story(shown), provenance(shown),
    ];
  }

  function copier(shown, quote) {
    const copy = element("button", { type: "button" }, "Copy the sentence and citation");
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(`${shown.sentence}\n${shown.citation}`);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(quote); // a browser may refuse its clipboard to a page on disk
        copy.textContent = "Selected: copy it with your keyboard";
      }
    });
    return copy;
  }

  function facts(shown) {
    const related = (ids) => ids.flatMap((id, at) => [at ? ", " : "", link(id, `#change=${encodeURIComponent(id)}`)]);
    const extensions = ofFacility.get(shown.facility_id).filter((other) => other.parent_change_id === shown.change_id);
    const [seen, clear, extended, corrected] = shown.sightings;
    const told = [
      ["Onset between", `${shown.last_without ? day(shown.last_without) : "the start of the series"} and ${day(shown.valid_from)}`],
      ["Last seen", day(shown.last_seen)],
      ["Gone by", shown.valid_to ? day(shown.valid_to) : null],
      ["Extent", shown.length_m === null ? size(shown) : `ring of ${size(shown)} around ${(shown.area_m2 / 1e4).toFixed(2)} ha`],
      ["Seen in", `${seen} of ${clear} clear scenes from the onset ${extended ? "until it was extended" : "on"}`],
      ["Stage", shown.stage ? shown.stage.replaceAll("_", " ") : null],
      ["Status", shown.status + (corrected ? `; corrected ${corrected} time${corrected > 1 ? "s" : ""}, see the history` : "")],
      ["Confidence", shown.confidence === null ? "not calibrated: no figure" : `${shown.confidence.toFixed(2)}, calibrated probability that it is real`],
      ["Review", shown.review_status + (shown.reviewer ? ` by ${shown.reviewer}` : "") + (shown.review_note ? `: ${shown.review_note}` : "")],
      ["Extends", changeById.has(shown.parent_change_id) ? related([shown.parent_change_id]) : null],
      ["Extended by", extensions.length ? related(extensions.map((other) => other.change_id)) : null],
    ];
    return element("dl", { className: "facts" }, ...told.filter(([, content]) => content).flatMap(([name, content]) => [
      element("dt", {}, name), element("dd", { dir: "auto" }, ...[content].flat()),
    ]));
  }

  function half(shown, moment) {
    const [width, height] = shown.chip.panels[moment];
    const image = element("img", { src: url(shown["evidence_" + moment]), alt: "" });
    image.style.width = `${100 / width}%`;
    image.style.height = `${100 / height}%`;
    return [element("div", { className: "half" }, image), image, width, height];
  }

  function swipe(shown) {
    const [after, image, width, height] = half(shown, "after");
    const frame = element("div", { className: "frame" });
    image.addEventListener("load", () => {
      frame.style.aspectRatio = `${image.naturalWidth * width} / ${image.naturalHeight * height}`;
    });
    const dates = `Before: ${day(shown.before_acquired_at)}. After: ${day(shown.after_acquired_at)}.`;
    const outline = ringDrawing(shown);
    const toggle = element("label", { className: "tick" }, element("input", { type: "checkbox", checked: true }), " Outline");
    toggle.firstChild.addEventListener("change", (event) => { outline.style.display = event.target.checked ? "" : "none"; });
    const figure = element("figure", { className: "swipe" }, frame);
    if (shown.evidence_before) {
      const [before] = half(shown, "before");
      const divider = element("div", { className: "divider" });
      const range = element("input", { type: "range", min: 0, max: 100, value: 50 });
      range.setAttribute("aria-label", `Slide between the image before and the image after. ${dates}`);
      const move = () => {
        after.style.clipPath = `inset(0 0 0 ${range.value}%)`;
        divider.style.left = `${range.value}%`;
      };
      range.addEventListener("input", move);
      frame.append(before, after, outline, divider,
        element("span", { className: "tag before" }, day(shown.before_acquired_at)),
        element("span", { className: "tag after" }, day(shown.after_acquired_at)));
      figure.append(range);
      move();
    } else {
      frame.append(after, outline, element("span", { className: "tag after" }, day(shown.after_acquired_at)));
    }
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `${dates} ${shown.sentence}`);
    const across = `${(shown.chip.extent_m[0] / 1000).toFixed(1)} km across, pixels of ${shown.gsd_m} m, north up. `;
    figure.append(toggle, element("figcaption", {}, `${across}Both images share one stretch; grey is masked. ${shown.attribution}.`));
    return figure;
  }

  function ringDrawing(shown) {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("viewBox", "0 0 1 1");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    for (const [colour, width] of [["#fff", 5], [data.types[shown.change_type].colour, 3]]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", shown.chip.rings.map((ring) => "M" + ring.map((point) => point.join(" ")).join("L") + "Z").join(""));
      path.setAttribute("fill", "none");
      path.setAttribute("stroke", colour);
      path.setAttribute("stroke-width", width);
      path.setAttribute("vector-effect", "non-scaling-stroke");
      drawing.append(path);
    }
    return drawing;
  }

  function files(shown) {
    const parts = ["before", "after"].filter((moment) => shown["evidence_" + moment]).flatMap((moment) => [
      link(`image ${moment}`, url(shown["evidence_" + moment])), " · ",
      link(`GeoTIFF ${moment}`, url(shown.chip.rasters[moment]), true), " · ",
    ]);
    return element("p", { className: "small" }, ...parts, `sha256 of both images: ${shown.evidence_sha256}`);
  }

  function table(name, header, rows) {
    const made = element("table", {}, element("thead", {}, element("tr", {}, ...header.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text) => element("td", {}, text))))));
    made.setAttribute("aria-label", name);
    return element("div", { className: "wide" }, made);
  }

  function sides(shown) {
    if (!shown.sides.length) return null;
    const rows = shown.sides.map(({ side_number, role, length_m, strength, scenes_seen, scenes_clear, first_seen, last_seen }) => [
      `${side_number}${role === "interior" ? ", within" : ""}`, `${length_m.toFixed(0)} m`, `${Math.round(100 * strength)} %`, `${scenes_seen} of ${scenes_clear}`,
      first_seen ? `${day(first_seen)} to ${day(last_seen)}` : "in no scene by itself",
    ]);
    return element("details", {}, element("summary", {}, `Sides of the ring, ${rows.length}: how much of each is seen as a line`),
      element("p", { className: "small" }, "On the map the band along a side is the stronger the more of it is seen. What is not seen as a line is inferred from the other sides and the ground."),
      table("Sides of the ring", ["Side", "Length", "Seen as a line", "Clear scenes that show most of it", "Seen"], rows));
  }

  function story(shown) {
    const steps = data.history[shown.change_id] || [];
    if (!steps.length) return null;
    const rows = steps.map(([at, event, status, area, note]) => element("li", {},
      `${day(at)}: ${words(event)}, ${status}, ${(area / 1e4).toFixed(2)} ha${note ? " (" + note + ")" : ""}`));
    return element("details", {}, element("summary", {}, `History, ${steps.length} step${steps.length > 1 ? "s" : ""}`),
      element("ol", {}, ...rows));
  }

  function provenance(shown) {
    const body = element("tbody", {}, ...data.fields.filter((field) => shown[field.name] !== null && shown[field.name] !== "")
      .map((field) => element("tr", {},
        element("th", { scope: "row", title: field.description }, words(field.name) + (field.unit ? ` (${field.unit})` : "")),
        element("td", { dir: "auto" }, String(shown[field.name])))));
    const whole = element("table", {}, body);
    whole.setAttribute("aria-label", "Everything on record of this change");
    return element("details", {}, element("summary", {}, "Everything on record"), element("div", { className: "wide" }, whole));
  }

  function facility(place, openChange) {
    const own = ofFacility.get(place.facility_id);
    const series = place.series
      ? element("details", {}, element("summary", {}, "Animated series of the clear scenes (moves)"),
        element("img", { src: url(place.series), loading: "lazy", alt: `Clear scenes of ${placeName(place)} one after the other, each with its date` }))
      : element("p", {}, "No animated series: fewer than two scenes were at hand.");
    const entries = own.map((shown) => {
      const button = element("button", { type: "button" }, `${data.types[shown.change_type].label}, ${size(shown)}, ${onset(shown)}, ${shown.status}`);
      button.addEventListener("click", () => openChange(shown));
      return element("li", {}, button);
    });
    return [
      element("h2", { dir: "auto" }, placeName(place)),
      element("p", {}, [place.facility_id, words(place.facility_kind), place.county, place.prefecture].filter(Boolean).join(" · ")),
      element("p", {}, link("Report on one sheet", url(place.report)), " · ", link("Permalink", `#facility=${encodeURIComponent(place.facility_id)}`)),
      place.outcome === "assessed" ? null : element("p", {}, element("strong", {}, `Newest run: ${words(place.outcome)}. `), place.reason || ""),
      element("h3", {}, "Growth"),
      element("img", { src: url(place.growth_chart), alt: `Ground taken by confirmed works: ${(place.ground_taken_m2 / 1e4).toFixed(1)} hectares at the end of the period` }),
      series, FW_coverage.block(place), element("h3", {}, "Changes"),
      own.length ? element("ul", { className: "plain" }, ...entries) : element("p", {}, "None on record. That holds for the months that were assessed alone."),
      place.attribution ? element("p", { className: "small" }, place.attribution) : null,
    ];
  }

  return { change, facility };
})();
