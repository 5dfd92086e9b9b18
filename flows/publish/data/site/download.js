"use strict";
// Makes files of exactly what is filtered, in the browser: nothing is sent anywhere.
window.FW_download = (function () {
  const FORMULA = /^\s*[=+\-@＝＋－＠]/;

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type + ";charset=utf-8" }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function cell(content) {
    if (content === null || content === undefined) return "";
    let text = String(content);
    // A spreadsheet would run such text as a formula.
    if (typeof content === "string" && FORMULA.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  function csv(header, rows) {
    return "\ufeff" + [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function geometry(polygons) {
    return polygons.length === 1
      ? { type: "Polygon", coordinates: polygons[0] }
      : { type: "MultiPolygon", coordinates: polygons };
  }

  return {
    geojson(changes, names) {
      const features = changes.map((change) => JSON.stringify({
        type: "Feature",
        id: change.change_id,
        geometry: geometry(change.polygons),
        properties: Object.fromEntries(names.map((name) => [name, change[name]])),
      }));
      const text = '{"type":"FeatureCollection","features":[\n' + features.join(",\n") + "\n]}\n";
      save("changes-filtered.geojson", "application/geo+json", text);
    },
    csv(changes, names) {
      save("changes-filtered.csv", "text/csv", csv(names, changes.map((change) => names.map((name) => change[name]))));
    },
    evidence(changes) {
      const rows = changes.filter((change) => change.evidence_after).map((change) => [
        change.change_id, change.evidence_before, change.evidence_after, change.evidence_sha256,
        change.chip ? change.chip.rasters.before : null, change.chip ? change.chip.rasters.after : null,
        change.attribution,
      ]);
      const header = ["change_id", "before_png", "after_png", "sha256_of_both", "before_tif", "after_tif", "attribution"];
      save("evidence-filtered.csv", "text/csv", csv(header, rows));
    },
    citations(changes) {
      const text = changes.map((change) => change.sentence + "\n" + change.citation + "\n").join("\n");
      save("citations.txt", "text/plain", text);
    },
  };
})();
