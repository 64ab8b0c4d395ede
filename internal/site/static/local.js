// A script of a page that is opened as a file may not load modules or fetch anything, so
// this one is none.
"use strict";
if (location.protocol === "file:") {
  document.getElementById("local").hidden = false;
  document.getElementById("intake").hidden = true;
}
