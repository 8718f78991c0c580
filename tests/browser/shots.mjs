// Screenshots of a report for the documentation: light, dark and narrow. The page's own hash and time are the demo's.
//
// Usage: node shots.mjs REPORT.html OUT_DIRECTORY
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./browser.mjs";

const [page, out] = process.argv.slice(2);
if (!page || !out) throw new Error("usage: node shots.mjs REPORT.html OUT_DIRECTORY");
mkdirSync(out, { recursive: true });
const browser = await launch();
for (const [name, width, height, colorScheme] of [
  ["light", 1200, 1500, "light"],
  ["dark", 1200, 1500, "dark"],
  ["narrow", 400, 1500, "light"],
]) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
  const tab = await context.newPage();
  await tab.goto(pathToFileURL(resolve(page)).href);
  await tab.screenshot({ path: join(out, `report-${name}.png`) });
  // One finding opened, where it stands.
  if (process.env.SHOTS_ALL) {
    for (const id of ["outside", "findings", "coverage"]) {
      await tab.evaluate((id) => {
        const finding = document.querySelector(".finding");
        if (id === "findings") finding.open = true;
        document.getElementById(id).scrollIntoView();
      }, id);
      await tab.screenshot({ path: join(out, `part-${id}-${name}.png`) });
    }
  }
  await context.close();
}
await browser.close();
