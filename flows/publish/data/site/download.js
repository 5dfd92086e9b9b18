"use strict";
// Makes files of exactly what is filtered, in the browser: nothing is sent anywhere.
window.FW_download = (function () {
  const FORMULA = /^\s*[=+\-@＝＋－＠]/;

  function save(name, type, content) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
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

  function geojson(changes, names) {
    const features = changes.map((change) => JSON.stringify({
      type: "Feature",
      id: change.change_id,
      geometry: geometry(change.polygons),
      properties: Object.fromEntries(names.map((name) => [name, change[name]])),
    }));
    return '{"type":"FeatureCollection","features":[\n' + features.join(",\n") + "\n]}\n";
  }

  function table(changes, names) {
    return csv(names, changes.map((change) => names.map((name) => change[name])));
  }

  function citations(changes) {
    return changes.map((change) => change.sentence + "\n" + change.citation + "\n").join("\n");
  }

  return {
    geojson: (changes, names) => save("changes-filtered.geojson", "application/geo+json;charset=utf-8", geojson(changes, names)),
    csv: (changes, names) => save("changes-filtered.csv", "text/csv;charset=utf-8", table(changes, names)),
    citations: (changes) => save("citations.txt", "text/plain;charset=utf-8", citations(changes)),
    async chips(changes, names, tell) {
      const shown = changes.filter((change) => change.chip);
      const texts = [
        ["changes-filtered.geojson", geojson(shown, names)],
        ["changes-filtered.csv", table(shown, names)],
        ["citations.txt", citations(shown)],
      ];
      save("chips-filtered.zip", "application/zip", await FW_archive.make(shown, texts, tell));
    },
  };
})();
