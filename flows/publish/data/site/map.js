"use strict";
// The map: facilities and changes on a graticule, without any background unless the reader asks for one.
window.FW_map = (function () {
  const STEPS = [20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005];
  let map, grid, places, shapes, selection, background;
  const flip = (ring) => ring.map(([x, y]) => [y, x]);
  const outlines = (polygons) => polygons.map((rings) => rings.map(flip));

  function create(element, areas) {
    map = L.map(element, { preferCanvas: true, zoomSnap: 0.5, attributionControl: true });
    map.attributionControl.setPrefix("Leaflet");
    L.control.scale({ imperial: false }).addTo(map);
    grid = L.layerGroup().addTo(map);
    places = L.layerGroup().addTo(map);
    shapes = L.layerGroup().addTo(map);
    selection = L.layerGroup().addTo(map);
    const everything = L.latLngBounds(areas.flatMap((rings) => flip(rings[0])));
    if (everything.isValid()) map.fitBounds(everything.pad(0.1));
    else map.setView([41, 85], 5);
    map.on("moveend", graticule);
    graticule();
  }

  function graticule() {
    grid.clearLayers();
    const box = map.getBounds();
    const span = Math.max(box.getEast() - box.getWest(), 1e-6);
    const step = STEPS.find((size) => span / size >= 4) || STEPS.at(-1);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    const style = { color: "#bbb", weight: 1, interactive: false };
    const label = (where, text, lift) => L.marker(where, {
      interactive: false, keyboard: false,
      icon: L.divIcon({ className: "graticule", html: "", iconSize: [0, 0], iconAnchor: [0, lift] }),
    }).addTo(grid).getElement().append(text);
    for (let x = Math.ceil(box.getWest() / step) * step; x <= box.getEast(); x += step) {
      L.polyline([[box.getSouth(), x], [box.getNorth(), x]], style).addTo(grid);
      label([box.getSouth(), x], "\u00a0" + x.toFixed(digits) + "° E", 18);
    }
    for (let y = Math.ceil(box.getSouth() / step) * step; y <= box.getNorth(); y += step) {
      L.polyline([[y, box.getWest()], [y, box.getEast()]], style).addTo(grid);
      label([y, box.getWest()], "\u00a0" + y.toFixed(digits) + "° N", 0);
    }
  }

  function draw(facilities, changes, onFacility, onChange, types, statuses) {
    places.clearLayers();
    shapes.clearLayers();
    const count = new Map();
    for (const change of changes) count.set(change.facility_id, (count.get(change.facility_id) || 0) + 1);
    for (const place of facilities) {
      L.polygon(place.area.map(flip), { color: "#777", weight: 1, fill: false, interactive: false }).addTo(places);
      const seen = place.outcome === "assessed";
      L.circleMarker([place.latitude, place.longitude], {
        radius: 4 + Math.min(7, 1.5 * Math.sqrt(count.get(place.facility_id) || 0)), color: "#222", weight: 1.5, fillColor: seen ? "#222" : "#fff", fillOpacity: 1,
      }).on("click", () => onFacility(place)).addTo(places);
    }
    for (const change of changes) {
      const type = types[change.change_type];
      const out = change.status === "withdrawn" || change.review_status === "rejected";
      L.polygon(outlines(change.polygons), {
        color: out ? "#777" : type.colour, weight: type.line ? 3 : 2, dashArray: statuses[change.status].dash || null,
        fill: true, fillOpacity: type.line ? 0.02 : out ? 0.1 : 0.15 + 0.35 * (change.confidence ?? 1),
      }).on("click", () => onChange(change)).addTo(shapes);
    }
  }

  function showArea(polygons) {
    selection.clearLayers();
    map.fitBounds(L.latLngBounds(polygons.flatMap((rings) => flip(rings[0]))).pad(0.6), { maxZoom: 17, animate: false });
  }

  // The chosen change stands out, also where the filters hide it; along a perimeter's sides runs a band, the stronger
  // the more of the side is seen; narrow along what divides it.
  function showChange(change, colour) {
    showArea(change.polygons);
    for (const side of change.sides) {
      L.polyline(flip(side.line), { color: colour, weight: side.role === "interior" ? 8 : 16, opacity: 0.08 + 0.5 * side.strength, lineCap: "butt" })
        .bindTooltip(`side ${side.side_number}: ${side.length_m.toFixed(0)} m, ${Math.round(100 * side.strength)} % seen as a line`, { sticky: true })
        .addTo(selection);
    }
    for (const [line, weight] of [["#000", 6], ["#fff", 3.5]]) {
      L.polygon(outlines(change.polygons), { color: line, weight, fill: false, interactive: false }).addTo(selection);
    }
    L.polygon(outlines(change.polygons), { color: colour, weight: 2, fill: false, interactive: false }).addTo(selection);
  }

  function setBackground(url) {
    if (background) background.remove();
    background = url ? L.tileLayer(url, { attribution: new URL(url.replace(/[{}]/g, "")).hostname }).addTo(map) : null;
  }

  return { create, draw, showArea, showChange, setBackground };
})();
