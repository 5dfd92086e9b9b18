"use strict";
// One ZIP archive of the images of exactly the changes that are asked for. Their bytes come from scripts beside the page,
// one per change, because a page opened from disk may read no file.
window.FW_archive = (function () {
  const MOST_BYTES = 2e9; // what a browser keeps of one download, and a ZIP archive without extensions holds
  const WHEN = new Date(1980, 0, 1); // no time of its own, so that the same selection gives the same archive
  const waiting = new Map();

  function take(path, images) {
    waiting.get(path)?.(images);
  }

  function load(path) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      waiting.set(path, resolve);
      script.src = "../" + path.split("/").map(encodeURIComponent).join("/");
      script.onerror = () => reject(new Error(`${path} is missing: was the folder copied whole?`));
      script.onload = () => { waiting.delete(path); script.remove(); };
      document.head.append(script);
    });
  }

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const size = (changes) => changes.reduce((sum, change) => sum + (change.chip ? change.chip.bytes : 0), 0);

  // texts: what goes beside the images, [name, content]; tell: called with the number of changes done.
  async function make(changes, texts, tell) {
    const shown = changes.filter((change) => change.chip);
    if (size(shown) > MOST_BYTES) throw new Error("More than 2 GB: narrow the filter and download in parts.");
    const parts = [];
    let failure = null;
    const zip = new fflate.Zip((error, chunk) => { if (error) failure = error; else parts.push(new Blob([chunk])); });
    const add = (name, bytes) => {
      const entry = new fflate.ZipPassThrough(name); // images are compressed already
      entry.mtime = WHEN;
      zip.add(entry);
      entry.push(bytes, true);
    };
    for (const [name, content] of texts) add(name, fflate.strToU8(content));
    for (const [done, change] of shown.entries()) {
      const images = await load(change.chip.bundle);
      for (const [name, base64] of Object.entries(images)) add(name, bytesOf(base64));
      tell(done + 1, shown.length);
    }
    zip.end();
    if (failure) throw failure;
    return new Blob(parts, { type: "application/zip" });
  }

  return { make, size, take };
})();
