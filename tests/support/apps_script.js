// Google's services as a recipe for Apps Script uses them: UrlFetchApp sends for real, by curl; a sheet is printed.
const { execFileSync } = require("node:child_process");

const UrlFetchApp = {
  fetch(url, { method, contentType, headers, payload }) {
    const lines = Object.entries({ "Content-Type": contentType, ...headers }).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const printed = execFileSync("curl", ["-sSi", "-X", method.toUpperCase(), ...lines, "--data-binary", payload, url], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const end = printed.indexOf("\r\n\r\n");
    const [status, ...fields] = printed.slice(0, end).split("\r\n");
    return {
      getResponseCode: () => Number(status.split(" ")[1]),
      getHeaders: () => Object.fromEntries(fields.map((field) => field.split(": "))),
      getContentText: () => printed.slice(end + 4),
    };
  },
};
const Utilities = { sleep: (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds) };
const SpreadsheetApp = {
  getActiveSheet: () => ({
    clearContents() {},
    getRange: (row, column, rows, columns) => ({
      setValues(table) {
        if (table.length !== rows || table.some((line) => line.length !== columns)) throw new Error("another size");
        console.log(JSON.stringify(table));
      },
    }),
  }),
};
let PropertiesService;

function run(work, token) {
  PropertiesService = { getScriptProperties: () => ({ getProperty: (name) => (name === "token" ? token : null) }) };
  work();
}
