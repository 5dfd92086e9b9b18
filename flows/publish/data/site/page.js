"use strict";
// What every part of the page uses: the data as records, and elements whose text is only ever set as text, never as HTML.
window.FW_page = (function () {
  const data = window.FACILITY_WATCH;

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

  function element(tag, properties, ...children) {
    const made = document.createElement(tag);
    for (const [name, content] of Object.entries(properties || {})) {
      if (name in made) made[name] = content;
      else made.setAttribute(name, content);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function link(text, href, download = false) {
    const made = element("a", { href }, text);
    if (download) made.download = "";
    return made;
  }

  const changes = rows(data.changes);
  changes.forEach((change, at) => Object.assign(change, {
    polygons: data.geometries[at], sentence: data.sentences[at], citation: data.citations[at], chip: data.chips[at],
    sightings: data.sightings[at], sides: data.sides[change.change_id] || [],
  }));
  const facilities = rows(data.facilities);
  facilities.forEach((place, at) => Object.assign(place, { area: data.areas[at], report: data.reports[at] }));
  const ofFacility = new Map(facilities.map((place) => [place.facility_id, []]));
  for (const change of changes) ofFacility.get(change.facility_id).push(change);

  return {
    data, changes, facilities, ofFacility, element, link,
    facilityById: new Map(facilities.map((place) => [place.facility_id, place])),
    changeById: new Map(changes.map((change) => [change.change_id, change])),
    words: (text) => (text || "").replaceAll("_", " "),
    day: (moment) => (moment ? moment.slice(0, 10) : "?"),
    url: (path) => "../" + path.split("/").map(encodeURIComponent).join("/"),
    placeName: (place) => place.facility_name || place.facility_id,
    noLongerCounts: (change) => change.status === "withdrawn" || change.review_status === "rejected",
    size: (change) => (change.length_m === null ? (change.area_m2 / 1e4).toFixed(2) + " ha" : change.length_m.toFixed(0) + " m"),
    onset: (change) => `${change.last_without ? change.last_without.slice(0, 10) : "start of series"} to ${change.valid_from.slice(0, 10)}`,
  };
})();
