// Writes times.json: how Date.prototype.toLocaleString() of this Node.js writes
// instants in zones and locales. It needs one with all of ICU:
//
//	node times.mjs >times.json
const locales = [
  "ar", "ar-AE", "ar-EG", "ar-SA", "de", "de-AT", "de-CH", "de-DE", "en", "en-AU", "en-CA", "en-GB", "en-US",
  "bn", "es-ES", "fa-IR", "fr", "fr-FR", "ja-JP", "ko-KR", "ne", "sv-SE", "th-TH", "zh", "zh-CN", "zh-HK", "zh-TW",
];
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Cairo"];
const instants = [
  "2026-06-25T13:53:15Z", // a day that is no month
  "2026-03-04T05:06:07Z", // one digit each
  "2026-12-11T10:11:12Z", // two digits each
  "2026-06-05T00:00:00Z", "2026-06-05T00:00:59Z", "2026-06-05T12:00:00Z", "2026-06-05T12:59:59Z",
  "2026-01-01T00:59:59Z", "2026-01-31T23:00:00Z", "2026-01-31T23:59:59Z", // midnights, and the hour after
  "2026-06-04T22:00:00Z", "2026-06-05T10:00:00Z", "2026-06-05T10:30:00Z", // midnight and noon in Berlin
  "2026-07-09T04:00:00Z", "2026-07-09T16:00:00Z", "2026-07-09T16:59:01Z", // and in New York
  "2026-07-09T18:30:00Z", "2026-07-09T06:30:00Z", // and in India
  "2024-02-29T09:08:07Z", // a leap day
  "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", // before and after clocks are set forward in Berlin
  "2026-10-24T23:59:59Z", "2026-10-25T02:00:00Z", // around the hour that they show twice
  "2025-05-30T09:14:07Z", "2025-10-02T23:59:31Z", "2025-12-15T13:13:13Z", "2025-08-26T05:45:01Z",
];
const texts = {};
for (const zone of zones) {
  texts[zone] = {};
  for (const locale of locales) {
    texts[zone][locale] = instants.map((i) => new Date(i).toLocaleString(locale, { timeZone: zone }));
  }
}
const { node, icu } = process.versions;
// One line for each zone and locale.
console.log(JSON.stringify({ node, icu, instants, texts }, null, 1).replace(/\n {3,}"(?!.*: \[)|\n {2,}\]/g, (m) => m.trim()));
